/*
 * /api/v3/admin/issuers/{id}/sign-in: how people sign in through an issuer. For site admins.
 * The client's secret goes in and never comes out.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/fetch.h"
#include "gateway/handlers_identity.h"
#include "gateway/oidc_accounts.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/identities.h"

#define RESOURCE       "Issuer"
#define CLIENT_MAX     1024
#define SCOPE_COUNT    20
#define CLAIM_NAME_MAX 255

/* 422 with a sentence of what is wrong. */
static int refuse_field(struct request *rq, const char *field, const char *why)
{
	const char *errors = arena_printf(rq->arena,
					  "[{\"resource\":\"" RESOURCE
					  "\",\"field\":\"%s\",\"code\":\"custom\","
					  "\"message\":%s}]",
					  field, reply_json_string(rq->arena, why));

	return refuse_api_errors(rq, 422, errors, "Validation Failed: %s", why);
}

static json_t *scope_list(struct arena *a, const char *scopes)
{
	json_t *list = json_array();

	while (*scopes != '\0') {
		size_t len = strcspn(scopes, " ");

		json_array_append_new(list, json_string(arena_memdup(a, scopes, len)));
		scopes += len + (scopes[len] == ' ');
	}
	return list;
}

static int await_reply_sign_in(struct request *rq, int64_t id)
{
	struct issuer_sign_in s;
	struct issuer i;
	const char *url;
	json_t *creates;
	int rc = await_issuer_sign_in_find(rq->worker->metadb, rq->arena, id, &i, &s);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "looking up an issuer");
	url = arena_printf(rq->arena, "%s/login/oidc/%lld", request_base_url(rq),
			   (long long)id);
	creates = json_loads(s.creates, JSON_DECODE_ANY, NULL);
	return api_json_reply(
		rq, 200,
		json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:s, s:o, s:s, s:s, s:s}", "issuer",
			  i.url, "client_id", s.client_id, "has_client_secret",
			  *s.client_secret != '\0', "authorization_url",
			  api_json_maybe(s.authorization_url), "token_url",
			  api_json_maybe(s.token_url), "scopes",
			  scope_list(rq->arena, s.scopes), "subject_claim", s.subject_claim,
			  "creates", creates == NULL ? json_null() : creates, "login_url", url,
			  "callback_url", arena_printf(rq->arena, "%s/callback", url),
			  "updated_at", api_json_time(rq->arena, s.updated_at)));
}

int api_issuer_sign_in_get(struct request *rq)
{
	int64_t id;
	int status = api_token_id(rq, "id", &id);

	return status != 0 ? status : await_reply_sign_in(rq, id);
}

/* Both of them, or neither. */
static int read_urls(struct request *rq, const json_t *body, struct issuer_sign_in *out)
{
	int status = 0;
	const char *authorization =
		api_json_text(rq, body, RESOURCE, "authorization_url", false, &status);
	const char *token = api_json_text(rq, body, RESOURCE, "token_url", false, &status);

	if (status != 0)
		return status;
	if ((authorization == NULL) != (token == NULL))
		return refuse_field(rq, "token_url", "give both URLs, or none of them");
	out->authorization_url = authorization == NULL ? "" : authorization;
	out->token_url = token == NULL ? "" : token;
	if (authorization != NULL &&
	    (!fetch_url_fine(authorization) || strlen(authorization) > ISSUER_URL_MAX))
		return refuse_field(rq, "authorization_url", "it must be an https URL");
	if (token != NULL && (!fetch_url_fine(token) || strlen(token) > ISSUER_URL_MAX))
		return refuse_field(rq, "token_url", "it must be an https URL");
	return 0;
}

/* A scope of RFC 6749, 3.3. */
static bool scope_fine(const char *text)
{
	if (text == NULL || *text == '\0')
		return false;
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~' || *text == '"' || *text == '\\')
			return false;
	return true;
}

