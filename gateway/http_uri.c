/*
 * Percent-decoding and splitting of paths and queries. Each text is decoded into one copy in
 * the arena; what is found are pointers into that copy.
 */
#include "gateway/http_uri.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "proto/base/arena.h"
#include "proto/base/hex.h"

void uri_split(struct slice target, struct slice *path, struct slice *query)
{
	const char *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;

	*path = target;
	*query = (struct slice){"", 0};
	if (mark != NULL) {
		path->len = (size_t)(mark - target.data);
		*query = (struct slice){mark + 1, target.len - path->len - 1};
	}
}

/* Decode into `to` (room for len + 1 bytes), end it with a NUL; the length, or ERR_SYNTAX. */
static int64_t decode(char *to, const char *from, size_t len, bool plus)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = from[i];

		if (c == '%') {
			int high = len - i > 2 ? hex_digit(from[i + 1]) : -1;
			int low = len - i > 2 ? hex_digit(from[i + 2]) : -1;

			if (high < 0 || low < 0)
				return ERR_SYNTAX;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (plus && c == '+') {
			c = ' ';
		}
		if (c == '\0')
			return ERR_SYNTAX;
		to[n++] = c;
	}
	to[n] = '\0';
	return (int64_t)n;
}

/* Where `c` stands next, or the end. */
static size_t reach(const char *data, size_t len, char c)
{
	const char *at = len > 0 ? memchr(data, c, len) : NULL;

	return at != NULL ? (size_t)(at - data) : len;
}

int uri_path_parse(struct arena *a, struct slice path, struct uri_path *out)
{
	const char *from = path.data;
	size_t left = path.len;
	/* Decoded text is never longer; each segment's NUL stands where its slash was. */
	char *to;

	out->count = 0;
	if (left == 0 || from[0] != '/')
		return ERR_SYNTAX;
	to = arena_alloc(a, left + 1);
	while (left > 0) {
		size_t len = reach(from + 1, left - 1, '/');
		int64_t n = decode(to, from + 1, len, false);

		if (n < 0)
			return ERR_SYNTAX;
		if (out->count == URI_SEGMENTS_MAX)
			return ERR_LIMIT;
		out->segment[out->count++] = (struct slice){to, (size_t)n};
		to += n + 1;
		from += len + 1;
		left -= len + 1;
	}
	return 0;
}

static int pair_parse(struct arena *a, const char *data, size_t len, struct uri_pair *out)
{
	size_t name_len = reach(data, len, '=');
	size_t value_len = name_len < len ? len - name_len - 1 : 0;
	char *name = arena_alloc(a, len + 2);
	char *value = name + name_len + 1;

	if (decode(name, data, name_len, true) < 0)
		return ERR_SYNTAX;
	if (decode(value, data + len - value_len, value_len, true) < 0)
		return ERR_SYNTAX;
	*out = (struct uri_pair){name, value};
	return 0;
}

int uri_query_parse(struct arena *a, struct slice text, struct uri_query *out)
{
	struct uri_pair pairs[URI_QUERY_MAX];
	unsigned count = 0;

	*out = (struct uri_query){0};
	while (text.len > 0) {
		size_t len = reach(text.data, text.len, '&');

		if (len > 0) {
			if (count == URI_QUERY_MAX)
				return ERR_LIMIT;
			if (pair_parse(a, text.data, len, &pairs[count]) < 0)
				return ERR_SYNTAX;
			count++;
		}
		if (len == text.len)
			break;
		text.data += len + 1;
		text.len -= len + 1;
	}
	if (count > 0) {
		out->pairs = arena_alloc(a, count * sizeof(pairs[0]));
		memcpy(out->pairs, pairs, count * sizeof(pairs[0]));
	}
	out->count = count;
	return 0;
}

const char *uri_query_get(const struct uri_query *q, const char *name, unsigned index)
{
	for (unsigned i = 0; i < q->count; i++)
		if (strcmp(q->pairs[i].name, name) == 0 && index-- == 0)
			return q->pairs[i].value;
	return NULL;
}

static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

const char *uri_escape(struct arena *a, const char *text, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, 3 * strlen(text) + 1);
	char *to = out;

	for (; *text != '\0'; text++) {
		if (unreserved(*text) || strchr(keep, *text) != NULL) {
			*to++ = *text;
			continue;
		}
		*to++ = '%';
		*to++ = digits[(unsigned char)*text >> 4];
		*to++ = digits[(unsigned char)*text & 15];
	}
	*to = '\0';
	return out;
}
