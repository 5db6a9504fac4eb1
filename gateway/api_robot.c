/*
 * /api/v3/orgs/{org}/robots: accounts for programs, and their tokens. For owners only.
 *
 * GitHub has none. A robot gets roles on packages as people do; its tokens are for packages.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_page.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/handlers_identity.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/robots.h"

#define RESOURCE "Robot"
#define SCOPES	 (SCOPE_READ_PACKAGES | SCOPE_WRITE_PACKAGES | SCOPE_DELETE_PACKAGES)

/* What a body says of a robot; NULL: nothing. */
struct wish {
	const char *description;
	const bool *may_create;
	bool value;
};

static int read_wish(struct request *rq, const json_t *body, struct wish *out)
{
	const json_t *may = json_object_get(body, "may_create_packages");
	int status = 0;

	*out = (struct wish){0};
	out->description = api_json_text(rq, body, RESOURCE, "description", false, &status);
	if (status != 0)
		return status;
	if (out->description != NULL && strlen(out->description) > ROBOT_DESCRIPTION_MAX)
		return api_json_invalid(rq, RESOURCE, "description", "too_long");
	if (may == NULL || json_is_null(may))
		return 0;
	if (!json_is_boolean(may))
		return api_json_invalid(rq, RESOURCE, "may_create_packages", "invalid");
	out->value = json_is_true(may);
	out->may_create = &out->value;
	return 0;
}

static const char *robot_url(struct request *rq, const struct account *org, const char *name)
{
	return arena_printf(rq->arena, "%s/api/v3/orgs/%s/robots/%s", request_base_url(rq),
			    org->login, name);
}

static json_t *robot_json(struct request *rq, const struct account *org, const struct robot *r)
{
	const char *url = robot_url(rq, org, r->name);

	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s}", "id",
			 (json_int_t)r->id, "name", r->name, "login", r->login, "type", "Bot",
			 "description", r->description, "may_create_packages", r->may_create,
			 "url", url, "tokens_url", arena_printf(rq->arena, "%s/tokens", url),
			 "created_at", api_json_time(rq->arena, r->created_at), "updated_at",
			 api_json_time(rq->arena, r->updated_at));
}

/* The robot of that name: 0, or the status of a refusal. */
static int await_find(struct request *rq, const struct account *org, const char *name,
		      struct robot *out)
{
	int rc = await_robot_find(rq->worker->metadb, rq->arena, org->id, name, out);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "looking up a robot") : 0;
}

/* {org} and {robot} of the path. */
static int await_both(struct request *rq, struct account *org, struct robot *robot)
{
	const char *name = request_param(rq, "robot");
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, org);

	if (status != 0)
		return status;
	return await_find(rq, org, login_fold(rq->arena, name, strlen(name)), robot);
}

int api_robot_list(struct request *rq)
{
	struct robot_list found;
	struct account org;
	struct api_page page;
	json_t *list;
	int rc, status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &org);

	if (status == 0)
		status = api_page_read(rq, &page);
	if (status != 0)
		return status;
	rc = await_robot_list(rq->worker->metadb, rq->arena, org.id, page.offset,
			      (int)page.size, &found);
	if (rc < 0)
		return give_up(rq, rc, "listing robots");
	list = json_array();
	for (size_t i = 0; i < found.count; i++)
		json_array_append_new(list, robot_json(rq, &org, &found.item[i]));
	return api_page_reply(rq, &page, list, found.total);
}

/* `name` of a body, folded; NULL when it has refused (*status). */
static const char *read_name(struct request *rq, const json_t *body, int *status)
{
	const char *text = api_json_text(rq, body, RESOURCE, "name", true, status);
	const char *name;

	if (*status != 0)
		return NULL;
	name = login_fold(rq->arena, text, strlen(text));
	if (login_valid(name, strlen(name)))
		return name;
	*status = api_json_invalid(rq, RESOURCE, "name", "invalid");
	return NULL;
}

