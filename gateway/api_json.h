/*
 * JSON in and out of handlers: bodies of REST requests, answers built with jansson.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/api_time.h"
#include "gateway/request.h"

/* Bodies of REST requests are small. */
#define API_BODY_MAX (1024 * 1024)

/*
 * The request's JSON object, alive as long as the arena; no body is an empty object. 0, or it
 * has refused (400 Problems parsing JSON, 413, 415) and returns the status.
 */
int await_api_json(struct request *rq, json_t **out) MUST_CHECK;

/* Answer with a JSON value; its reference is taken over. A GET may be conditional: 200 is then
 * 304 (gateway/api_head.h). */
int api_json_reply(struct request *rq, int status, json_t *json);

/*
 * A text member: NULL when absent or null. *status becomes that of a refusal (422) when it is
 * something else, empty though required, or missing though required; ask it once, at the end.
 */
const char *api_json_text(struct request *rq, const json_t *body, const char *resource,
			  const char *field, bool required, int *status);

/* The same for an optional one of at most `max` bytes. */
const char *api_json_short_text(struct request *rq, const json_t *body, const char *resource,
				const char *field, size_t max, int *status);
/* Likewise, where a null that is sent means "". */
const char *api_json_change(struct request *rq, const json_t *body, const char *resource,
			    const char *field, size_t max, int *status);

/* Limits of what accounts say of themselves, in bytes. */
#define API_EMAIL_MAX 254
#define API_NAME_MAX  255

/* 422 "Validation Failed" with one error {resource, field, code}. */
int api_json_invalid(struct request *rq, const char *resource, const char *field,
		     const char *code);

/* null for "". */
json_t *api_json_maybe(const char *text);
