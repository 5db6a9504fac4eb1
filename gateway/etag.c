/*
 *   If-None-Match:  * | ["W/"] "tag" , ["W/"] "tag" …      If-Range:  "tag"
 */
#include "gateway/etag.h"

#include <stddef.h>
#include <string.h>

static const char *skip(const char *at, const char *what)
{
	return at + strspn(at, what);
}

/* The tag that begins at `at` (a quote): is it the digest, and where does it end? NULL: it does
 * not. */
static const char *take(const char *at, const char *digest, bool *same)
{
	size_t len = strcspn(at + 1, "\"");

	if (at[1 + len] != '"')
		return NULL;
	*same = len == strlen(digest) && memcmp(at + 1, digest, len) == 0;
	return at + len + 2;
}

bool etag_listed(const char *header, const char *digest)
{
	const char *at = header;
	bool same = false;

	if (at == NULL)
		return false;
	at = skip(at, " \t");
	if (*at == '*')
		return *skip(at + 1, " \t") == '\0';
	while (*at != '\0' && !same) {
		at = skip(at, ", \t");
		if (at[0] == 'W' && at[1] == '/')
			at += 2;
		if (*at != '"')
			return false;
		at = take(at, digest, &same);
		if (at == NULL)
			return false;
	}
	return same;
}

bool etag_is(const char *header, const char *digest)
{
	const char *end;
	bool same;

	header = skip(header, " \t");
	if (*header != '"')
		return false;
	end = take(header, digest, &same);
	return end != NULL && same && *skip(end, " \t") == '\0';
}
