/* Pages of REST: numbers in, links out. */
#include "gateway/api_page.h"

#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_query.h"
#include "gateway/page_links.h"
#include "gateway/reply.h"

static int size_read(struct request *rq, int64_t *out)
{
	int status;

	*out = API_PAGE_SIZE;
	status = api_query_number(rq, "Page", "per_page", API_PAGE_MAX, out);
	if (*out == 0)
		*out = API_PAGE_SIZE;
	return status;
}

int api_page_read(struct request *rq, struct api_page *out)
{
	int status = size_read(rq, &out->size);

	out->number = 1;
	if (status == 0)
		status = api_query_number(rq, "Page", "page", PAGE_REACH + 1, &out->number);
	if (status != 0)
		return status;
	if (out->number == 0)
		out->number = 1;
	out->offset = (out->number - 1) * out->size;
	if (out->offset >= PAGE_REACH)
		return api_json_invalid(rq, "Page", "page", "invalid");
	return 0;
}

/* The list's own address, without the query. */
static const char *list_url(struct request *rq)
{
	const char *url = arena_printf(rq->arena, "%s", request_base_url(rq));
	struct uri_path parts;
	struct slice path, query;

	uri_split(rq->head->target, &path, &query);
	if (uri_path_parse(rq->arena, path, &parts) < 0)
		return url;
	for (unsigned i = 0; i < parts.count; i++)
		url = arena_printf(rq->arena, "%s/%s", url,
				   uri_escape(rq->arena, parts.segment[i].data, ""));
	return url;
}

void api_page_link(struct request *rq, const struct api_page *p, int64_t total)
{
	const char *links =
		page_links(rq->arena, list_url(rq), &rq->query, p->number, p->size, total);

	if (*links != '\0')
		reply_header(rq, "Link", "%s", links);
}

int api_page_reply(struct request *rq, const struct api_page *p, json_t *list, int64_t total)
{
	api_page_link(rq, p, total);
	return api_json_reply(rq, 200, list);
}

bool api_after_wanted(struct request *rq)
{
	return request_query(rq, "after") != NULL;
}

int api_after_read(struct request *rq, struct api_after *out)
{
	const char *text = request_query(rq, "after");
	int status = size_read(rq, &out->size);

	out->cursor = (struct cursor){0, ""};
	if (status != 0)
		return status;
	if (request_query(rq, "page") != NULL)
		return api_json_invalid(rq, "Page", "page", "invalid");
	if (text != NULL && *text != '\0' && cursor_read(rq->arena, text, &out->cursor) < 0)
		return api_json_invalid(rq, "Page", "after", "invalid");
	return 0;
}

int api_after_reply(struct request *rq, json_t *list, const struct cursor *next)
{
	if (next != NULL)
		reply_header(rq, "Link", "%s",
			     after_links(rq->arena, list_url(rq), &rq->query,
					 cursor_print(rq->arena, next)));
	return api_json_reply(rq, 200, list);
}

int api_since_read(struct request *rq, struct api_since *out)
{
	int status = size_read(rq, &out->size);

	out->after = 0;
	return status != 0 ? status
			   : api_query_number(rq, "Page", "since", INT64_MAX / 16, &out->after);
}

int api_since_reply(struct request *rq, const struct api_since *s, json_t *list,
		    int64_t last_id)
{
	const char *links = since_links(rq->arena, list_url(rq), &rq->query, s->after, last_id);

	if (*links != '\0')
		reply_header(rq, "Link", "%s", links);
	return api_json_reply(rq, 200, list);
}
