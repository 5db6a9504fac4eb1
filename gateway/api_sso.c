/*
 * Single sign-on: /api/v3/user/tokens/{id}/sso/{org} for the tokens' owners, and GitHub's
 * /api/v3/orgs/{org}/credential-authorizations for the organization's; /api/v3/orgs/{org}/sso:
 * which issuer it is.
 */
#include "metadb/sso.h"

#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_org.h"
#include "gateway/api_page.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/handlers_identity.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

/* {id} and {org} of a person's own token: 0, or the status of a refusal. */
static int await_both(struct request *rq, int64_t *token, struct account *org)
{
	int status = api_token_manager(rq);

	if (status == 0)
		status = api_token_id(rq, "id", token);
	if (status == 0)
		status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, org);
	return status;
}

int api_user_token_sso_put(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account org;
	int64_t token;
	int rc, status = await_both(rq, &token, &org);

	if (status != 0)
		return status;
	rc = await_sso_authorize(rq->worker->metadb, &who, token, org.id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc == ERR_DENIED)
		return refuse_api(rq, 403,
				  "Sign in through the single sign-on of %s, and authorize the "
				  "token in that session",
				  org.login);
	return rc < 0 ? give_up(rq, rc, "authorizing a token") : reply(rq, 204);
}

int api_user_token_sso_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account org;
	int64_t token;
	int rc, status = await_both(rq, &token, &org);

	if (status != 0)
		return status;
	rc = await_sso_withdraw(rq->worker->metadb, &who, rq->caller->account_id, token,
				org.id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "withdrawing an authorization") : reply(rq, 204);
}

static json_t *credential_json(struct request *rq, const struct sso_credential *c)
{
	const struct token *t = &c->token;

	return json_pack(
		"{s:s, s:I, s:s, s:s, s:o, s:o, s:I, s:n, s:s, s:o, s:o}", "login", t->login,
		"credential_id", (json_int_t)t->id, "credential_type", "personal access token",
		"token_last_eight", t->hint, "credential_authorized_at",
		api_token_time_or_null(rq, c->authorized_at), "credential_accessed_at",
		api_token_time_or_null(rq, t->last_used_at), "authorized_credential_id",
		(json_int_t)t->id, "authorized_credential_title", "authorized_credential_note",
		t->note, "authorized_credential_expires_at",
		api_token_time_or_null(rq, t->expires_at), "scopes",
		api_token_scope_list(t->scopes));
}

int api_org_credential_list(struct request *rq)
{
	const char *login = request_query(rq, "login");
	struct sso_list found;
	struct account org;
	struct api_page page;
	json_t *list;
	int rc, status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &org);

	if (status == 0)
		status = api_page_read(rq, &page);
	if (status != 0)
		return status;
	if (login != NULL)
		login = login_fold(rq->arena, login, strlen(login));
	rc = await_sso_list(rq->worker->metadb, rq->arena, org.id, login, page.offset,
			    (int)page.size, &found);
	if (rc < 0)
		return give_up(rq, rc, "listing authorized tokens");
	list = json_array();
	for (size_t i = 0; i < found.count; i++)
		json_array_append_new(list, credential_json(rq, &found.item[i]));
	return api_page_reply(rq, &page, list, found.total);
}

int api_org_credential_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct account org;
	int64_t token;
	int rc, status = api_token_id(rq, "credential_id", &token);

	if (status == 0)
		status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &org);
	if (status != 0)
		return status;
	rc = await_sso_withdraw(rq->worker->metadb, &who, 0, token, org.id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "withdrawing an authorization") : reply(rq, 204);
}

static int await_reply_sso(struct request *rq)
{
	const struct account *org = &rq->org->account;
	struct sso_issuer issuer;
	int rc = await_sso_issuer(rq->worker->metadb, rq->arena, org->id, &issuer);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "The organization names no issuer");
	if (rc < 0)
		return give_up(rq, rc, "looking up an organization's issuer");
	return api_json_reply(rq, 200,
			      json_pack("{s:s, s:s, s:b}", "issuer", issuer.url, "login_url",
					arena_printf(rq->arena, "%s/orgs/%s/sso",
						     request_base_url(rq), org->login),
					"required", org->rules.sso_required));
}

int api_org_sso_get(struct request *rq)
{
	return await_reply_sso(rq);
}

/* url NULL: none from now on. 0, or the status of a refusal. */
static int await_name_issuer(struct request *rq, const char *url)
{
	struct actor who = auth_actor(rq);
	int rc = await_sso_issuer_set(rq->worker->metadb, &who, rq->org->account.id, url);

	if (rc == ERR_SYNTAX)
		return api_json_invalid(rq, "Organization", "issuer", "invalid");
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 409,
				  "%s requires single sign-on: set sso_required to false first",
				  rq->org->account.login);
	return rc < 0 ? api_org_refused(rq, rc, "naming an organization's issuer") : 0;
}

int api_org_sso_put(struct request *rq)
{
	const char *url;
	json_t *body;
	int status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	url = api_json_text(rq, body, "Organization", "issuer", true, &status);
	if (status == 0)
		status = await_name_issuer(rq, url);
	return status != 0 ? status : await_reply_sso(rq);
}

int api_org_sso_delete(struct request *rq)
{
	int status = await_name_issuer(rq, NULL);

	return status != 0 ? status : reply(rq, 204);
}
