/*
 * Tokens that act for a repository, made by its admins or a site admin:
 * /api/v3/repos/{owner}/{repo}/workflow-tokens and …/codespace-tokens. And how such a token
 * ends itself: GitHub's DELETE /api/v3/installation/token.
 */
#include <string.h>
#include <time.h>

#include "gateway/acting_token.h"
#include "gateway/api_json.h"
#include "gateway/api_token.h"
#include "gateway/auth_private.h"
#include "gateway/handlers_identity.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/repositories.h"

#define RESOURCE "ActingToken"

unsigned acting_token_scopes(bool write)
{
	unsigned scopes = SCOPE_READ_PACKAGES;

	return write ? scopes | SCOPE_WRITE_PACKAGES | SCOPE_DELETE_PACKAGES : scopes;
}

static bool is_site_admin(const struct request *rq)
{
	return rq->caller->site_admin && !rq->caller->limited &&
	       (scope_closure(rq->caller->scopes) & SCOPE_SITE_ADMIN) != 0;
}

static bool may_see(const struct request *rq, const struct repository *r)
{
	return r->role > REPOSITORY_NONE || r->visibility != VISIBILITY_PRIVATE ||
	       is_site_admin(rq);
}

/* The repository of the path, if the caller may make tokens that act for it. */
static int await_own_repository(struct request *rq, struct repository *out)
{
	const char *owner = request_param(rq, "owner");
	enum outside outside;
	int rc;

	rc = await_repository_find(rq->worker->metadb, rq->arena, rq->caller->account_id,
				   login_fold(rq->arena, owner, strlen(owner)),
				   request_param(rq, "repo"), out);
	if (rc == ERR_NOT_FOUND || (rc == 0 && !may_see(rq, out)))
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "looking up the repository");
	if (is_site_admin(rq))
		return 0;
	if (out->role < REPOSITORY_ADMIN)
		return refuse_api(rq, 403, "Must have admin rights to the repository");
	if ((scope_closure(rq->caller->scopes) & SCOPE_REPO) == 0)
		return refuse_api(rq, 403, "The token provided does not have the scope repo");
	rc = await_token_outside(rq->worker->metadb, rq->caller->token_id, out->owner.id,
				 &outside);
	if (rc < 0)
		return give_up(rq, rc, "looking up the limits of the token");
	return outside == OUTSIDE_NOT ? 0 : auth_refuse_outside(rq, outside, out->owner.login);
}

/* permissions: {packages: read or write}; read when it is absent. */
static int read_permissions(struct request *rq, const json_t *body, bool may_write, bool *write)
{
	const json_t *all = json_object_get(body, "permissions");
	const json_t *packages = json_object_get(all, "packages");
	const char *text = json_string_value(packages);

	*write = false;
	if (all == NULL || json_is_null(all))
		return 0;
	if (!json_is_object(all) || json_object_size(all) > 1 ||
	    (json_object_size(all) == 1 && text == NULL))
		return api_json_invalid(rq, RESOURCE, "permissions", "invalid");
	*write = text != NULL && strcmp(text, "write") == 0;
	if ((*write && !may_write) || (text != NULL && !*write && strcmp(text, "read") != 0))
		return api_json_invalid(rq, RESOURCE, "permissions", "invalid");
	return 0;
}

static int read_life(struct request *rq, const json_t *body, int64_t *ends)
{
	const json_t *value = json_object_get(body, "expires_in");
	json_int_t seconds = ACTING_LIFE_S;

	if (value != NULL && !json_is_null(value)) {
		seconds = json_integer_value(value);
		if (!json_is_integer(value) || seconds < ACTING_LIFE_MIN_S ||
		    seconds > ACTING_LIFE_MAX_S)
			return api_json_invalid(rq, RESOURCE, "expires_in", "invalid");
	}
	*ends = (int64_t)time(NULL) + seconds;
	return 0;
}

/* Who set it going: the caller; a site admin, who serves a CI system, may name somebody. */
static int await_read_actor(struct request *rq, const json_t *body, struct account *out)
{
	int rc, status = 0;
	const char *login = api_json_text(rq, body, RESOURCE, "actor", false, &status);

	if (status != 0)
		return status;
	if (login == NULL)
		login = rq->caller->login;
	login = login_fold(rq->arena, login, strlen(login));
	rc = await_account_by_login(rq->worker->metadb, rq->arena, login, out);
	if (rc < 0 && rc != ERR_NOT_FOUND)
		return give_up(rq, rc, "looking up the actor");
	if (rc == ERR_NOT_FOUND || out->kind == ACCOUNT_ORGANIZATION || out->suspended_at != 0)
		return api_json_invalid(rq, RESOURCE, "actor", "invalid");
	if (out->id != rq->caller->account_id && !is_site_admin(rq))
		return refuse_api(rq, 403, "Only site admins name another actor");
	return 0;
}

static int reply_token(struct request *rq, const struct repository *r,
		       const struct account *actor, const struct token *t, const char *text)
{
	bool write = (t->scopes & SCOPE_WRITE_PACKAGES) != 0;
	json_t *json = json_pack("{s:s, s:I, s:s, s:s, s:{s:s}, s:{s:I, s:s}, s:{s:s, s:I}}",
				 "token", text, "id", (json_int_t)t->id, "token_last_eight",
				 t->hint, "expires_at", api_json_time(rq->arena, t->expires_at),
				 "permissions", "packages", write ? "write" : "read",
				 "repository", "id", (json_int_t)r->id, "full_name",
				 arena_printf(rq->arena, "%s/%s", r->owner.login, r->name),
				 "actor", "login", actor->login, "id", (json_int_t)actor->id);

	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 201, json);
}

static int await_make(struct request *rq, enum token_kind kind)
{
	struct token_new wanted = {.kind = kind};
	char text[TOKEN_TEXT_LEN + 1];
	struct repository repository;
	struct account actor;
	struct token made;
	json_t *body;
	bool write;
	int status = await_api_json(rq, &body);

	if (status == 0)
		status = await_own_repository(rq, &repository);
	if (status == 0)
		status = read_permissions(rq, body, kind == TOKEN_WORKFLOW, &write);
	if (status == 0)
		status = read_life(rq, body, &wanted.expires_at);
	if (status == 0)
		status = await_read_actor(rq, body, &actor);
	if (status != 0)
		return status;
	wanted.account_id = actor.id;
	wanted.repository_id = repository.id;
	wanted.scopes = acting_token_scopes(write);
	status = await_api_token_issue(rq, &wanted, true, text, &made);
	return status != 0 ? status : reply_token(rq, &repository, &actor, &made, text);
}

int api_workflow_token_create(struct request *rq)
{
	return await_make(rq, TOKEN_WORKFLOW);
}

int api_codespace_token_create(struct request *rq)
{
	return await_make(rq, TOKEN_CODESPACE);
}

int api_installation_token_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int rc;

	if (rq->caller == NULL || rq->caller->repository_id == 0)
		return refuse_api(rq, 403, "This is for tokens of workflows and codespaces");
	rc = await_token_take_back(rq->worker->metadb, &who, rq->caller->account_id, 0,
				   rq->caller->token_id);
	if (rc < 0 && rc != ERR_NOT_FOUND)
		return give_up(rq, rc, "revoking a token");
	return reply(rq, 204);
}
