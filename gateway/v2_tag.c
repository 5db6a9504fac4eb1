/* GET /v2/{name}/tags/list: tags in byte order, page by page (`n`, `last`, Link). */
#include <jansson.h>
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/handlers.h"
#include "gateway/page.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/manifests.h"

int v2_tag_list(struct request *rq)
{
	struct name_list tags;
	struct page page;
	json_t *names;
	int rc;

	rc = page_read(rq, tag_valid, &page);
	if (rc != 0)
		return rc;
	/* Blobs alone, of a push that is not over or was given up, do not make it visible. */
	if (!rq->standing.published)
		return refuse(rq, NAME_UNKNOWN, NULL);
	rc = await_tags_list(rq->worker->metadb, rq->arena, rq->package_id, page.last, page.n,
			     &tags);
	if (rc < 0)
		return give_up(rq, rc, "listing tags");
	if (tags.more && tags.count > 0)
		page_link_next(rq, &page,
			       arena_printf(rq->arena, "/v2/%s/tags/list", rq->repo.full),
			       tags.name[tags.count - 1]);
	names = json_array();
	for (size_t i = 0; i < tags.count; i++)
		json_array_append_new(names, json_string(tags.name[i]));
	return api_json_reply(rq, 200,
			      json_pack("{s:s, s:o}", "name", rq->repo.full, "tags", names));
}
