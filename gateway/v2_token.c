/*
 * /token: a credential in, a bearer token for the asked packages out (Docker's token
 * specification; OAuth2 password form by POST).
 *
 * Nothing is decided here but who is asking: what the token is worth is looked up when it is
 * used. So a valid credential gets a token for whatever it asks, and so does nobody at all (for
 * public packages). Refresh tokens are never given: `offline_token` and `access_type` are
 * ignored.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/key_watch.h"

#define FORM_MAX (16 * 1024)

/* `registry:catalog:*` */
static bool scope_catalog(const char *text, size_t len, struct bearer_grant *out)
{
	static const char whole[] = BEARER_CATALOG ":*";

	if (len != strlen(whole) || memcmp(text, whole, len) != 0)
		return false;
	*out = (struct bearer_grant){.repository = BEARER_CATALOG, .actions = BEARER_PULL};
	return true;
}

/* `repository:NAME:ACTIONS`; other kinds of scopes ask for nothing that is here. */
static bool scope_read(struct arena *a, const char *text, size_t len, struct bearer_grant *out)
{
	const char *name, *end;
	struct repository_name repo;

	/* Who takes a challenge apart at its commas has the quote of scope="…" left over. */
	if (len > 0 && *text == '"') {
		text++;
		len--;
	}
	name = memchr(text, ':', len);
	end = memrchr(text, ':', len);
	if (scope_catalog(text, len, out))
		return true;
	if (name == NULL || name == end || len < 10 || memcmp(text, "repository", 10) != 0)
		return false;
	name++;
	if (repository_parse(a, name, (size_t)(end - name), &repo) < 0)
		return false;
	out->repository = repo.full;
	out->actions = bearer_actions_parse(end + 1, (size_t)(text + len - end - 1));
	return out->actions != 0;
}

/* A blank-separated list of scopes; what is over BEARER_GRANTS_MAX is ignored. */
static void scopes_read(struct arena *a, const char *list, struct bearer_claims *c)
{
	while (*list != '\0' && c->grant_count < BEARER_GRANTS_MAX) {
		size_t len = strcspn(list, " ");

		if (scope_read(a, list, len, &c->grants[c->grant_count]))
			c->grant_count++;
		list += len;
		list += strspn(list, " ");
	}
}

/* Who is asking, and the ids of the namespaces that the grants are for. */
static int await_claims(struct request *rq, const struct credential *cred, struct caller *who,
			struct bearer_claims *c)
{
	bool known = false;

	for (size_t i = 0; i < c->grant_count; i++) {
		const char *full = c->grants[i].repository;
		struct repository_name repo;
		struct authorization found;
		int rc;

		if (strcmp(full, BEARER_CATALOG) == 0)
			continue;
		rc = repository_parse(rq->arena, full, strlen(full), &repo);
		if (rc == 0)
			rc = await_authorize(rq->worker->metadb, cred, repo.namespace,
					     repo.name, NULL, &found);
		if (rc < 0)
			return rc;
		c->grants[i].namespace_id = found.namespace_id;
		*who = found.caller;
		known = true;
	}
	return known ? 0 : await_caller(rq->worker->metadb, cred, who);
}

static int answer(struct request *rq, const char *token, const struct bearer_claims *c)
{
	json_t *json = json_pack("{s:s, s:s, s:I, s:s}", "token", token, "access_token", token,
				 "expires_in", (json_int_t)(c->expires_at - c->issued_at),
				 "issued_at", api_json_time(rq->arena, c->issued_at));

	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 200, json);
}

static int await_issue(struct request *rq, const struct credential *cred,
		       struct bearer_claims *c)
{
	const struct signing_key *k;
	struct bearer_key *key;
	struct caller who;
	const char *token;
	int rc;

	rc = await_claims(rq, cred, &who, c);
	if (rc < 0)
		return give_up(rq, rc, "looking up the caller");
	rc = await_request_mode(rq, who.mode);
	if (rc != 0)
		return rc;
	if (!auth_caller_fine(&who))
		return auth_refuse_basic(rq);
	rc = rate_limit(rq, who.account_id);
	if (rc != 0)
		return rc;
	rq->caller_name = arena_strdup(rq->arena, who.login);
	c->audience = AUTH_AUDIENCE;
	c->issued_at = c->not_before = (int64_t)time(NULL);
	c->expires_at = c->issued_at + rq->worker->set->gateway_token_life / 1000;
	c->credential_id = who.token_id;
	c->account_id = who.account_id;
	k = key_watch_signer(rq->worker->keys, c->issued_at);
	if (k == NULL)
		return give_up(rq, ERR_UNAVAILABLE, "waiting for the first signing key");
	key = bearer_key_signing(k->id, k->seed);
	token = key == NULL ? NULL : bearer_sign(rq->arena, key, c);
	bearer_key_free(key);
	if (token == NULL)
		return give_up(rq, ERR_CORRUPT, "signing a bearer token");
	return answer(rq, token, c);
}

/* The credential of the Authorization header; bearer tokens of ours buy no new ones. */
static int await_header_credential(struct request *rq, struct credential *out)
{
	struct presented p;
	int rc = await_auth_presented(rq, &p);

	if (rc == 0 && p.narrowed)
		rc = ERR_DENIED;
	*out = p.credential;
	return rc;
}

static int refuse_credential(struct request *rq, int rc)
{
	return rc == ERR_DENIED ? auth_refuse_basic(rq)
				: give_up(rq, rc, "checking the credential");
}

int v2_token_get(struct request *rq)
{
	struct bearer_claims claims = {0};
	struct credential cred;
	const char *scope;
	int rc;

	rc = await_header_credential(rq, &cred);
	if (rc < 0)
		return refuse_credential(rq, rc);
	for (unsigned i = 0; (scope = uri_query_get(&rq->query, "scope", i)) != NULL; i++)
		scopes_read(rq->arena, scope, &claims);
	return await_issue(rq, &cred, &claims);
}

/* The form's password is a credential as in Basic. */
static int form_credential(const struct uri_query *form, struct credential *out)
{
	const char *password = uri_query_get(form, "password", 0);

	if (password == NULL || !token_shaped(password, strlen(password)))
		return ERR_DENIED;
	out->form = CREDENTIAL_HASH;
	token_hash(password, strlen(password), out->hash);
	return 0;
}

int v2_token_post(struct request *rq)
{
	struct bearer_claims claims = {0};
	struct credential cred = {0};
	struct uri_query form;
	const char *text;
	struct slice body;
	int rc;

	rc = await_body_all(rq, FORM_MAX, &body);
	if (rc == ERR_LIMIT)
		return refuse_with(rq, 413, REQUEST_INVALID, NULL,
				   "a form has at most %d bytes", FORM_MAX);
	if (rc < 0)
		return give_up(rq, rc, "reading the form");
	if (uri_query_parse(rq->arena, body, &form) < 0)
		return refuse(rq, REQUEST_INVALID, "the body is not a form");
	text = uri_query_get(&form, "grant_type", 0);
	if (text == NULL || strcmp(text, "password") != 0)
		return refuse(rq, REQUEST_INVALID, "grant_type must be password");
	rc = form_credential(&form, &cred);
	if (rc < 0)
		return refuse_credential(rq, rc);
	for (unsigned i = 0; (text = uri_query_get(&form, "scope", i)) != NULL; i++)
		scopes_read(rq->arena, text, &claims);
	return await_issue(rq, &cred, &claims);
}
