/* Links to pages: each is the list's address with its query, one parameter of which is changed.
 */
#include "gateway/page_links.h"

#include <string.h>

/* Appends `, <url?query&name=value>; rel="rel"`. */
static const char *add_link(struct arena *a, const char *so_far, const char *address,
			    int64_t value, const char *rel)
{
	return arena_printf(a, "%s%s<%s%lld>; rel=\"%s\"", so_far, *so_far != '\0' ? ", " : "",
			    address, (long long)value, rel);
}

/* The URL with its query but for the parameter `name`, which comes last and lacks its value. */
static const char *address_of(struct arena *a, const char *url, const struct uri_query *query,
			      const char *name)
{
	size_t size = strlen(url) + strlen(name) + 3;
	char *out, *to;

	for (unsigned i = 0; i < query->count; i++)
		size += 3 * (strlen(query->pairs[i].name) + strlen(query->pairs[i].value)) + 2;
	to = out = arena_alloc(a, size);
	to = stpcpy(stpcpy(to, url), "?");
	for (unsigned i = 0; i < query->count; i++) {
		if (strcmp(query->pairs[i].name, name) == 0)
			continue;
		to = stpcpy(stpcpy(to, uri_escape(a, query->pairs[i].name, "")), "=");
		to = stpcpy(stpcpy(to, uri_escape(a, query->pairs[i].value, "")), "&");
	}
	stpcpy(stpcpy(to, name), "=");
	return out;
}

const char *page_links(struct arena *a, const char *url, const struct uri_query *query,
		       int64_t number, int64_t size, int64_t total)
{
	const char *address = address_of(a, url, query, "page");
	int64_t reach = (PAGE_REACH + size - 1) / size;
	int64_t last = total < 0 ? number + 1 : (total + size - 1) / size;
	const char *out = "";

	last = last == 0 ? 1 : last > reach ? reach : last;
	if (number > 1)
		out = add_link(a, out, address, number <= last ? number - 1 : last, "prev");
	if (number < last) {
		out = add_link(a, out, address, number + 1, "next");
		if (total >= 0)
			out = add_link(a, out, address, last, "last");
	}
	return number > 1 ? add_link(a, out, address, 1, "first") : out;
}

const char *after_links(struct arena *a, const char *url, const struct uri_query *query,
			const char *next)
{
	const char *address = address_of(a, url, query, "after");

	return arena_printf(a, "<%s%s>; rel=\"next\", <%s>; rel=\"first\"", address, next,
			    address);
}

const char *since_links(struct arena *a, const char *url, const struct uri_query *query,
			int64_t after, int64_t last_id)
{
	const char *out = "";

	if (last_id != 0)
		out = add_link(a, out, address_of(a, url, query, "since"), last_id, "next");
	else if (after == 0)
		return out;
	return arena_printf(a, "%s%s<%s{?since}>; rel=\"first\"", out, *out != '\0' ? ", " : "",
			    url);
}