int api_robot_create(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account org;
	struct robot made;
	struct wish wish;
	const char *name;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	name = read_name(rq, body, &status);
	if (status == 0)
		status = read_wish(rq, body, &wish);
	if (status == 0)
		status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &org);
	if (status != 0)
		return status;
	rc = await_robot_create(rq->worker->metadb, &who, org.id, name, wish.description,
				wish.value);
	if (rc == ERR_CONFLICT)
		return api_json_invalid(rq, RESOURCE, "name", "already_exists");
	if (rc < 0)
		return give_up(rq, rc, "making a robot");
	status = await_find(rq, &org, name, &made);
	return status != 0 ? status : api_json_reply(rq, 201, robot_json(rq, &org, &made));
}

int api_robot_get(struct request *rq)
{
	struct account org;
	struct robot robot;
	int status = await_both(rq, &org, &robot);

	return status != 0 ? status : api_json_reply(rq, 200, robot_json(rq, &org, &robot));
}

int api_robot_patch(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account org;
	struct robot robot;
	struct wish wish;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = read_wish(rq, body, &wish);
	if (status == 0)
		status = await_both(rq, &org, &robot);
	if (status != 0)
		return status;
	rc = await_robot_change(rq->worker->metadb, &who, org.id, robot.id, wish.description,
				wish.may_create);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "changing a robot");
	status = await_find(rq, &org, robot.name, &robot);
	return status != 0 ? status : api_json_reply(rq, 200, robot_json(rq, &org, &robot));
}

int api_robot_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account org;
	struct robot robot;
	int rc, status = await_both(rq, &org, &robot);

	if (status != 0)
		return status;
	rc = await_robot_delete(rq->worker->metadb, &who, org.id, robot.id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "deleting a robot") : reply(rq, 204);
}

static const char *tokens_url(struct request *rq, const struct account *org,
			      const struct robot *robot)
{
	return arena_printf(rq->arena, "%s/tokens", robot_url(rq, org, robot->name));
}

/* Of a robot, whose login is ORGANIZATION+NAME. */
static json_t *token_json(struct request *rq, const struct token *t)
{
	size_t len = strcspn(t->login, "+");
	struct account org = {.login = arena_memdup(rq->arena, t->login, len)};
	struct robot robot = {.name = t->login + len + 1};

	return api_token_json(rq, t,
			      arena_printf(rq->arena, "%s/%lld", tokens_url(rq, &org, &robot),
					   (long long)t->id));
}

int api_robot_token_list(struct request *rq)
{
	struct token_query q = {.kind = TOKEN_ROBOT};
	struct account org;
	struct robot robot;
	int status = await_both(rq, &org, &robot);

	if (status != 0)
		return status;
	q.account_id = robot.id;
	return await_api_token_list(rq, q, token_json);
}

int api_robot_token_create(struct request *rq)
{
	struct token_new wanted = {.kind = TOKEN_ROBOT};
	struct account org;
	struct robot robot;
	json_t *body;
	int status = await_api_json(rq, &body);

	if (status == 0)
		status = api_token_read(rq, body, &wanted);
	if (status == 0)
		status = await_both(rq, &org, &robot);
	if (status != 0)
		return status;
	if ((wanted.scopes & ~(unsigned)SCOPES) != 0)
		return api_json_invalid(rq, API_TOKEN_RESOURCE, "scopes", "invalid");
	wanted.account_id = robot.id;
	/* It is the organization's, and stays when its owner's token ends. */
	return await_api_token_make(rq, &wanted, false, tokens_url(rq, &org, &robot));
}

int api_robot_token_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account org;
	struct robot robot;
	int64_t id;
	int rc, status = api_token_id(rq, "id", &id);

	if (status == 0)
		status = await_both(rq, &org, &robot);
	if (status != 0)
		return status;
	rc = await_token_take_back(rq->worker->metadb, &who, robot.id, TOKEN_ROBOT, id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "revoking a token") : reply(rq, 204);
}
