/*
 * A 401 is no failure the first time: it is how a registry says what it wants. A body that was
 * sent in vain is generated again for the repetition.
 */
#include "tests/bench/load/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const STEP_NAMES[STEPS] = {
	"HEAD blob", "POST upload",  "PATCH upload", "PUT upload",
	"GET blob",  "PUT manifest", "GET manifest",
};

const char *step_name(enum step step)
{
	return STEP_NAMES[step];
}

struct session *session_new(const struct options *options, struct auth *auth, unsigned number)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->options = options;
	s->auth = auth;
	s->hash = hash_new();
	s->next = number % options->url_count;
	for (unsigned i = 0; i < options->url_count; i++)
		s->conns[i] = http_new(&options->urls[i]);
	return s;
}

void session_free(struct session *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->options->url_count; i++)
		http_free(s->conns[i]);
	hash_free(s->hash);
	free(s);
}

uint64_t session_bytes(const struct session *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->options->url_count; i++)
		sum += http_bytes(s->conns[i]);
	return sum;
}

int session_fail(struct session *s, enum step step, int rc, const char *kind,
		 const char *format, ...)
{
	va_list arguments;

	snprintf(s->fault.kind, sizeof(s->fault.kind), "%s", kind);
	s->fault.where = STEP_NAMES[step];
	s->fault.retry_after = -1;
	va_start(arguments, format);
	vsnprintf(s->fault.example, sizeof(s->fault.example), format, arguments);
	va_end(arguments);
	return rc;
}

static const char *kind_of(int rc)
{
	switch (rc) {
	case -ETIMEDOUT:
		return "timeout";
	case -ECONNREFUSED:
		return "refused";
	case ERR_PEER_GONE:
		return "broken";
	case ERR_DENIED:
		return "no token";
	default:
		return "protocol";
	}
}

/* One attempt: the answer, or a fault. */
static int attempt(struct session *s, struct call *call, char header[AUTH_HEADER_MAX])
{
	char headers[AUTH_HEADER_MAX + 1024], why[HTTP_EXCERPT + 1];
	struct http_request request = {call->method, call->path, headers, call->body};
	struct http_conn *c = s->conns[s->next];
	uint64_t begin;
	int rc = auth_header(s->auth, call->repository, call->push, s->deadline, header, why);

	if (rc != 0)
		return session_fail(s, call->step, rc, kind_of(rc), "token for %s: %s",
				    call->repository->name, why);
	snprintf(headers, sizeof(headers), "%s%s", header,
		 call->headers == NULL ? "" : call->headers);
	if (s->options->spread_requests)
		s->next = (s->next + 1) % s->options->url_count;
	if (call->body.hash != NULL)
		hash_reset(call->body.hash);
	begin = clock_us();
	rc = http_exchange(c, &request, s->deadline, &call->head, call->sink);
	hist_add(&s->steps[call->step], clock_us() - begin);
	if (rc != 0)
		return session_fail(s, call->step, rc, kind_of(rc), "%s %s", call->method,
				    call->path);
	if (call->head.status == call->expect[0] || call->head.status == call->expect[1])
		return 0;
	snprintf(why, sizeof(why), "%d", call->head.status);
	rc = session_fail(s, call->step, ERR_DENIED, why, "%s %s: %s", call->method, call->path,
			  http_excerpt(c));
	s->fault.retry_after = call->head.retry_after;
	return rc;
}

int session_call(struct session *s, struct call *call)
{
	char header[AUTH_HEADER_MAX];
	int rc = 0;

	/* A challenge, then a token that has just been revoked: never more than that. */
	for (unsigned i = 0; i < 3; i++) {
		call->head = (struct head){0};
		rc = attempt(s, call, header);
		if (rc == 0 || call->head.status != 401)
			return rc;
		if (!auth_challenged(s->auth, call->repository, call->push, header,
				     call->head.challenge))
			return rc;
	}
	return rc;
}
