/*
 * Paths and queries: percent-decoding and splitting. Pure functions; any thread.
 *
 * Decoding is strict: a broken escape or a NUL, plain or escaped, refuses the request. A path
 * is split at its literal slashes first and each segment decoded after, so that an escaped
 * slash stays inside its segment (GitHub's REST names packages that way: team%2Fapp).
 */
#pragma once

#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define URI_SEGMENTS_MAX 160 /* a repository name of 255 bytes has at most 128 */
#define URI_QUERY_MAX	 64  /* parameters */

/* `/a/b%2Fc/` → "a", "b/c", "": what stands between slashes; the first slash opens the path. */
struct uri_path {
	unsigned count;
	struct slice segment[URI_SEGMENTS_MAX]; /* decoded, each ends in a NUL too */
};

struct uri_pair {
	const char *name;
	const char *value; /* "" when there is no = */
};

struct uri_query {
	unsigned count;
	struct uri_pair *pairs;
};

/* Path and query of an origin-form target; query is empty without a '?'. */
void uri_split(struct slice target, struct slice *path, struct slice *query);

/* ERR_SYNTAX (broken escape, NUL, no leading slash), ERR_LIMIT (too many segments). */
int uri_path_parse(struct arena *a, struct slice path, struct uri_path *out) MUST_CHECK;

/* A query or an application/x-www-form-urlencoded body: + is a blank. Errors as above. */
int uri_query_parse(struct arena *a, struct slice text, struct uri_query *out) MUST_CHECK;

/* Value of the index-th parameter of this name (0: the first); NULL when there is none. */
const char *uri_query_get(const struct uri_query *q, const char *name, unsigned index);

/* The text with everything but unreserved characters and those in `keep` escaped. */
const char *uri_escape(struct arena *a, const char *text, const char *keep);