static int read_scopes(struct request *rq, const json_t *list, struct issuer_sign_in *out)
{
	bool openid = false;
	size_t i;
	json_t *one;

	out->scopes = "openid";
	if (list == NULL || json_is_null(list))
		return 0;
	out->scopes = "";
	if (json_array_size(list) > SCOPE_COUNT)
		return refuse_field(rq, "scopes", "they are 20 at most");
	json_array_foreach(list, i, one) {
		const char *text = json_string_value(one);

		if (!scope_fine(text))
			return refuse_field(rq, "scopes", "a scope is visible ASCII");
		openid |= strcmp(text, "openid") == 0;
		out->scopes = arena_printf(rq->arena, "%s%s%s", out->scopes,
					   *out->scopes == '\0' ? "" : " ", text);
		if (strlen(out->scopes) > ISSUER_SIGN_IN_SCOPES_MAX)
			return refuse_field(rq, "scopes", "they have 1024 bytes at most");
	}
	return openid ? 0 : refuse_field(rq, "scopes", "openid must be one of them");
}

static void free_text(void *text)
{
	free(text);
}

static int read_creates(struct request *rq, const json_t *creates, struct issuer_sign_in *out)
{
	const char *why = "";
	char *text;

	out->creates = "null";
	if (creates == NULL)
		return 0;
	if (oidc_accounts_check(rq->arena, creates, &why) < 0)
		return refuse_field(rq, "creates", why);
	text = json_dumps(creates, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text == NULL)
		return refuse_field(rq, "creates", "it is no JSON that can be kept");
	arena_defer(rq->arena, free_text, text);
	out->creates = text;
	return strlen(text) <= ISSUER_SIGN_IN_CREATES_MAX
		       ? 0
		       : refuse_field(rq, "creates", "it has 16 KiB at most");
}

/* A secret that is not said stays, null takes it away. */
static int read_secret(struct request *rq, const json_t *body, struct issuer_sign_in *out)
{
	int status = 0;

	out->client_secret =
		api_json_change(rq, body, RESOURCE, "client_secret", CLIENT_MAX, &status);
	return status;
}

static int read_body(struct request *rq, const json_t *body, struct issuer_sign_in *out)
{
	int status = 0;

	out->client_id = api_json_text(rq, body, RESOURCE, "client_id", true, &status);
	out->subject_claim = api_json_text(rq, body, RESOURCE, "subject_claim", false, &status);
	if (status != 0)
		return status;
	if (strlen(out->client_id) > CLIENT_MAX)
		return api_json_invalid(rq, RESOURCE, "client_id", "invalid");
	if (out->subject_claim == NULL)
		out->subject_claim = "sub";
	if (*out->subject_claim == '\0' || strlen(out->subject_claim) > CLAIM_NAME_MAX)
		return api_json_invalid(rq, RESOURCE, "subject_claim", "invalid");
	status = read_secret(rq, body, out);
	if (status == 0)
		status = read_urls(rq, body, out);
	if (status == 0)
		status = read_scopes(rq, json_object_get(body, "scopes"), out);
	return status != 0 ? status : read_creates(rq, json_object_get(body, "creates"), out);
}

int api_issuer_sign_in_put(struct request *rq)
{
	struct issuer_sign_in wanted = {0};
	struct actor who = auth_actor(rq);
	json_t *body;
	int64_t id;
	int rc, status = api_token_id(rq, "id", &id);

	if (status == 0)
		status = await_api_json(rq, &body);
	if (status == 0)
		status = read_body(rq, body, &wanted);
	if (status != 0)
		return status;
	rc = await_issuer_sign_in_set(rq->worker->metadb, &who, id, &wanted);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "setting how people sign in");
	return await_reply_sign_in(rq, id);
}

int api_issuer_sign_in_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int64_t id;
	int rc, status = api_token_id(rq, "id", &id);

	if (status != 0)
		return status;
	rc = await_issuer_sign_in_unset(rq->worker->metadb, &who, id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "ending how people sign in") : reply(rq, 204);
}
