/* The parameters n and last of lists that are read page by page (OCI distribution-spec,
 * "Listing Tags"). */
#pragma once

#include "gateway/request.h"

#define PAGE_MAX 1000

struct page {
	size_t n; /* how many are wanted, at most PAGE_MAX; 100 when the client does not say */
	const char *last; /* go on after this one; "": from the start */
};

/* `valid` judges `last`, as a tag or a repository name. 0, or the status of a refusal. */
int page_read(struct request *rq, bool (*valid)(const char *, size_t), struct page *out);
/* The Link to the next page, behind `last`; path begins with a slash. */
void page_link_next(struct request *rq, const struct page *p, const char *path,
		    const char *last);
