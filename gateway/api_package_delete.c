/* DELETE …/packages/container/NAME and POST …/restore. */
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/packages.h"

int api_package_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int rc = await_package_delete(rq->worker->metadb, &who, rq->package_id);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package not found.");
	return rc < 0 ? give_up(rq, rc, "deleting the package") : reply(rq, 204);
}

/*
 * May the caller restore it? 0, or refused. Nobody but its admins learns that there is one; how
 * far the credential counts was found out by name.
 */
static int check_role(struct request *rq, enum role role)
{
	struct standing s = {
		.package_exists = true,
		.published = true,
		.visibility = VISIBILITY_PRIVATE,
		.role = role,
		.signed_in = true,
		.scopes = rq->standing.scopes,
	};

	if (rq->standing.outside == OUTSIDE_SSO)
		return auth_refuse_outside(rq, OUTSIDE_SSO, rq->repo.namespace);
	if (role != ROLE_ADMIN || rq->standing.outside != OUTSIDE_NOT)
		return refuse_api(rq, 404, "Package not found.");
	if (access_decide(&s, ACTION_RESTORE, false) != VERDICT_ALLOWED)
		return refuse_api(
			rq, 403,
			"You need at least write:packages scope to restore a package.");
	return 0;
}

int api_package_restore(struct request *rq)
{
	struct metadb *db = rq->worker->metadb;
	struct actor who = auth_actor(rq);
	int64_t package_id = 0;
	enum role role = ROLE_NONE;
	int status, rc;

	rc = await_package_deleted(db, rq->caller->account_id, rq->caller->token_id,
				   rq->namespace_id, rq->repo.name, &package_id, &role);
	if (rc < 0 && rc != ERR_NOT_FOUND)
		return give_up(rq, rc, "looking up a deleted package");
	status = check_role(rq, role);
	if (status != 0)
		return status;
	rc = await_package_restore(db, &who, package_id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package not found.");
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 409,
				  "The name %s is another package's now: delete or rename that "
				  "one first",
				  rq->repo.full);
	return rc < 0 ? give_up(rq, rc, "restoring the package") : reply(rq, 204);
}
