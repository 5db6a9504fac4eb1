/* /user and /users/{username}, and the shapes that they share with others. */
#include "gateway/api_account.h"

#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_org.h"
#include "gateway/auth.h"
#include "gateway/base64.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/account_changes.h"
#include "metadb/lookups.h"

static const char *type_name(const struct account *a)
{
	if (a->kind == ACCOUNT_ROBOT)
		return "Bot";
	return a->kind == ACCOUNT_ORGANIZATION ? "Organization" : "User";
}

/* GitHub's opaque global id: type and number, encoded. */
static const char *node_id(struct request *rq, const struct account *a)
{
	const char *plain = arena_printf(rq->arena, "0%zu:%s%lld", strlen(type_name(a)),
					 type_name(a), (long long)a->id);

	return base64_encode(rq->arena, BASE64_STANDARD, plain, strlen(plain));
}

json_t *api_account_brief(struct request *rq, const struct account *a)
{
	const char *base = request_base_url(rq);
	const char *kind = a->kind == ACCOUNT_ORGANIZATION ? "orgs" : "users";

	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "login", a->login,
			 "id", (json_int_t)a->id, "node_id", node_id(rq, a), "avatar_url", "",
			 "gravatar_id", "", "url",
			 arena_printf(rq->arena, "%s/api/v3/%s/%s", base, kind, a->login),
			 "html_url", arena_printf(rq->arena, "%s/%s", base, a->login), "type",
			 type_name(a), "site_admin", a->site_admin);
}

json_t *api_account_json(struct request *rq, const struct account *a, bool private)
{
	json_t *json = api_account_brief(rq, a);
	const char *created = api_json_time(rq->arena, a->created_at);
	const char *updated = api_json_time(rq->arena, a->updated_at);

	json_object_set_new(json, "name", api_json_maybe(a->name));
	json_object_set_new(json, "email", private ? api_json_maybe(a->email) : json_null());
	json_object_set_new(json, "created_at", json_string(created));
	json_object_set_new(json, "updated_at", json_string(updated));
	if (a->kind == ACCOUNT_ORGANIZATION)
		json_object_set_new(json, "description", api_json_maybe(a->description));
	else if (a->suspended_at != 0)
		json_object_set_new(json, "suspended_at",
				    json_string(api_json_time(rq->arena, a->suspended_at)));
	else
		json_object_set_new(json, "suspended_at", json_null());
	return json;
}

int await_api_account(struct request *rq, const char *param, enum account_kind kind,
		      struct account *out)
{
	const char *login = request_param(rq, param);
	int rc;

	rc = await_account_by_login(rq->worker->metadb, rq->arena,
				    login_fold(rq->arena, login, strlen(login)), out);
	if (rc == ERR_NOT_FOUND || (rc == 0 && kind != 0 && out->kind != kind))
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "looking up an account") : 0;
}

int await_api_self(struct request *rq, struct account *out)
{
	int rc =
		await_account_by_id(rq->worker->metadb, rq->arena, rq->caller->account_id, out);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "looking up the caller") : 0;
}

int api_user_self(struct request *rq)
{
	struct account a;
	int status = await_api_self(rq, &a);

	return status != 0 ? status : api_json_reply(rq, 200, api_account_json(rq, &a, true));
}

const char *api_account_login(struct request *rq, const json_t *body, const char *resource,
			      int *status)
{
	const char *text = api_json_text(rq, body, resource, "login", true, status);
	const char *login;

	if (*status != 0)
		return NULL;
	login = login_fold(rq->arena, text, strlen(text));
	if (login_valid(login, strlen(login)) && !login_reserved(login))
		return login;
	*status = api_json_invalid(rq, resource, "login", "invalid");
	return NULL;
}

/* PATCH /user: what the caller says of himself. */
int api_user_patch(struct request *rq)
{
	struct actor who = auth_actor(rq);
	const char *name, *email;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	name = api_json_change(rq, body, "User", "name", API_NAME_MAX, &status);
	email = api_json_change(rq, body, "User", "email", API_EMAIL_MAX, &status);
	if (status != 0)
		return status;
	rc = await_profile_set(rq->worker->metadb, &who, rq->caller->account_id, name, email);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "changing a profile");
	return api_user_self(rq);
}

/* A token that acts for a repository is not the person who has made it. */
static bool is_caller(const struct request *rq, const struct account *a)
{
	return rq->caller->account_id == a->id && rq->caller->repository_id == 0;
}

/* An organization stands among the users, too; its address is everybody's. */
int api_user_get(struct request *rq)
{
	struct account a;
	int status = await_api_account(rq, "username", 0, &a);

	if (status != 0)
		return status;
	if (a.kind == ACCOUNT_ORGANIZATION)
		return api_json_reply(rq, 200, api_org_json(rq, &a, false));
	return api_json_reply(rq, 200, api_account_json(rq, &a, is_caller(rq, &a)));
}
