/* Pages: whole decimal numbers only; more than a page holds means a page. */
#include "gateway/page.h"

#include <string.h>

#include "gateway/reply.h"

#define PAGE_DEFAULT 100

static int size_read(const char *text, size_t *out)
{
	*out = PAGE_DEFAULT;
	if (text == NULL)
		return 0;
	*out = 0;
	if (*text == '\0')
		return ERR_SYNTAX;
	for (; *text >= '0' && *text <= '9'; text++)
		*out = *out < PAGE_MAX ? *out * 10 + (size_t)(*text - '0') : PAGE_MAX;
	if (*out > PAGE_MAX)
		*out = PAGE_MAX;
	return *text == '\0' ? 0 : ERR_SYNTAX;
}

int page_read(struct request *rq, bool (*valid)(const char *, size_t), struct page *out)
{
	out->last = request_query(rq, "last");
	if (out->last == NULL)
		out->last = "";
	if (size_read(request_query(rq, "n"), &out->n) < 0)
		return refuse(rq, PAGINATION_INVALID, "n must be a number");
	if (*out->last != '\0' && !valid(out->last, strlen(out->last)))
		return refuse(rq, PAGINATION_INVALID, "last must be a name from such a list");
	return 0;
}

void page_link_next(struct request *rq, const struct page *p, const char *path,
		    const char *last)
{
	reply_header(rq, "Link", "<%s%s?last=%s&n=%zu>; rel=\"next\"", request_origin(rq), path,
		     uri_escape(rq->arena, last, ""), p->n);
}
