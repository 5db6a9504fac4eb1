/*
 * GET /v2/_catalog: the packages that the caller may read, in byte order, page by page.
 *
 * Nobody anonymous: a list of all that is public is for people who belong here. A token without
 * read:packages sees what is public.
 */
#include <jansson.h>

#include "gateway/api_json.h"
#include "gateway/handlers.h"
#include "gateway/page.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/lookups.h"
#include "metadb/packages.h"

int v2_catalog_list(struct request *rq)
{
	bool reads = (scope_closure(rq->caller->scopes) & SCOPE_READ_PACKAGES) != 0;
	int64_t whose = reads ? rq->caller->account_id : 0;
	struct name_list list;
	struct page page;
	json_t *names;
	int rc;

	rc = page_read(rq, repository_valid, &page);
	if (rc != 0)
		return rc;
	rc = await_catalog_list(rq->worker->metadb, rq->arena, whose, rq->caller->token_id,
				page.last, page.n, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing packages");
	if (list.more && list.count > 0)
		page_link_next(rq, &page, "/v2/_catalog", list.name[list.count - 1]);
	names = json_array();
	for (size_t i = 0; i < list.count; i++)
		json_array_append_new(names, json_string(list.name[i]));
	return api_json_reply(rq, 200, json_pack("{s:o}", "repositories", names));
}
