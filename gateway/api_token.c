/* See api_token.h. What may be made with what is judged by the database (schema/0049). */
#include "gateway/api_token.h"

#include <string.h>
#include <time.h>

#include "gateway/api_json.h"
#include "gateway/api_page.h"
#include "gateway/auth.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

#define RESOURCE API_TOKEN_RESOURCE

int api_token_scopes(struct request *rq, const json_t *body, unsigned *out)
{
	const json_t *list = json_object_get(body, "scopes");

	*out = 0;
	if (list == NULL || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return api_json_invalid(rq, RESOURCE, "scopes", "invalid");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *name = json_array_get(list, i);
		unsigned bit;

		if (!json_is_string(name) ||
		    scope_parse(json_string_value(name), json_string_length(name), &bit) < 0)
			return api_json_invalid(rq, RESOURCE, "scopes", "invalid");
		*out |= bit;
	}
	return 0;
}

int api_token_expiry(struct request *rq, const json_t *body, int64_t *out)
{
	int status = 0;
	const char *text = api_json_text(rq, body, RESOURCE, "expires_at", false, &status);

	*out = 0;
	if (status != 0 || text == NULL)
		return status;
	if (api_json_time_parse(text, out) < 0 || *out <= (int64_t)time(NULL))
		return api_json_invalid(rq, RESOURCE, "expires_at", "invalid");
	return 0;
}

/* {namespace, package}; false: it is none. */
static bool read_limit(struct request *rq, const json_t *json, struct token_limit *out)
{
	const json_t *space = json_object_get(json, "namespace");
	const json_t *package = json_object_get(json, "package");

	if (!json_is_string(space))
		return false;
	out->namespace =
		login_fold(rq->arena, json_string_value(space), json_string_length(space));
	if (!login_valid(out->namespace, strlen(out->namespace)))
		return false;
	if (package == NULL || json_is_null(package))
		return true;
	out->package = json_string_value(package);
	return out->package != NULL && repository_valid(out->package, strlen(out->package));
}

