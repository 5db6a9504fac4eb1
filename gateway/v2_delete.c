/*
 * DELETE of manifests, tags and blobs (OCI distribution-spec, "Content Management").
 *
 * By digest a manifest goes with its tags, by tag only the tag; a blob's link to this package.
 * What something live of the package needs is not deleted: the specification lets a registry
 * say 405, and a pull that breaks halfway would be worse. Deleting an index first, then its
 * children, then their blobs always works. What is gone is gone for every gateway with the
 * transaction; the second DELETE is told 404.
 */
#include <string.h>

#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/deletes.h"
#include "metadb/lookups.h"
#include "proto/base/failpoint.h"

static int refuse_needed(struct request *rq, const char *what, const struct digest *by)
{
	const char *text = digest_str(rq->arena, by);

	reply_header(rq, "Allow", "GET, HEAD");
	return refuse_with(rq, 405, DENIED,
			   arena_printf(rq->arena, "{\"neededBy\":\"%s\"}", text),
			   "%s %s of this package needs it: delete that first", what, text);
}

int v2_manifest_delete(struct request *rq)
{
	const char *text = request_param(rq, "reference");
	struct metadb *db = rq->worker->metadb;
	struct actor who = auth_actor(rq);
	struct digest needed_by;
	struct reference ref;
	int rc;

	if (reference_parse(rq->arena, text, strlen(text), &ref) < 0)
		return digest_shaped(text, strlen(text))
			       ? refuse(rq, DIGEST_INVALID,
					"the reference is not a digest that is known here")
			       : refuse(rq, MANIFEST_UNKNOWN, NULL);
	await_failpoint(FP_DELETE_BEFORE);
	rc = ref.is_digest
		     ? await_manifest_delete(db, &who, rq->package_id, &ref.digest, &needed_by)
		     : await_tag_delete(db, &who, rq->package_id, ref.tag);
	await_failpoint(FP_DELETE_DONE);
	if (rc == ERR_NOT_FOUND)
		return refuse(rq, MANIFEST_UNKNOWN, NULL);
	if (rc == ERR_CONFLICT && ref.is_digest)
		return refuse_needed(rq, "the index", &needed_by);
	return rc < 0 ? give_up(rq, rc, "deleting the manifest") : reply(rq, 202);
}

int v2_blob_delete(struct request *rq)
{
	const char *text = request_param(rq, "digest");
	struct actor who = auth_actor(rq);
	struct digest d, needed_by;
	int rc;

	if (digest_parse(text, strlen(text), &d) < 0)
		return refuse(rq, DIGEST_INVALID, "this is not a digest that is known here");
	await_failpoint(FP_DELETE_BEFORE);
	rc = await_link_delete(rq->worker->metadb, &who, rq->package_id, &d, &needed_by);
	await_failpoint(FP_DELETE_DONE);
	if (rc == ERR_NOT_FOUND)
		return refuse(rq, BLOB_UNKNOWN, NULL);
	if (rc == ERR_CONFLICT)
		return refuse_needed(rq, "the manifest", &needed_by);
	return rc < 0 ? give_up(rq, rc, "deleting the blob") : reply(rq, 202);
}
