/*
 * /api/v3/admin/issuers: whose OpenID Connect tokens are believed, and for which repositories.
 * For site admins; GitHub has none. How it is used: gateway/IDENTITY.md.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_page.h"
#include "gateway/api_token.h"
#include "gateway/auth.h"
#include "gateway/fetch.h"
#include "gateway/handlers_identity.h"
#include "gateway/jwks.h"
#include "gateway/oidc_rules.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/issuers.h"

#define RESOURCE   "Issuer"
#define ALGORITHMS (JWT_RS256 | JWT_ES256 | JWT_EDDSA)

static json_t *text_or_null(const char *text)
{
	return *text == '\0' ? json_null() : json_string(text);
}

static json_t *algorithm_list(unsigned bits)
{
	json_t *list = json_array();

	for (unsigned bit = JWT_RS256; bit <= JWT_EDDSA; bit <<= 1)
		if (bits & bit)
			json_array_append_new(
				list, json_string(jwt_algorithm_name((enum jwt_algorithm)bit)));
	return list;
}

/* JSON that was stored as text. */
static json_t *stored(const char *text)
{
	json_t *json = *text == '\0' ? NULL : json_loads(text, 0, NULL);

	return json == NULL ? json_null() : json;
}

static json_t *issuer_json(struct request *rq, const struct issuer *i)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:s, s:s}", "id",
			 (json_int_t)i->id, "url",
			 arena_printf(rq->arena, "%s/api/v3/admin/issuers/%lld",
				      request_base_url(rq), (long long)i->id),
			 "issuer", i->url, "audience", i->audience, "jwks_url",
			 text_or_null(i->jwks_url), "jwks", stored(i->jwks), "algorithms",
			 algorithm_list(i->algorithms), "rules", stored(i->rules), "enabled",
			 i->enabled, "created_at", api_json_time(rq->arena, i->created_at),
			 "updated_at", api_json_time(rq->arena, i->updated_at));
}

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

static void free_text(void *text)
{
	free(text);
}

/* A member as text to be stored; NULL: it is longer than max. */
static const char *to_store(struct request *rq, const json_t *value, size_t max)
{
	char *text = json_dumps(value, JSON_COMPACT);

	if (text == NULL)
		return NULL;
	arena_defer(rq->arena, free_text, text);
	return strlen(text) <= max ? text : NULL;
}

static int read_algorithms(struct request *rq, const json_t *list, unsigned *out)
{
	enum jwt_algorithm one;
	size_t i;
	json_t *name;

	if (list == NULL || json_is_null(list))
		return 0;
	*out = 0;
	json_array_foreach(list, i, name) {
		if (!json_is_string(name) ||
		    jwt_algorithm_parse(json_string_value(name), &one) < 0)
			return refuse_field(rq, "algorithms",
					    "algorithms are RS256, ES256 and EdDSA");
		*out |= one;
	}
	return *out != 0 ? 0 : refuse_field(rq, "algorithms", "there must be one at least");
}

/* jwks and jwks_url: one of them, or neither; naming one takes the other away. */
static int read_keys(struct request *rq, const json_t *body, struct issuer *out)
{
	const json_t *jwks = json_object_get(body, "jwks");
	int status = 0;
	const char *url = api_json_text(rq, body, RESOURCE, "jwks_url", false, &status);
	const char *why = "it must be a JSON object of at most 64 KiB";
	struct jwks *set;

	if (status != 0)
		return status;
	if (json_is_null(json_object_get(body, "jwks_url")))
		out->jwks_url = "";
	if (json_is_null(jwks))
		out->jwks = "";
	if (url != NULL) {
		if (!fetch_url_fine(url) || strlen(url) > ISSUER_URL_MAX)
			return refuse_field(rq, "jwks_url", "it must be an https URL");
		out->jwks_url = url;
		out->jwks = "";
	}
	if (jwks == NULL || json_is_null(jwks))
		return 0;
	if (url != NULL)
		return refuse_field(rq, "jwks", "give jwks or jwks_url");
	out->jwks = json_is_object(jwks) ? to_store(rq, jwks, ISSUER_JWKS_MAX) : NULL;
	out->jwks_url = "";
	if (out->jwks == NULL ||
	    jwks_parse(rq->arena, out->jwks, strlen(out->jwks), &set, &why) < 0)
		return refuse_field(rq, "jwks", why);
	jwks_free(set);
	return 0;
}