static int read_limits(struct request *rq, const json_t *body, struct token_new *out)
{
	const json_t *list = json_object_get(body, "limits");
	size_t count = json_array_size(list);
	struct token_limit *limit;

	if (list == NULL || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return api_json_invalid(rq, RESOURCE, "limits", "invalid");
	if (count > TOKEN_LIMITS_MAX)
		return api_json_invalid(rq, RESOURCE, "limits", "too_long");
	limit = arena_alloc(rq->arena, sizeof(*limit) * (count + 1));
	for (size_t i = 0; i < count; i++)
		if (!read_limit(rq, json_array_get(list, i), &limit[i]))
			return api_json_invalid(rq, RESOURCE, "limits", "invalid");
	out->limits = limit;
	out->limit_count = count;
	return 0;
}

int api_token_read(struct request *rq, const json_t *body, struct token_new *out)
{
	int status = api_token_scopes(rq, body, &out->scopes);

	if (status == 0)
		status = api_token_expiry(rq, body, &out->expires_at);
	if (status == 0)
		status = read_limits(rq, body, out);
	out->note = api_json_text(rq, body, RESOURCE, "note", false, &status);
	if (status == 0 && out->note != NULL && strlen(out->note) > TOKEN_NOTE_MAX)
		status = api_json_invalid(rq, RESOURCE, "note", "too_long");
	return status;
}

json_t *api_token_scope_list(unsigned scopes)
{
	json_t *list = json_array();
	char names[256], *save = NULL;

	scope_names(scopes, names, sizeof(names));
	for (char *name = strtok_r(names, ", ", &save); name != NULL;
	     name = strtok_r(NULL, ", ", &save))
		json_array_append_new(list, json_string(name));
	return list;
}

json_t *api_token_time_or_null(struct request *rq, int64_t seconds)
{
	return seconds == 0 ? json_null() : json_string(api_json_time(rq->arena, seconds));
}

json_t *api_token_json(struct request *rq, const struct token *t, const char *url)
{
	json_t *limits = json_array();

	for (size_t i = 0; i < t->limit_count; i++)
		json_array_append_new(limits, json_pack("{s:s, s:s?}", "namespace",
							t->limits[i].namespace, "package",
							t->limits[i].package));
	return json_pack("{s:I, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o}", "id",
			 (json_int_t)t->id, "url", url, "note", t->note, "scopes",
			 api_token_scope_list(t->scopes), "limits", limits, "token_last_eight",
			 t->hint, "created_at", api_token_time_or_null(rq, t->created_at),
			 "expires_at", api_token_time_or_null(rq, t->expires_at),
			 "last_used_at", api_token_time_or_null(rq, t->last_used_at));
}

static bool is_site_admin(const struct request *rq)
{
	return rq->caller->site_admin &&
	       (scope_closure(rq->caller->scopes) & SCOPE_SITE_ADMIN) != 0;
}

static int refuse_verdict(struct request *rq, enum token_verdict v)
{
	switch (v) {
	case TOKEN_BEYOND_SCOPES:
		return refuse_api(rq, 403,
				  "A token cannot be given a scope that the "
				  "credential it is made with does not have");
	case TOKEN_BEYOND_LIFETIME:
		return refuse_api(rq, 403,
				  "A token cannot outlive the token that it is "
				  "made with: give an earlier expires_at");
	case TOKEN_BEYOND_LIMITS:
		return refuse_api(rq, 403,
				  "A token cannot reach beyond the limits of the "
				  "token that it is made with");
	case TOKEN_NO_NAMESPACE:
		return api_json_invalid(rq, RESOURCE, "limits", "invalid");
	case TOKEN_TOO_MANY:
		return refuse_api_errors(rq, 422,
					 "[{\"resource\":\"" RESOURCE "\",\"field\":"
					 "\"account\",\"code\":\"unprocessable\"}]",
					 "There are %d valid tokens already: revoke some",
					 TOKENS_MAX);
	case TOKEN_MAKER_INVALID:
		reply_header(rq, "WWW-Authenticate", "Basic realm=\"packhouse\"");
		return refuse_api(rq, 401, "Bad credentials");
	default:
		return refuse_api(rq, 404, "Not Found");
	}
}

int await_api_token_issue(struct request *rq, const struct token_new *wanted, bool lifetime,
			  char text[TOKEN_TEXT_LEN + 1], struct token *out)
{
	struct token_bounds bounds = {scope_closure(rq->caller->scopes), true, lifetime};
	struct actor who = auth_actor(rq);
	int rc;

	rc = await_token_issue(rq->worker->metadb, rq->arena, &who,
			       is_site_admin(rq) ? NULL : &bounds, wanted, text, out);
	if (rc < 0)
		return give_up(rq, rc, "making a token");
	return rc == TOKEN_MADE ? 0 : refuse_verdict(rq, (enum token_verdict)rc);
}

int await_api_token_make(struct request *rq, const struct token_new *wanted, bool lifetime,
			 const char *url)
{
	char text[TOKEN_TEXT_LEN + 1];
	struct token t;
	json_t *json;
	int status = await_api_token_issue(rq, wanted, lifetime, text, &t);

	if (status != 0)
		return status;
	json = api_token_json(rq, &t, arena_printf(rq->arena, "%s/%lld", url, (long long)t.id));
	json_object_set_new(json, "token", json_string(text));
	reply_header(rq, "Cache-Control", "no-store");
	return api_json_reply(rq, 201, json);
}

int api_token_id(struct request *rq, const char *param, int64_t *out)
{
	const char *text = request_param(rq, param);
	size_t len = strspn(text, "0123456789");
	int64_t id = 0;

	if (text[len] != '\0' || len == 0 || len > 18)
		return refuse_api(rq, 404, "Not Found");
	for (size_t i = 0; i < len; i++)
		id = id * 10 + (text[i] - '0');
	if (id == 0)
		return refuse_api(rq, 404, "Not Found");
	*out = id;
	return 0;
}

int api_token_manager(struct request *rq)
{
	unsigned held = scope_closure(rq->caller->scopes);

	if (rq->caller->kind != TOKEN_PERSONAL && rq->caller->kind != TOKEN_SESSION)
		return refuse_api(rq, 403, "Only people manage credentials of their own");
	if ((held & (SCOPE_USER | SCOPE_SITE_ADMIN)) == 0)
		return refuse_api(rq, 403, "The token provided does not have the scope user");
	return 0;
}

int await_api_token_list(struct request *rq, struct token_query q,
			 json_t *(*shape)(struct request *rq, const struct token *t))
{
	struct token_list found;
	struct api_page page;
	json_t *list;
	int rc, status = api_page_read(rq, &page);

	if (status != 0)
		return status;
	q.skip = page.offset;
	q.max = (int)page.size;
	rc = await_token_list(rq->worker->metadb, rq->arena, &q, &found);
	if (rc < 0)
		return give_up(rq, rc, "listing tokens");
	list = json_array();
	for (size_t i = 0; i < found.count; i++)
		json_array_append_new(list, shape(rq, &found.item[i]));
	return api_page_reply(rq, &page, list, found.total);
}
