/*
 * The header Link of lists that have pages, as GitHub words it: prev, next, last, first. Pure.
 *
 * `url` is the list's own, without its query; the query's other parameters are kept. Texts are
 * in the arena, "" for no link.
 */
#pragma once

#include <stdint.h>

#include "gateway/http_uri.h"
#include "proto/base/arena.h"

#define PAGE_REACH 1000000 /* elements that numbered pages show, at most */

/* Page `number` (from 1) of pages of `size`. total: elements of all pages together; negative:
 * at least one page follows, and nobody knows how many. */
const char *page_links(struct arena *a, const char *url, const struct uri_query *query,
		       int64_t number, int64_t size, int64_t total);
/* A list that goes on; next: the text for its parameter `after`. */
const char *after_links(struct arena *a, const char *url, const struct uri_query *query,
			const char *next);
/* A list read on by `since`. last_id: of the page's last element, 0: nothing follows. */
const char *since_links(struct arena *a, const char *url, const struct uri_query *query,
			int64_t after, int64_t last_id);
