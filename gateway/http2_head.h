/*
 * The head of a request of HTTP/2, put together field by field. Pure functions; any thread.
 *
 * What comes out is the same struct http_head that HTTP/1 yields, judged by the same rules
 * (http_head_judge()), within the same bounds. The library below has checked the syntax of
 * names and the pseudo-header fields' order; nothing here relies on that for memory.
 */
#pragma once

#include "gateway/http_head.h"

struct http2_head {
	struct arena *arena; /* NULL: none is being put together */
	struct http_head *head;
	unsigned room;	 /* for fields */
	size_t bytes;	 /* as SETTINGS_MAX_HEADER_LIST_SIZE counts them */
	int status;	 /* to refuse it with; 0: none yet */
	const char *why; /* for people */
};

void http2_head_begin(struct http2_head *h);
/* What is too much is counted and dropped. */
void http2_head_add(struct http2_head *h, struct slice name, struct slice value);
/* All fields are there: 0, or the status to refuse it with, and h->why. */
int http2_head_finish(struct http2_head *h, bool body_follows) MUST_CHECK;
/* The arena with the head is the caller's now. */
struct arena *http2_head_take(struct http2_head *h, struct http_head **out);
void http2_head_drop(struct http2_head *h);
