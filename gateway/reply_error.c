/*
 * The answers of a registry that says no: the two JSON bodies and text, and giving up.
 */
#include <stdarg.h>
#include <string.h>

#include "gateway/reply.h"
#include "gateway/utf8.h"
#include "proto/base/log.h"

#define DOCUMENTATION "/api/v3"
#define RETRY_AFTER   "5"

static const struct {
	const char *code;
	int status;
	const char *text;
} refusals[] = {
#define REFUSAL(code, status, text) {#code, status, text},
#include "gateway/refusal_table.h"
#undef REFUSAL
};

const char *reply_json_string(struct arena *a, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)text;
	char *out = arena_alloc(a, 6 * strlen(text) + 3);
	char *to = out;

	*to++ = '"';
	while (*s != '\0') {
		size_t len = utf8_length((const char *)s);

		if (len == 0) {
			to = stpcpy(to, "\\ufffd");
			s++;
		} else if (*s < 0x20) {
			to = stpcpy(to, "\\u00");
			*to++ = digits[*s >> 4];
			*to++ = digits[*s++ & 15];
		} else {
			if (*s == '"' || *s == '\\')
				*to++ = '\\';
			memcpy(to, s, len);
			to += len;
			s += len;
		}
	}
	*to++ = '"';
	*to = '\0';
	return out;
}

/* When to come back, unless the caller has said so already. */
static void say_when(struct request *rq, int status)
{
	for (unsigned i = 0; i < rq->answer.count; i++)
		if (strcmp(rq->answer.fields[i].name, "Retry-After") == 0)
			return;
	if (status == 503)
		reply_header(rq, "Retry-After", RETRY_AFTER);
}

static int send_json(struct request *rq, int status, const char *json)
{
	say_when(rq, status);
	return reply_bytes(rq, status, "application/json", json, strlen(json));
}

static int registry_error(struct request *rq, int status, enum refusal code,
			  const char *message, const char *detail_json)
{
	const char *text =
		reply_json_string(rq->arena, message != NULL ? message : refusals[code].text);

	return send_json(rq, status,
			 arena_printf(rq->arena,
				      "{\"errors\":[{\"code\":\"%s\",\"message\":%s%s%s}]}\n",
				      refusals[code].code, text,
				      detail_json != NULL ? ",\"detail\":" : "",
				      detail_json != NULL ? detail_json : ""));
}

static int api_error(struct request *rq, int status, const char *message,
		     const char *errors_json)
{
	return send_json(rq, status,
			 arena_printf(rq->arena,
				      "{\"message\":%s%s%s,\"documentation_url\":\"%s\","
				      "\"status\":\"%d\"}\n",
				      reply_json_string(rq->arena, message),
				      errors_json != NULL ? ",\"errors\":" : "",
				      errors_json != NULL ? errors_json : "", DOCUMENTATION,
				      status));
}

/* The text of a printf-like call's arguments, in the arena; NULL stays NULL. */
#define FORMAT(rq, fmt, text)                                                          \
	do {                                                                           \
		va_list args;                                                          \
		va_start(args, fmt);                                                   \
		(text) = (fmt) != NULL ? arena_vprintf((rq)->arena, fmt, args) : NULL; \
		va_end(args);                                                          \
	} while (0)

int refuse(struct request *rq, enum refusal code, const char *fmt, ...)
{
	const char *text;

	FORMAT(rq, fmt, text);
	return registry_error(rq, refusals[code].status, code, text, NULL);
}

int refuse_with(struct request *rq, int status, enum refusal code, const char *detail_json,
		const char *fmt, ...)
{
	const char *text;

	FORMAT(rq, fmt, text);
	return registry_error(rq, status, code, text, detail_json);
}

int refuse_each(struct request *rq, enum refusal code, const char *const *details_json,
		unsigned count)
{
	const char *message = reply_json_string(rq->arena, refusals[code].text);
	size_t each = strlen(message) + strlen(refusals[code].code) + 64;
	size_t size = 32;
	char *json, *to;

	for (unsigned i = 0; i < count; i++)
		size += each + strlen(details_json[i]);
	to = json = arena_alloc(rq->arena, size);
	to = stpcpy(to, "{\"errors\":[");
	for (unsigned i = 0; i < count; i++)
		to += snprintf(to, size - (size_t)(to - json),
			       "%s{\"code\":\"%s\",\"message\":%s,\"detail\":%s}",
			       i > 0 ? "," : "", refusals[code].code, message, details_json[i]);
	stpcpy(to, "]}\n");
	return send_json(rq, refusals[code].status, json);
}

int refuse_api(struct request *rq, int status, const char *fmt, ...)
{
	const char *text;

	FORMAT(rq, fmt, text);
	return api_error(rq, status, text, NULL);
}

int refuse_api_errors(struct request *rq, int status, const char *errors_json, const char *fmt,
		      ...)
{
	const char *text;

	FORMAT(rq, fmt, text);
	return api_error(rq, status, text, errors_json);
}

static int surface_error(struct request *rq, int status, enum refusal code, const char *message)
{
	const char *text = message != NULL ? message : refusals[code].text;

	switch (rq->surface) {
	case SURFACE_REGISTRY:
		return registry_error(rq, status, code, text, NULL);
	case SURFACE_REST:
		return api_error(rq, status, text, NULL);
	case SURFACE_WEB:
		break;
	}
	text = arena_printf(rq->arena, "%s\n", text);
	say_when(rq, status);
	return reply_bytes(rq, status, "text/plain; charset=utf-8", text, strlen(text));
}

int refuse_by_surface(struct request *rq, enum refusal code, const char *fmt, ...)
{
	const char *text;

	FORMAT(rq, fmt, text);
	return surface_error(rq, refusals[code].status, code, text);
}

/* The client's fault, if it is: the answer it gets, or −1. */
static int client_fault(struct request *rq, int rc)
{
	if (rc == -ECANCELED || (rc == rq->fault && rc == ERR_PEER_GONE)) {
		rq->answer.none = true;
		return STATUS_GONE;
	}
	if (rc != rq->fault)
		return -1;
	if (rc == -ETIMEDOUT)
		return surface_error(rq, 408, TIMEOUT, NULL);
	if (rc == ERR_LIMIT)
		return surface_error(rq, 413, SIZE_INVALID, "the body is too large");
	return surface_error(rq, 400, REQUEST_INVALID, "the body is not framed as HTTP says");
}

/* Somebody should look: this does not go away by waiting. */
static bool alarming(int rc)
{
	return rc == ERR_CORRUPT || rc == ERR_PROTOCOL || rc == ERR_FULL || rc == ERR_POISONED;
}

static const char not_adopted[] =
	"the registry's database was put back or replaced: pulls go on, uploads and deletions "
	"wait until an operator has adopted it";

int give_up(struct request *rq, int rc, const char *doing)
{
	int status;

	assert(rc < 0);
	if (rq->answer.head_sent) {
		if (rc != rq->fault && rc != -ECANCELED && rc != ERR_PEER_GONE)
			log_warn("answer broken off", "while=\"%s\" why=\"%s\"", doing,
				 err_text(rc));
		rq->stream->ops->cut(rq->stream);
		return rq->answer.status;
	}
	rq->answer.streamed = false;
	rq->answer.count = 0;
	status = client_fault(rq, rc);
	if (status >= 0)
		return status;
	log_line(alarming(rc) ? LOG_ERROR : LOG_WARN, "request given up",
		 "while=\"%s\" why=\"%s\"", doing, err_text(rc));
	return surface_error(rq, 503, UNAVAILABLE, rc == ERR_NOT_ADOPTED ? not_adopted : NULL);
}
