/* GET /v2/{name}/tags/list: tags in byte order, page by page (`n`, `last`, Link). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/manifests.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     1000

/* Whole decimal numbers only; more than a page holds means a page. */
static int page_size(const char *text, size_t *out)
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

int v2_tag_list(struct request *rq)
{
	const char *last = request_query(rq, "last");
	struct tag_list tags;
	json_t *names;
	size_t limit;
	int rc;

	if (page_size(request_query(rq, "n"), &limit) < 0)
		return refuse(rq, PAGINATION_INVALID, "n must be a number");
	/* Blobs alone, of a push that is not over or was given up, do not make it visible. */
	if (!rq->standing.published)
		return refuse(rq, NAME_UNKNOWN, NULL);
	rc = await_tags_list(rq->worker->metadb, rq->arena, rq->package_id, last, limit, &tags);
	if (rc < 0)
		return give_up(rq, rc, "listing tags");
	if (tags.more && tags.count > 0)
		reply_header(rq, "Link", "</v2/%s/tags/list?last=%s&n=%zu>; rel=\"next\"",
			     rq->repo.full,
			     uri_escape(rq->arena, tags.name[tags.count - 1], ""), limit);
	names = json_array();
	for (size_t i = 0; i < tags.count; i++)
		json_array_append_new(names, json_string(tags.name[i]));
	return api_json_reply(rq, 200,
			      json_pack("{s:s, s:o}", "name", rq->repo.full, "tags", names));
}
