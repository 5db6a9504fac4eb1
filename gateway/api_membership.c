/*
 * Memberships: who belongs to an organization, who owns it, and who stays outside.
 *
 * GitHub's roles are "member" and "admin" (an owner). Memberships are active at once: there is
 * nothing to accept.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_org.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

json_t *api_membership_json(struct request *rq, const struct account *org,
			    const struct account *user, int role)
{
	const char *url =
		arena_printf(rq->arena, "%s/api/v3/orgs/%s", request_base_url(rq), org->login);

	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "url",
			 arena_printf(rq->arena, "%s/memberships/%s", url, user->login),
			 "state", "active", "role",
			 role == MEMBERSHIP_OWNER ? "admin" : "member", "organization_url", url,
			 "organization", api_org_brief(rq, org), "user",
			 api_account_brief(rq, user));
}

/* Change it; 0 or the status of a refusal. */
static int await_set(struct request *rq, const struct account *user, enum membership role)
{
	struct actor who = auth_actor(rq);
	int rc;

	rc = await_membership_set(rq->worker->metadb, &who, rq->org->account.id, user->id,
				  role);
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 403, "The organization would be left without an owner");
	return rc < 0 ? api_org_refused(rq, rc, "changing a membership") : 0;
}

/* What {username} is in {org}: 0, or the status of a refusal, 404 when he is nothing. */
static int await_find(struct request *rq, struct account *user, enum membership *role)
{
	int rc, status = await_api_account(rq, "username", ACCOUNT_USER, user);

	if (status != 0)
		return status;
	rc = await_membership_get(rq->worker->metadb, rq->org->account.id, user->id, role);
	if (rc < 0)
		return give_up(rq, rc, "looking up the membership");
	return *role == MEMBERSHIP_NONE ? refuse_api(rq, 404, "Not Found") : 0;
}

int api_membership_get(struct request *rq)
{
	enum membership role;
	struct account user;
	int status = await_find(rq, &user, &role);

	if (status != 0)
		return status;
	return api_json_reply(rq, 200, api_membership_json(rq, &rq->org->account, &user, role));
}

int api_membership_put(struct request *rq)
{
	enum membership role = MEMBERSHIP_MEMBER;
	struct account user;
	const char *text;
	json_t *body;
	int status;

	status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	text = api_json_text(rq, body, "OrganizationMembership", "role", false, &status);
	if (status != 0)
		return status;
	if (text != NULL && strcmp(text, "admin") == 0)
		role = MEMBERSHIP_OWNER;
	else if (text != NULL && strcmp(text, "member") != 0)
		return api_json_invalid(rq, "OrganizationMembership", "role", "invalid");
	status = await_api_account(rq, "username", ACCOUNT_USER, &user);
	if (status == 0)
		status = await_set(rq, &user, role);
	if (status != 0)
		return status;
	return api_json_reply(rq, 200, api_membership_json(rq, &rq->org->account, &user, role));
}

int api_membership_delete(struct request *rq)
{
	enum membership role;
	struct account user;
	int status = await_find(rq, &user, &role);

	if (status == 0)
		status = await_set(rq, &user, MEMBERSHIP_NONE);
	return status != 0 ? status : reply(rq, 204);
}

/*
 * GitHub's answer is empty, whether the work is done at once (204) or later: here it is done.
 */
int api_outsider_put(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account user;
	int rc, status = await_api_account(rq, "username", ACCOUNT_USER, &user);

	if (status != 0)
		return status;
	rc = await_outsider_make(rq->worker->metadb, &who, rq->org->account.id, user.id);
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 403,
				  "Cannot convert the last owner to an outside collaborator");
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 403, "%s is not a member of the %s organization.",
				  user.login, rq->org->account.login);
	return rc < 0 ? api_org_refused(rq, rc, "making an outside collaborator")
		      : reply(rq, 204);
}

/* Who has nothing there loses nothing. */
int api_outsider_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account user;
	int rc, status = await_api_account(rq, "username", ACCOUNT_USER, &user);

	if (status != 0)
		return status;
	rc = await_outsider_end(rq->worker->metadb, &who, rq->org->account.id, user.id);
	if (rc == ERR_CONFLICT)
		return refuse_api_errors(
			rq, 422,
			"[{\"resource\":\"OrganizationMembership\",\"field\":"
			"\"username\",\"code\":\"invalid\"}]",
			"You cannot specify an organization member to remove as "
			"an outside collaborator.");
	if (rc < 0 && rc != ERR_NOT_FOUND)
		return api_org_refused(rq, rc, "ending an outside collaborator");
	return reply(rq, 204);
}

int api_member_get(struct request *rq)
{
	enum membership role;
	struct account user;
	int status = await_find(rq, &user, &role);

	return status != 0 ? status : reply(rq, 204);
}

/* The caller's own. GitHub's PATCH accepts an invitation; here everybody is in at once. */
int api_user_membership_get(struct request *rq)
{
	enum membership role;
	struct account me;
	int rc;

	rc = await_account_by_id(rq->worker->metadb, rq->arena, rq->caller->account_id, &me);
	if (rc == 0)
		rc = await_membership_get(rq->worker->metadb, rq->org->account.id, me.id,
					  &role);
	if (rc < 0)
		return give_up(rq, rc, "looking up the membership");
	if (role == MEMBERSHIP_NONE)
		return refuse_api(rq, 404, "Not Found");
	return api_json_reply(rq, 200, api_membership_json(rq, &rq->org->account, &me, role));
}
