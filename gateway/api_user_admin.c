/*
 * What a site admin does to accounts: other logins, suspending, deleting, other site admins
 * (GitHub Enterprise's REST). All happens at once, also what GitHub queues.
 *
 * Nobody suspends, deletes or demotes himself, so that one site admin stays.
 */
#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/account_changes.h"

#define REASON_MAX 1000

/* {param} gets the login of the body. */
static int await_rename(struct request *rq, const char *param, enum account_kind kind)
{
	const char *resource = kind == ACCOUNT_USER ? "User" : "Organization";
	struct actor who = auth_actor(rq);
	const char *login;
	struct account a;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = await_api_account(rq, param, kind, &a);
	if (status != 0)
		return status;
	login = api_account_login(rq, body, resource, &status);
	if (status != 0)
		return status;
	rc = await_account_rename(rq->worker->metadb, &who, a.id, login);
	if (rc == ERR_CONFLICT)
		return api_json_invalid(rq, resource, "login", "already_exists");
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "renaming an account");
	return api_json_reply(
		rq, 202,
		json_pack("{s:s, s:o}", "message", "The account has another login now", "url",
			  json_sprintf("%s/api/v3/%s/%s", request_base_url(rq),
				       kind == ACCOUNT_USER ? "users" : "orgs", login)));
}

int api_admin_user_rename(struct request *rq)
{
	return await_rename(rq, "username", ACCOUNT_USER);
}

int api_admin_org_rename(struct request *rq)
{
	return await_rename(rq, "org", ACCOUNT_ORGANIZATION);
}

/* A change of a user ended so. */
static int reply_changed(struct request *rq, int rc, const char *doing)
{
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc == ERR_DENIED)
		return refuse_api(
			rq, 403,
			"Another site admin has to do this: nobody does it to himself");
	return rc < 0 ? give_up(rq, rc, doing) : reply(rq, 204);
}

int api_admin_user_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	const char *sole = "";
	struct account user;
	int rc, status = await_api_account(rq, "username", ACCOUNT_USER, &user);

	if (status != 0)
		return status;
	rc = await_user_delete(rq->worker->metadb, rq->arena, &who, user.id, &sole);
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 409,
				  "The organization %s would be left without an owner: give it "
				  "another one, or delete it first",
				  sole);
	return reply_changed(rq, rc, "deleting a user");
}

static int await_suspend(struct request *rq, bool suspended)
{
	struct actor who = auth_actor(rq);
	const char *reason;
	struct account user;
	json_t *body;
	int status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = await_api_account(rq, "username", ACCOUNT_USER, &user);
	if (status != 0)
		return status;
	reason = api_json_short_text(rq, body, "User", "reason", REASON_MAX, &status);
	if (status != 0)
		return status;
	return reply_changed(
		rq, await_user_suspend(rq->worker->metadb, &who, user.id, suspended, reason),
		"suspending a user");
}

int api_user_suspend(struct request *rq)
{
	return await_suspend(rq, true);
}

int api_user_unsuspend(struct request *rq)
{
	return await_suspend(rq, false);
}

static int await_promote(struct request *rq, bool wanted)
{
	struct actor who = auth_actor(rq);
	struct account user;
	int status = await_api_account(rq, "username", ACCOUNT_USER, &user);

	if (status != 0)
		return status;
	return reply_changed(rq,
			     await_site_admin_set(rq->worker->metadb, &who, user.id, wanted),
			     "changing a site admin");
}

int api_user_promote(struct request *rq)
{
	return await_promote(rq, true);
}

int api_user_demote(struct request *rq)
{
	return await_promote(rq, false);
}
