/*
 * GET of JSON from a REST API that is like GitHub's, with bounds on time and bytes. Blocks: for
 * commands, not for `serve`. The token goes to the API's own host only.
 */
#pragma once

#include <jansson.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define FETCH_BYTES_MAX (8 * 1024 * 1024) /* of one answer */
#define FETCH_PAGES_MAX 1000

struct fetch;

/* url: http or https; token: NULL for none. Both are copied. */
struct fetch *fetch_open(const char *url, const char *token);
void fetch_close(struct fetch *f);
/* Why the last call did not work: a line, valid until the next one. */
const char *fetch_why(const struct fetch *f);

/* The answers contradict each other: ERR_PROTOCOL, and fetch_why() is `why`. */
int fetch_doubt(struct fetch *f, const char *why) MUST_CHECK;

/*
 * All pages of a list: `path` behind the URL, with its query. An answer that says when to come
 * back is waited for, up to a minute, a few times. ERR_NOT_FOUND: 404; ERR_DENIED: 401 or 403;
 * ERR_LIMIT, ERR_PROTOCOL, ERR_UNAVAILABLE. The list is the arena's.
 */
int fetch_list(struct fetch *f, struct arena *a, const char *path, json_t **out) MUST_CHECK;
