/*
 * GET …/deleted-packages: what the caller may restore of an owner, newest first; several may
 * have had one name. POST …/deleted-packages/ID/restore.
 */
#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_package_list.h"
#include "gateway/api_page.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

static int await_list(struct request *rq, const struct account *owner)
{
	struct package_reader who = {rq->caller->account_id, rq->caller->token_id, false};
	struct package_page found;
	struct package_place at;
	struct api_after after;
	int rc, status = api_package_list_scope(rq);

	if (status == 0)
		status = api_after_read(rq, &after);
	if (status != 0)
		return status;
	at = (struct package_place){after.cursor.id, ""};
	rc = await_deleted_packages(rq->worker->metadb, rq->arena, &who, owner->id, after.size,
				    &found, &at);
	if (rc < 0)
		return give_up(rq, rc, "listing deleted packages");
	return api_after_reply(rq, api_package_list_json(rq, &found),
			       at.id == 0 ? NULL : &(struct cursor){at.id, ""});
}

/* {package_id}; 0 for what is no id, which no package has. */
static int64_t package_id(struct request *rq)
{
	const char *text = request_param(rq, "package_id");
	int64_t id = 0;

	for (; *text >= '0' && *text <= '9' && id < INT64_MAX / 16; text++)
		id = id * 10 + (*text - '0');
	return *text == '\0' ? id : 0;
}

/* Nobody but its admins learns that there is one. */
static int await_restore(struct request *rq, const struct account *owner)
{
	struct metadb *db = rq->worker->metadb;
	struct package_reader who = {rq->caller->account_id, rq->caller->token_id, false};
	struct actor actor = auth_actor(rq);
	enum role role = ROLE_NONE;
	int64_t id = package_id(rq);
	int rc = await_deleted_package_role(db, &who, owner->id, id, &role);

	if (rc < 0 && rc != ERR_NOT_FOUND)
		return give_up(rq, rc, "looking up a deleted package");
	if (rc < 0 || role != ROLE_ADMIN)
		return refuse_api(rq, 404, "Package not found.");
	if (!auth_has_scopes(rq, SCOPE_WRITE_PACKAGES))
		return refuse_api(
			rq, 403,
			"You need at least write:packages scope to restore a package.");
	rc = await_package_restore(db, &actor, id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package not found.");
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 409,
				  "Its name is another package's now: delete or rename that "
				  "one first");
	return rc < 0 ? give_up(rq, rc, "restoring the package") : reply(rq, 204);
}

int api_org_deleted_list(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &owner);

	return status != 0 ? status : await_list(rq, &owner);
}

int api_user_deleted_list(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "username", 0, &owner);

	return status != 0 ? status : await_list(rq, &owner);
}

int api_own_deleted_list(struct request *rq)
{
	struct account owner;
	int status = await_api_self(rq, &owner);

	return status != 0 ? status : await_list(rq, &owner);
}

int api_org_deleted_restore(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &owner);

	return status != 0 ? status : await_restore(rq, &owner);
}

int api_user_deleted_restore(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "username", 0, &owner);

	return status != 0 ? status : await_restore(rq, &owner);
}

int api_own_deleted_restore(struct request *rq)
{
	struct account owner;
	int status = await_api_self(rq, &owner);

	return status != 0 ? status : await_restore(rq, &owner);
}
