/*
 * One request, from its head to its line in the log.
 *
 *   head → route → mode → repository name → await_request_authorize() → handler → answer sent
 *   → access line
 *
 * A task runs request.c's function from left to right; handlers see only a request whose route,
 * parameters and rights are settled. All memory of a request is in rq->arena: handlers allocate
 * there, register releases with arena_defer() and need no clean-up code. Once the client is
 * gone or the gateway's time to drain is over, every wait returns -ECANCELED (or ERR_PEER_GONE
 * from the functions below): just return give_up(rq, rc, …).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http_head.h"
#include "gateway/http_stream.h"
#include "gateway/http_uri.h"
#include "gateway/route.h"
#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/model/access.h"
#include "proto/model/name.h"

struct worker;
struct caller;
struct repository;
struct upload;
struct org_standing;
struct rights_proof;

/* Which kind of answers a path gives when something is wrong. */
enum surface {
	SURFACE_REGISTRY, /* /v2, /token: {"errors":[…]} */
	SURFACE_REST,	  /* /api/v3, /api/graphql: {"message":…} */
	SURFACE_WEB,	  /* the rest: text */
};

#define REQUEST_ID_MAX 33

struct request {
	struct worker *worker;
	struct http_stream *stream;
	struct arena *arena;
	char id[REQUEST_ID_MAX]; /* in logs, in X-Request-Id, sent along to storage */
	int64_t started_us;	 /* clock_now_us() */

	const struct http_head *head;
	enum surface surface;
	struct uri_query query;
	struct route_match match;
	struct repository_name repo; /* with a {name} or a {package_name} in the pattern */

	/* Filled by await_request_authorize() (gateway/auth.c). */
	struct caller *caller;	  /* metadb/lookups.h, in the arena; NULL: anonymous */
	const char *caller_name;  /* for the access line; "" for anonymous */
	struct standing standing; /* with NEED_PACKAGE */
	struct org_standing *org; /* with NEED_ORG_…: gateway/api_org.h, in the arena */
	int64_t namespace_id;	  /* with NEED_PACKAGE; 0: there is no such account */
	int64_t package_id;	  /* with NEED_PACKAGE, when it exists; otherwise 0 */
	bool counted;		  /* by gateway/rate_limit.c */
	/* With NEED_REPOSITORY, in the arena (metadb/repositories.h). Its `role` is what the
	 * caller may do with his credential. */
	struct repository *repository;
	struct upload *upload; /* with right.session, in the arena; NULL: none of his */
	/* In the arena: the rights above are remembered and the statement of the change is to
	 * prove that they hold (metadb/rights_kept.h). NULL: they do. */
	const struct rights_proof *proof;
	bool looked_up; /* remembered rights did not do */

	/* The answer; private to request.c, reply.c and reply_error.c. */
	struct {
		int status;	/* 0: none yet */
		bool streamed;	/* opened by reply_start(); otherwise sent after the handler */
		bool head_sent; /* given to the stream */
		bool none;	/* nobody is there to read one */
		bool ended;	/* the body of unknown length: all was sent */
		int64_t length; /* of the body, REPLY_UNTIL_END */
		int64_t sent;
		const void *body; /* unless streamed */
		struct reply_field *fields;
		unsigned count, room;
	} answer;
	/* What went wrong with the client's side (a body error), 0: nothing. */
	int fault;
};

/* Remembered rights do not do: the next await_request_authorize() looks them up. */
static inline void request_doubt(struct request *rq)
{
	rq->proof = NULL;
	rq->looked_up = true;
}

static inline bool request_is(const struct request *rq, enum method m)
{
	return rq->head->method == m;
}

/* A header's value as a NUL-terminated string; NULL when it was not sent. Case is ignored. */
const char *request_header(struct request *rq, const char *name);
/* Of several lines the last: what a proxy has added stands behind what its client sent. */
const char *request_last_header(struct request *rq, const char *name);
/* A path parameter by the word in the pattern's braces; asserts that the pattern has it. */
const char *request_param(const struct request *rq, const char *name);
/* The same, NULL when the pattern does not have it. */
const char *request_param_maybe(const struct request *rq, const char *name);
/* A query parameter, decoded; NULL when it was not sent. */
const char *request_query(const struct request *rq, const char *name);
/*
 * "https://host[:port]" when we are told under which URL users reach us: by gateway.public_url,
 * or by a proxy of gateway.trusted_proxies (gateway/forwarded.h). Otherwise "": URLs in answers
 * are then relative, which no proxy can make wrong. Without a last slash.
 */
const char *request_origin(struct request *rq);
/* The same where a URL must be absolute: otherwise made from the Host header. */
const char *request_base_url(struct request *rq);
/* The address of whoever has the connection, without port; a numeric text. */
const char *request_peer(struct request *rq);
/*
 * That of the client: the same, or behind one of gateway.trusted_proxies what it says. NULL: it
 * does not say.
 */
const char *request_client(struct request *rq);
/* How a repository of the request's namespace is called when it is given no other address,
 * normalised (proto/model/source_url.h); NULL where that cannot be said. */
const char *request_own_source(struct request *rq);

/* Bytes the body will have; −1 when the client does not say (chunked). 0 without a body. */
int64_t request_body_length(const struct request *rq);

/*
 * Read the body, straight from the socket into `data`: > 0 bytes (what was there, up to
 * capacity), 0 at its end, or ERR_PEER_GONE, -ETIMEDOUT, ERR_SYNTAX, -ECANCELED: pass these to
 * give_up(), which knows that they are the client's.
 */
int64_t await_body_read(struct request *rq, void *data, size_t capacity) MUST_CHECK;
/*
 * Wait until there are bytes to read: 1, 0 at the end, or errors as above. Call it before
 * taking a buffer, so that slow clients do not hold memory while they think.
 */
int await_body_ready(struct request *rq) MUST_CHECK;
/*
 * The whole body in memory, charged to the buffer budget until the request ends: 0;
 * ERR_LIMIT when it has more than max bytes (answer 413); or errors as above.
 */
int await_body_all(struct request *rq, size_t max, struct slice *out) MUST_CHECK;

/*
 * The auth step, in gateway/auth.c: authenticate the caller, look up rq->standing where the
 * right needs it, decide. 0: go on to the handler. Otherwise it has refused (refuse(),
 * give_up(), with the challenge where there is one) and returns what that returned.
 */
int await_request_authorize(struct request *rq, const struct right *right) MUST_CHECK;

/*
 * Also there, before that, and also for paths that are no route: 0, or the registry's mode or a
 * rate limit keeps it from going on, and it has refused.
 */
int await_request_admit(struct request *rq) MUST_CHECK;

/* The service that turns heads into tasks; arg is the struct worker. */
bool on_request(void *worker, struct http_stream *s, struct arena *a,
		const struct http_head *head);
