/*
 * GET …/access/explain: why somebody (?user=LOGIN), or a token (?token=ID), may what he may on
 * a package; without either, the caller himself.
 *
 * Anybody may ask about himself and his tokens. Admins of the package ask about everybody,
 * owners of the namespace also about tokens of its people, robots and repositories, site admins
 * about everything.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/explain_text.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

static json_t *person_json(struct request *rq, const struct explanation *e, bool names)
{
	json_t *lines = json_array();
	struct explain_text text;

	explain_person(rq->arena, e, names, &text);
	for (size_t i = 0; i < text.count; i++)
		json_array_append_new(lines, json_pack("{s:s, s:b, s:s}", "role",
						       role_name(text.line[i].role),
						       "effective", text.line[i].effective,
						       "text", text.line[i].text));
	return json_pack("{s:o, s:s, s:s, s:b, s:o}", "user",
			 api_account_brief(rq, &e->account), "role", role_name(text.role),
			 "explanation", text.sentence, "inherits", e->inherits, "reasons",
			 lines);
}

/* Has he all rights to ask about others? */
static bool asks_about_others(struct request *rq)
{
	return auth_may(rq, ACTION_SETTINGS) || auth_site_admin(rq);
}

static int await_person(struct request *rq, const char *login)
{
	bool others = asks_about_others(rq);
	struct explanation e;
	int rc;

	if (!others && strcmp(login, rq->caller->login) != 0)
		return refuse_api(rq, 403,
				  "To ask about others needs the role admin on the package "
				  "and the scope write:packages: an admin of the package can "
				  "give it to you");
	rc = await_explain_person(rq->worker->metadb, rq->arena, rq->package_id, login, &e);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "explaining somebody's access");
	return api_json_reply(rq, 200, person_json(rq, &e, others));
}

static json_t *actions_json(struct request *rq, const struct token_explanation *t)
{
	static const char *const names[] = {"pull", "push", "delete", "restore", "settings"};
	json_t *list = json_array();

	for (int i = 0; i <= ACTION_SETTINGS; i++) {
		bool allowed;
		const char *text = explain_action(rq->arena, t, (enum action)i,
						  rq->repo.namespace, &allowed);

		json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "action", names[i],
						      "allowed", allowed, "text", text));
	}
	return list;
}

static json_t *token_json(const struct token_explanation *t)
{
	static const char *const kinds[] = {"", "personal", "robot", "workflow", "codespace"};
	static const char *const states[] = {"unknown", "active",  "unknown",
					     "expired", "revoked", "suspended"};
	char scopes[512];

	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)t->id, "login",
			 t->login, "kind", kinds[t->kind], "state", states[t->state], "scopes",
			 scope_names(t->standing.scopes, scopes, sizeof(scopes)), "repository",
			 t->repository);
}

/* A token of a person or a robot comes with what its account may. */
static int await_token(struct request *rq, int64_t id)
{
	struct token_asker asker = {rq->caller->account_id, auth_site_admin(rq)};
	struct token_explanation t;
	struct explanation e;
	json_t *json;
	int rc;

	rc = await_explain_token(rq->worker->metadb, rq->arena, rq->package_id, id, asker, &t);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "explaining a token's access");
	json = json_pack("{s:o, s:s, s:o}", "token", token_json(&t), "role",
			 role_name(t.standing.role), "actions", actions_json(rq, &t));
	if (*t.repository != '\0')
		return api_json_reply(rq, 200, json);
	rc = await_explain_person(rq->worker->metadb, rq->arena, rq->package_id, t.login, &e);
	if (rc < 0 && rc != ERR_NOT_FOUND) {
		json_decref(json);
		return give_up(rq, rc, "explaining somebody's access");
	}
	if (rc == 0)
		json_object_set_new(json, "account",
				    person_json(rq, &e, asks_about_others(rq)));
	return api_json_reply(rq, 200, json);
}

int api_access_explain(struct request *rq)
{
	const char *login = request_query(rq, "user"), *token = request_query(rq, "token");
	char *end = NULL;
	long long id;

	if (rq->caller->repository_id != 0)
		return refuse_api(rq, 403, "Resource not accessible by integration");
	if (token == NULL)
		return await_person(rq, login == NULL
						? rq->caller->login
						: login_fold(rq->arena, login, strlen(login)));
	id = strtoll(token, &end, 10);
	if (login != NULL || *token == '\0' || *end != '\0' || id <= 0)
		return refuse_api(rq, 400, "Ask about a user or about a token, by its id");
	return await_token(rq, id);
}
