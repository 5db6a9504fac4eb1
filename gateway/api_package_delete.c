/* DELETE …/packages/container/NAME, POST …/restore and …/purge. */
#include "gateway/api_download.h"
#include "gateway/api_package.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/packages.h"

int api_package_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int rc, status = await_api_popular(rq, NULL, 0);

	if (status != 0)
		return status;
	rc = await_package_delete(rq->worker->metadb, &who, rq->package_id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package not found.");
	return rc < 0 ? give_up(rq, rc, "deleting the package") : reply(rq, 204);
}

int api_refuse_purge(struct request *rq)
{
	return refuse_api(rq, 403,
			  "Only owners of %s delete for good what can be restored, and no "
			  "workflow does",
			  rq->repo.namespace);
}

/*
 * May the caller do this to it? 0, or refused. Nobody but its admins learns that there is one;
 * how far the credential counts was found out by name.
 */
static int check_role(struct request *rq, enum role role, enum action action)
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
	if (access_decide(&s, action, false) != VERDICT_ALLOWED)
		return refuse_api(rq, 403,
				  "You need at least %s:packages scope to %s a package.",
				  action == ACTION_RESTORE ? "write" : "delete",
				  action == ACTION_RESTORE ? "restore" : "purge");
	return 0;
}

/* The package of the request's name that was deleted last. 0, or refused. */
static int await_deleted(struct request *rq, enum action action, int64_t *package_id)
{
	enum role role = ROLE_NONE;
	int rc = await_package_deleted(rq->worker->metadb, rq->caller->account_id,
				       rq->caller->token_id, rq->namespace_id, rq->repo.name,
				       package_id, &role);

	if (rc < 0 && rc != ERR_NOT_FOUND)
		return give_up(rq, rc, "looking up a deleted package");
	return check_role(rq, role, action);
}

int api_package_restore(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int64_t package_id = 0;
	int rc, status = await_deleted(rq, ACTION_RESTORE, &package_id);

	if (status != 0)
		return status;
	rc = await_package_restore(rq->worker->metadb, &who, package_id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package not found.");
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 409,
				  "The name %s is another package's now: delete or rename that "
				  "one first",
				  rq->repo.full);
	return rc < 0 ? give_up(rq, rc, "restoring the package") : reply(rq, 204);
}

int api_package_purge(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int64_t package_id = 0;
	int rc, status = await_deleted(rq, ACTION_DELETE, &package_id);

	if (status != 0)
		return status;
	rc = await_package_purge(rq->worker->metadb, &who, package_id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package not found.");
	if (rc == ERR_DENIED)
		return api_refuse_purge(rq);
	return rc < 0 ? give_up(rq, rc, "purging the package") : reply(rq, 204);
}
