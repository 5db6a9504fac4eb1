/*
 * Lists of GitHub's REST, page by page: the parameters per_page and page, or since, and the
 * header Link with the addresses of other pages.
 *
 *   struct api_page page;
 *   status = api_page_read(rq, &page);
 *   … LIMIT page.size OFFSET page.offset …
 *   return api_page_reply(rq, &page, array, total);
 *
 * As at GitHub per_page is 30 unless it is said, and more than 100 mean 100. What is no number
 * is refused. Numbered pages end at PAGE_REACH (gateway/page_links.h) elements, since the
 * database walks past all that stand before a page.
 */
#pragma once

#include <jansson.h>

#include "gateway/cursor.h"
#include "gateway/request.h"

#define API_PAGE_SIZE 30
#define API_PAGE_MAX  100

struct api_page {
	int64_t number; /* from 1 */
	int64_t size;	/* elements of a page, 1 to API_PAGE_MAX */
	int64_t offset; /* elements before this page */
};

/* Instead of a total: there is another page, and nobody counts how many. */
#define API_PAGE_MORE (-1)

/* per_page and page. 0, or it has refused (422) and returns the status. */
int api_page_read(struct request *rq, struct api_page *out) MUST_CHECK;
/* The header Link. total: elements of all pages together, or API_PAGE_MORE. */
void api_page_link(struct request *rq, const struct api_page *p, int64_t total);
/* Answer 200 with the page's elements, a JSON array whose reference is taken over, and Link. */
int api_page_reply(struct request *rq, const struct api_page *p, json_t *list, int64_t total);

/*
 * Lists without numbers: per_page and after. They begin with an empty `after`, go on with what
 * rel="next" says, to any length; a page may have fewer elements than wanted, even none, as
 * long as there is a rel="next".
 */
struct api_after {
	struct cursor cursor; /* {0, ""}: from the start */
	int64_t size;	      /* as above */
};
/* Is it asked for? Numbered pages are, when it is not. */
bool api_after_wanted(struct request *rq);
/* `page` does not go with it (422). */
int api_after_read(struct request *rq, struct api_after *out) MUST_CHECK;
/* next: where it goes on, NULL: nothing follows. */
int api_after_reply(struct request *rq, json_t *list, const struct cursor *next);

/* Lists in the order of ids that are read on from one of them: per_page and since. */
struct api_since {
	int64_t after; /* ids greater than this one, 0: from the start */
	int64_t size;  /* as above; ask for one more, to know whether there is a next page */
};
int api_since_read(struct request *rq, struct api_since *out) MUST_CHECK;
/* last_id: of the last element, when there are more behind it; otherwise 0. */
int api_since_reply(struct request *rq, const struct api_since *s, json_t *list,
		    int64_t last_id);
