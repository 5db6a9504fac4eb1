/*
 * The caller's right to read the source is looked up as for any pull, its bearer token's limits
 * included. Without `from` a few packages that have the blob are tried: to find the blob of a
 * popular base image at any price is not worth more than sending it.
 */
#include "gateway/mount.h"

#include <string.h>

#include "gateway/auth.h"
#include "gateway/worker.h"
#include "metadb/mounts.h"

#define SOURCES_MAX 8

static int await_from(struct request *rq, const struct repository_name *source,
		      const struct digest *d)
{
	struct package_target target = auth_target(rq);
	struct actor who = auth_actor(rq);
	int64_t source_id;
	int rc;

	rc = await_auth_readable(rq, source, &source_id);
	if (rc < 0)
		return rc;
	return await_blob_mount(rq->worker->metadb, &who, &target, source_id, d);
}

int await_mount(struct request *rq, const struct digest *d)
{
	const char *from = request_query(rq, "from");
	struct repository_name source[SOURCES_MAX];
	int rc, count = 1;

	if (from == NULL)
		count = await_blob_sources(rq->worker->metadb, rq->arena, d, rq->namespace_id,
					   source, SOURCES_MAX);
	else if (repository_parse(rq->arena, from, strlen(from), source) < 0)
		return ERR_NOT_FOUND;
	rc = count < 0 ? count : ERR_NOT_FOUND;
	for (int i = 0; i < count && rc == ERR_NOT_FOUND; i++)
		rc = await_from(rq, &source[i], d);
	return rc;
}
