/* Parsing with the bounds of strict_json.h; answers are printed once and kept in the arena. */
#include "gateway/api_json.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/api_head.h"
#include "gateway/reply.h"
#include "gateway/strict_json.h"

#define API_VALUES_MAX 20000

/* Clients that send JSON under a form's type (curl -d) are taken at their word. */
static bool type_fine(const char *type)
{
	static const char *const known[] = {"application/json", "application/vnd.github",
					    "application/x-www-form-urlencoded", "text/plain"};

	if (type == NULL)
		return true;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strncasecmp(type, known[i], strlen(known[i])) == 0)
			return true;
	}
	return false;
}

int await_api_json(struct request *rq, json_t **out)
{
	struct slice body;
	const char *why;
	int rc;

	if (!type_fine(request_header(rq, "Content-Type")))
		return refuse_api(rq, 415, "Unsupported Media Type: send application/json");
	rc = await_body_all(rq, API_BODY_MAX, &body);
	if (rc == ERR_LIMIT)
		return refuse_api(rq, 413, "The body has at most %d bytes", API_BODY_MAX);
	if (rc < 0)
		return give_up(rq, rc, "reading the body");
	if (body.len == 0)
		body = (struct slice){"{}", 2};
	rc = strict_json_object(rq->arena, body.data, body.len, API_VALUES_MAX, out, &why);
	if (rc == ERR_LIMIT)
		return refuse_api(rq, 413, "Problems parsing JSON: %s", why);
	return rc < 0 ? refuse_api(rq, 400, "Problems parsing JSON") : 0;
}

static void free_text(void *text)
{
	free(text);
}

int api_json_reply(struct request *rq, int status, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	if (text == NULL)
		return give_up(rq, ERR_CORRUPT, "writing the answer");
	arena_defer(rq->arena, free_text, text);
	if (status == 200 && request_is(rq, METHOD_GET) &&
	    api_head_same(rq, text, strlen(text)))
		return reply(rq, 304);
	return reply_bytes(rq, status, "application/json; charset=utf-8", text, strlen(text));
}

int api_json_invalid(struct request *rq, const char *resource, const char *field,
		     const char *code)
{
	const char *errors = arena_printf(
		rq->arena, "[{\"resource\":%s,\"field\":%s,\"code\":%s}]",
		reply_json_string(rq->arena, resource), reply_json_string(rq->arena, field),
		reply_json_string(rq->arena, code));

	return refuse_api_errors(rq, 422, errors, "Validation Failed");
}

const char *api_json_text(struct request *rq, const json_t *body, const char *resource,
			  const char *field, bool required, int *status)
{
	const json_t *value = json_object_get(body, field);

	if (*status != 0)
		return NULL;
	if (value == NULL || json_is_null(value)) {
		if (required)
			*status = api_json_invalid(rq, resource, field, "missing_field");
		return NULL;
	}
	if (!json_is_string(value) || (required && json_string_length(value) == 0)) {
		*status = api_json_invalid(rq, resource, field, "invalid");
		return NULL;
	}
	return json_string_value(value);
}

const char *api_json_short_text(struct request *rq, const json_t *body, const char *resource,
				const char *field, size_t max, int *status)
{
	const char *text = api_json_text(rq, body, resource, field, false, status);

	if (*status == 0 && text != NULL && strlen(text) > max)
		*status = api_json_invalid(rq, resource, field, "too_long");
	return text;
}

const char *api_json_change(struct request *rq, const json_t *body, const char *resource,
			    const char *field, size_t max, int *status)
{
	if (json_is_null(json_object_get(body, field)))
		return "";
	return api_json_short_text(rq, body, resource, field, max, status);
}

json_t *api_json_maybe(const char *text)
{
	return *text == '\0' ? json_null() : json_string(text);
}
