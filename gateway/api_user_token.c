/*
 * /api/v3/user/tokens: the tokens that a person has, makes and takes back. GitHub has no REST
 * for these.
 */
#include "gateway/api_json.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/handlers_identity.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

static const char *base_url(struct request *rq)
{
	return arena_printf(rq->arena, "%s/api/v3/user/tokens", request_base_url(rq));
}

static json_t *token_json(struct request *rq, const struct token *t)
{
	return api_token_json(
		rq, t, arena_printf(rq->arena, "%s/%lld", base_url(rq), (long long)t->id));
}

int api_user_token_list(struct request *rq)
{
	struct token_query q = {.account_id = rq->caller->account_id, .kind = TOKEN_PERSONAL};
	int status = api_token_manager(rq);

	return status != 0 ? status : await_api_token_list(rq, q, token_json);
}

int api_user_token_create(struct request *rq)
{
	struct token_new wanted = {.account_id = rq->caller->account_id,
				   .kind = TOKEN_PERSONAL};
	json_t *body;
	int status = api_token_manager(rq);

	if (status == 0)
		status = await_api_json(rq, &body);
	if (status == 0)
		status = api_token_read(rq, body, &wanted);
	if (status != 0)
		return status;
	if ((wanted.scopes & SCOPE_SITE_ADMIN) && !rq->caller->site_admin)
		return api_json_invalid(rq, API_TOKEN_RESOURCE, "scopes", "invalid");
	/* A session ends when its person goes home; what he makes for himself may stay. */
	return await_api_token_make(rq, &wanted, rq->caller->kind != TOKEN_SESSION,
				    base_url(rq));
}

int api_user_token_get(struct request *rq)
{
	struct token_query q = {
		.account_id = rq->caller->account_id, .kind = TOKEN_PERSONAL, .max = 1};
	struct token_list found;
	int rc, status = api_token_manager(rq);

	if (status == 0)
		status = api_token_id(rq, "id", &q.id);
	if (status != 0)
		return status;
	rc = await_token_list(rq->worker->metadb, rq->arena, &q, &found);
	if (rc < 0)
		return give_up(rq, rc, "looking up a token");
	if (found.count == 0)
		return refuse_api(rq, 404, "Not Found");
	return api_json_reply(rq, 200, token_json(rq, &found.item[0]));
}

int api_user_token_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int rc, status = api_token_manager(rq);
	int64_t id;

	if (status == 0)
		status = api_token_id(rq, "id", &id);
	if (status != 0)
		return status;
	rc = await_token_take_back(rq->worker->metadb, &who, rq->caller->account_id,
				   TOKEN_PERSONAL, id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "revoking a token") : reply(rq, 204);
}
