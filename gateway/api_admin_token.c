/*
 * What a site admin sees and takes back of everybody's tokens, on GitHub Enterprise's paths:
 * /api/v3/admin/tokens, and the list of one user's, which it lacks.
 */
#include "gateway/api_account.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/handlers_identity.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

static json_t *token_json(struct request *rq, const struct token *t)
{
	const char *base = request_base_url(rq);
	json_t *json = api_token_json(
		rq, t,
		arena_printf(rq->arena, "%s/api/v3/admin/tokens/%lld", base, (long long)t->id));

	json_object_set_new(
		json, "user",
		json_pack("{s:s, s:I, s:s}", "login", t->login, "id", (json_int_t)t->account_id,
			  "url",
			  arena_printf(rq->arena, "%s/api/v3/users/%s", base, t->login)));
	return json;
}

static int await_list(struct request *rq, int64_t account_id)
{
	struct token_query q = {.account_id = account_id, .kind = TOKEN_PERSONAL};

	return await_api_token_list(rq, q, token_json);
}

int api_admin_token_list(struct request *rq)
{
	return await_list(rq, 0);
}

int api_admin_user_token_list(struct request *rq)
{
	struct account user;
	int status = await_api_account(rq, "username", ACCOUNT_USER, &user);

	return status != 0 ? status : await_list(rq, user.id);
}

int api_admin_token_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int64_t id;
	int rc, status = api_token_id(rq, "id", &id);

	if (status != 0)
		return status;
	rc = await_token_take_back(rq->worker->metadb, &who, 0, 0, id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "revoking a token") : reply(rq, 204);
}
