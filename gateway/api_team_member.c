/*
 * /orgs/{org}/teams/{team_slug}/members and …/memberships/{username}: who is in a team.
 *
 * Lists show the members of child teams, too. A robot of the organization is in a team as
 * people are.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_org.h"
#include "gateway/api_page.h"
#include "gateway/api_team.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/people.h"

#define RESOURCE "TeamMember"

static const char *role_word(int role)
{
	return role == TEAM_MAINTAINER ? "maintainer" : "member";
}

/* `role` in a query or a body; NULL is `otherwise`. */
static int role_parse_or(const char *text, enum team_role otherwise, enum team_role *out)
{
	*out = text == NULL ? otherwise : TEAM_MEMBER;
	if (text == NULL || strcmp(text, "member") == 0)
		return 0;
	*out = TEAM_MAINTAINER;
	return strcmp(text, "maintainer") == 0 ? 0 : ERR_SYNTAX;
}

static int read_role(struct request *rq, enum team_role *out)
{
	const char *text = request_query(rq, "role");

	*out = TEAM_NONE;
	if (text != NULL && strcmp(text, "all") == 0)
		return 0;
	if (role_parse_or(text, TEAM_NONE, out) < 0)
		return api_json_invalid(rq, RESOURCE, "role", "invalid");
	return 0;
}

int api_team_member_list(struct request *rq)
{
	struct account_list list;
	enum team_power power;
	struct api_page page;
	enum team_role role;
	struct team t;
	json_t *json;
	int rc = read_role(rq, &role);

	if (rc == 0)
		rc = api_page_read(rq, &page);
	if (rc == 0)
		rc = await_api_team(rq, &t, &power);
	if (rc != 0)
		return rc;
	rc = await_team_member_list(rq->worker->metadb, rq->arena, t.self.id, role, page.offset,
				    page.size, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing members of a team");
	json = json_array();
	for (size_t i = 0; i < list.count; i++) {
		json_t *one = api_account_brief(rq, &list.at[i].account);

		json_object_set_new(one, "role", json_string(role_word(list.at[i].role)));
		json_object_set_new(one, "inherited", json_boolean(list.at[i].inherited));
		json_array_append_new(json, one);
	}
	return api_page_reply(rq, &page, json, list.total);
}

static int reply_membership(struct request *rq, const struct team *t,
			    const struct account *user, enum team_role role)
{
	return api_json_reply(
		rq, 200,
		json_pack("{s:o, s:s, s:s}", "url",
			  json_sprintf("%s/memberships/%s", api_team_url(rq, t), user->login),
			  "role", role_word(role), "state", "active"));
}

/* Team and user of the path: 0, or the status of a refusal. */
static int await_both(struct request *rq, struct team *t, struct account *user)
{
	enum team_power power;
	int status = await_api_team(rq, t, &power);

	if (status == 0)
		status = await_api_account(rq, "username", 0, user);
	if (status == 0 && user->kind == ACCOUNT_ORGANIZATION)
		return request_is(rq, METHOD_PUT)
			       ? api_json_invalid(rq, RESOURCE, "username", "invalid")
			       : refuse_api(rq, 404, "Not Found");
	return status;
}

int api_team_membership_get(struct request *rq)
{
	struct account user;
	enum team_role role;
	struct team t;
	int rc, status = await_both(rq, &t, &user);

	if (status != 0)
		return status;
	rc = await_team_member_get(rq->worker->metadb, t.self.id, user.id, &role);
	if (rc < 0)
		return give_up(rq, rc, "looking up a member of a team");
	if (role == TEAM_NONE)
		return refuse_api(rq, 404, "Not Found");
	return reply_membership(rq, &t, &user, role);
}

/* 0, or the status of a refusal. */
static int await_set(struct request *rq, const struct team *t, const struct account *user,
		     enum team_role role)
{
	struct team_actor who = api_org_actor(rq);
	int rc;

	rc = await_team_member_set(rq->worker->metadb, &who, t->self.id, user->id, role);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 403,
				  "%s is no member of %s: only an owner may add him to a team",
				  user->login, t->organization);
	if (rc == ERR_DENIED)
		return refuse_api(rq, 403, "You must be a maintainer of the team");
	return rc < 0 ? give_up(rq, rc, "changing a member of a team") : 0;
}

int api_team_membership_put(struct request *rq)
{
	struct account user;
	enum team_role role;
	const char *text;
	struct team t;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	text = api_json_text(rq, body, RESOURCE, "role", false, &status);
	if (status != 0)
		return status;
	if (role_parse_or(text, TEAM_MEMBER, &role) < 0)
		return api_json_invalid(rq, RESOURCE, "role", "invalid");
	status = await_both(rq, &t, &user);
	if (status == 0)
		status = await_set(rq, &t, &user, role);
	if (status != 0)
		return status;
	rc = await_team_member_get(rq->worker->metadb, t.self.id, user.id, &role);
	if (rc < 0)
		return give_up(rq, rc, "looking up a member of a team");
	return reply_membership(rq, &t, &user, role);
}

/* Of the team itself; who is in it through a child team stays. */
int api_team_membership_delete(struct request *rq)
{
	struct account user;
	struct team t;
	int status = await_both(rq, &t, &user);

	if (status == 0)
		status = await_set(rq, &t, &user, TEAM_NONE);
	return status != 0 ? status : reply(rq, 204);
}
