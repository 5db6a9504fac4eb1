/*
 * /api/v3/orgs/{org}/memberships/{username}: who belongs to an organization, and who owns it.
 *
 * GitHub's roles are "member" and "admin" (an owner). Memberships are active at once: there is
 * nothing to accept.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

static int await_both(struct request *rq, struct account *org, struct account *user)
{
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, org);

	return status != 0 ? status : await_api_account(rq, "username", ACCOUNT_USER, user);
}

static int reply_membership(struct request *rq, const struct account *org,
			    const struct account *user, enum membership role)
{
	const char *url =
		arena_printf(rq->arena, "%s/api/v3/orgs/%s", request_base_url(rq), org->login);
	json_t *json = json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:o}", "url",
		arena_printf(rq->arena, "%s/memberships/%s", url, user->login), "state",
		"active", "role", role == MEMBERSHIP_OWNER ? "admin" : "member",
		"organization_url", url, "organization", api_account_brief(rq, org), "user",
		api_account_brief(rq, user));

	return api_json_reply(rq, 200, json);
}

/* Change it; 0 or the status of a refusal. */
static int await_set(struct request *rq, const struct account *org, const struct account *user,
		     enum membership role)
{
	struct actor who = auth_actor(rq);
	int rc;

	rc = await_membership_set(rq->worker->metadb, &who, org->id, user->id, role);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 403, "The organization would be left without an owner");
	if (rc == ERR_DENIED)
		return refuse_api(rq, 403, "You must be an owner of the organization %s",
				  org->login);
	return rc < 0 ? give_up(rq, rc, "changing a membership") : 0;
}

int api_membership_get(struct request *rq)
{
	struct account org, user;
	enum membership role;
	int rc, status = await_both(rq, &org, &user);

	if (status != 0)
		return status;
	rc = await_membership_get(rq->worker->metadb, org.id, user.id, &role);
	if (rc < 0)
		return give_up(rq, rc, "looking up the membership");
	if (role == MEMBERSHIP_NONE)
		return refuse_api(rq, 404, "Not Found");
	return reply_membership(rq, &org, &user, role);
}

int api_membership_put(struct request *rq)
{
	enum membership role = MEMBERSHIP_MEMBER;
	struct account org, user;
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
	status = await_both(rq, &org, &user);
	if (status == 0)
		status = await_set(rq, &org, &user, role);
	return status != 0 ? status : reply_membership(rq, &org, &user, role);
}

int api_membership_delete(struct request *rq)
{
	struct account org, user;
	enum membership role;
	int rc, status = await_both(rq, &org, &user);

	if (status != 0)
		return status;
	rc = await_membership_get(rq->worker->metadb, org.id, user.id, &role);
	if (rc < 0)
		return give_up(rq, rc, "looking up the membership");
	if (role == MEMBERSHIP_NONE)
		return refuse_api(rq, 404, "Not Found");
	status = await_set(rq, &org, &user, MEMBERSHIP_NONE);
	return status != 0 ? status : reply(rq, 204);
}
