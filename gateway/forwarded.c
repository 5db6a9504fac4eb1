/*
 * Forwarded is a list, each proxy adds an element at its end: for=… ; proto=https ;
 * host="a.example:1". X-Forwarded-Proto and X-Forwarded-Host are lists of bare words. Only the
 * last item counts: it is what the proxy that we trust has said itself.
 */
#include "gateway/forwarded.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255

/* The end of the item at `at`: the first of `ends` that stands in no quoted string. */
static const char *item_end(const char *at, const char *ends)
{
	bool quoted = false;

	for (; *at != '\0'; at++) {
		if (quoted && *at == '\\' && at[1] != '\0')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && strchr(ends, *at) != NULL)
			break;
	}
	return at;
}

/* The text without blanks around it, and without quotes. */
static const char *trimmed(struct arena *a, const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (end - at >= 2 && *at == '"' && end[-1] == '"') {
		at++;
		end--;
	}
	return arena_memdup(a, at, (size_t)(end - at));
}

static const char *last_item(const char *list)
{
	for (const char *end = item_end(list, ","); *end != '\0'; end = item_end(list, ","))
		list = end + 1;
	return list;
}

static const char *scheme_of(const char *text)
{
	if (text != NULL && strcasecmp(text, "https") == 0)
		return "https";
	return text != NULL && strcasecmp(text, "http") == 0 ? "http" : NULL;
}

/* It will stand in headers of ours: what is no host name or address is not taken. */
static const char *host_of(const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);

	if (len == 0 || len > HOST_MAX ||
	    strspn(text,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") !=
		    len)
		return NULL;
	return text;
}

/* The pairs of the last element. */
static void read_pairs(struct arena *a, const char *at, struct forwarded *out)
{
	while (*at != '\0') {
		const char *end = item_end(at, ";");
		const char *equals = item_end(at, "=;");

		if (*equals == '=') {
			const char *name = trimmed(a, at, equals);
			const char *value = trimmed(a, equals + 1, end);

			if (strcasecmp(name, "proto") == 0)
				out->scheme = scheme_of(value);
			else if (strcasecmp(name, "host") == 0)
				out->host = host_of(value);
			else if (strcasecmp(name, "for") == 0)
				out->client = value;
		}
		at = *end == '\0' ? end : end + 1;
	}
}

static const char *last_text(struct arena *a, const char *list)
{
	const char *at;

	if (list == NULL)
		return NULL;
	at = last_item(list);
	return trimmed(a, at, at + strlen(at));
}

/* "192.0.2.7:4711", "[2001:db8::7]:4711" and what has no port; a bare IPv6 address, too. */
static const char *without_port(struct arena *a, const char *node)
{
	const char *end = strchr(node, ']');
	const char *colon = strchr(node, ':');

	if (node[0] == '[' && end != NULL)
		return arena_memdup(a, node + 1, (size_t)(end - node - 1));
	if (colon != NULL && strchr(colon + 1, ':') == NULL)
		return arena_memdup(a, node, (size_t)(colon - node));
	return node;
}

const char *forwarded_client(struct arena *a, const char *forwarded, const char *x_for)
{
	struct forwarded said = {0};

	if (forwarded != NULL)
		read_pairs(a, last_item(forwarded), &said);
	if (said.client == NULL)
		said.client = last_text(a, x_for);
	return said.client != NULL ? without_port(a, said.client) : NULL;
}

void forwarded_read(struct arena *a, const char *forwarded, const char *x_proto,
		    const char *x_host, struct forwarded *out)
{
	*out = (struct forwarded){0};
	if (forwarded != NULL)
		read_pairs(a, last_item(forwarded), out);
	if (out->scheme == NULL)
		out->scheme = scheme_of(last_text(a, x_proto));
	if (out->host == NULL)
		out->host = host_of(last_text(a, x_host));
}