static int read_rules(struct request *rq, const json_t *rules, struct issuer *out)
{
	const char *why;

	if (rules == NULL)
		return 0;
	if (oidc_rules_check(rq->arena, rules, &why) < 0)
		return refuse_field(rq, "rules", why);
	out->rules = to_store(rq, rules, ISSUER_RULES_MAX);
	return out->rules != NULL ? 0 : refuse_field(rq, "rules", "they have 64 KiB at most");
}

/* What a body says of an issuer, on top of what *out holds. 0, or the status of a refusal. */
static int read_issuer(struct request *rq, const json_t *body, bool required,
		       struct issuer *out)
{
	const json_t *enabled = json_object_get(body, "enabled");
	int status = 0;
	const char *audience = api_json_text(rq, body, RESOURCE, "audience", required, &status);

	if (status != 0)
		return status;
	if (audience != NULL)
		out->audience = audience;
	if (*out->audience == '\0' || strlen(out->audience) > ISSUER_URL_MAX)
		return refuse_field(rq, "audience", "it has 1 to 1024 bytes");
	if (enabled != NULL && !json_is_boolean(enabled))
		return api_json_invalid(rq, RESOURCE, "enabled", "invalid");
	if (enabled != NULL)
		out->enabled = json_is_true(enabled);
	status = read_algorithms(rq, json_object_get(body, "algorithms"), &out->algorithms);
	if (status == 0)
		status = read_keys(rq, body, out);
	return status != 0 ? status : read_rules(rq, json_object_get(body, "rules"), out);
}

/* The one in {id}: 0, or the status of a refusal. */
static int await_issuer(struct request *rq, struct issuer *out)
{
	int64_t id;
	int rc, status = api_token_id(rq, "id", &id);

	if (status != 0)
		return status;
	rc = await_issuer_find(rq->worker->metadb, rq->arena, id, NULL, out);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "looking up an issuer") : 0;
}

static int await_reply_issuer(struct request *rq, int status, int64_t id)
{
	struct issuer found;
	int rc = await_issuer_find(rq->worker->metadb, rq->arena, id, NULL, &found);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "looking up an issuer");
	return api_json_reply(rq, status, issuer_json(rq, &found));
}

int api_issuer_list(struct request *rq)
{
	struct issuer_list found;
	struct api_page page;
	json_t *list;
	int rc, status = api_page_read(rq, &page);

	if (status != 0)
		return status;
	rc = await_issuer_list(rq->worker->metadb, rq->arena, page.offset, (int)page.size,
			       &found);
	if (rc < 0)
		return give_up(rq, rc, "listing issuers");
	list = json_array();
	for (size_t i = 0; i < found.count; i++)
		json_array_append_new(list, issuer_json(rq, &found.item[i]));
	return api_page_reply(rq, &page, list, found.total);
}

int api_issuer_create(struct request *rq)
{
	struct issuer wanted = {.audience = "",
				.jwks_url = "",
				.jwks = "",
				.rules = "[]",
				.algorithms = ALGORITHMS,
				.enabled = true};
	struct actor who = auth_actor(rq);
	json_t *body;
	int64_t id;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status != 0)
		return status;
	wanted.url = api_json_text(rq, body, RESOURCE, "issuer", true, &status);
	if (status != 0)
		return status;
	if (!fetch_url_fine(wanted.url) || strlen(wanted.url) > ISSUER_URL_MAX)
		return refuse_field(rq, "issuer", "it must be an https URL");
	status = read_issuer(rq, body, true, &wanted);
	if (status != 0)
		return status;
	rc = await_issuer_create(rq->worker->metadb, &who, &wanted, &id);
	if (rc == ERR_CONFLICT)
		return api_json_invalid(rq, RESOURCE, "issuer", "already_exists");
	if (rc < 0)
		return give_up(rq, rc, "making an issuer");
	return await_reply_issuer(rq, 201, id);
}

int api_issuer_get(struct request *rq)
{
	struct issuer found;
	int status = await_issuer(rq, &found);

	return status != 0 ? status : api_json_reply(rq, 200, issuer_json(rq, &found));
}

int api_issuer_patch(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct issuer wanted;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = await_issuer(rq, &wanted);
	if (status == 0)
		status = read_issuer(rq, body, false, &wanted);
	if (status != 0)
		return status;
	rc = await_issuer_change(rq->worker->metadb, &who, &wanted);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 409, "Somebody else has changed it meanwhile");
	if (rc < 0)
		return give_up(rq, rc, "changing an issuer");
	return await_reply_issuer(rq, 200, wanted.id);
}

int api_issuer_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int64_t id;
	int rc, status = api_token_id(rq, "id", &id);

	if (status != 0)
		return status;
	rc = await_issuer_delete(rq->worker->metadb, &who, id);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "deleting an issuer") : reply(rq, 204);
}
