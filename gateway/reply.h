/*
 * Answers. Only await_send() suspends: the others prepare the answer, and request.c sends it
 * with one writev after the handler has returned.
 *
 *   reply_header(rq, "Docker-Content-Digest", "%s", text);
 *   return reply(rq, 201);
 *
 * What is longer than memory is streamed:
 *
 *   reply_start(rq, 200, "application/octet-stream", size);
 *   while ((rc = await_blob_piece(reader, &b)) > 0)
 *           if ((rc = await_send(rq, b->data, b->len)) < 0) …
 *   return rc < 0 ? give_up(rq, rc, "sending the blob") : 200;
 *
 * Every function that ends an answer returns the status, for the handler to return. Date,
 * X-Request-Id, Content-Length, Connection and what belongs to the surface are added by
 * themselves.
 */
#pragma once

#include <stdint.h>

#include "gateway/request.h"

/* In logs, and to handlers: the client went away before there was an answer. */
#define STATUS_GONE 499

/* Codes of the registry's error body (OCI distribution-spec, "Error Codes", and ours). */
enum refusal {
#define REFUSAL(code, status, text) code,
#include "gateway/refusal_table.h"
#undef REFUSAL
	REFUSAL_COUNT
};

/* Add a header to the answer. A value with control characters is dropped and logged. */
void reply_header(struct request *rq, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Without a body. */
int reply(struct request *rq, int status);
/* With a small body, which must live as long as the arena (or be static). HEAD: only its size.
 */
int reply_bytes(struct request *rq, int status, const char *type, const void *data, size_t len);

/* A streamed answer's length: nobody knows, await_send_end() tells. Not for HEAD. */
#define REPLY_UNTIL_END (-1)

/* Open a streamed answer of exactly `length` bytes. type may be NULL (set by reply_header()).
 */
void reply_start(struct request *rq, int status, const char *type, int64_t length);
/*
 * Send bytes; 0 once the socket has taken them all, so that the memory is yours again. The head
 * goes with the first ones. For HEAD the bytes are dropped: better do not fetch them. Never
 * more than was announced. ERR_PEER_GONE, -ETIMEDOUT (no progress), -ECANCELED.
 */
int await_send(struct request *rq, const void *data, size_t len) MUST_CHECK;
/* With REPLY_UNTIL_END: that was all. Without it the client learns that something is missing.
 */
int await_send_end(struct request *rq) MUST_CHECK;
/* The same for up to SEND_PARTS pieces of memory at once. */
int await_send_parts(struct request *rq, const struct iovec *parts, int count) MUST_CHECK;

/*
 * The caller's fault, worded for the caller: the registry's error body with the code's usual
 * status. fmt may be NULL for the code's usual text. Headers set before (a challenge, a Range)
 * are sent with it.
 */
int refuse(struct request *rq, enum refusal code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* With another status, and a detail (JSON text, or NULL). */
int refuse_with(struct request *rq, int status, enum refusal code, const char *detail_json,
		const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Several errors of one code, as {"errors":[…]}: details are JSON texts. */
int refuse_each(struct request *rq, enum refusal code, const char *const *details_json,
		unsigned count);

/* In the form that the path's surface has: registry, REST or text. For what all routes share.
 */
int refuse_by_surface(struct request *rq, enum refusal code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* The REST body {message, documentation_url, status}. */
int refuse_api(struct request *rq, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* With "errors": a JSON array as text. */
int refuse_api_errors(struct request *rq, int status, const char *errors_json, const char *fmt,
		      ...) PRINTF_LIKE(4, 5);

/*
 * Our fault, or that of what we depend on: logged once, with what was being done ("reading the
 * manifest"). Nothing sent yet: headers set so far are dropped and the answer is 503
 * UNAVAILABLE with Retry-After; or, when `rc` came from reading the body: 408, 400, 413, or
 * none at all when the client is gone. Answer half sent: the connection is cut, so that the
 * client sees that it is not whole. Returns the status, never 0, which would mean to go on.
 */
int give_up(struct request *rq, int rc, const char *doing);

/* For request.c: headers that every answer has; once, before the head is sent. */
void reply_seal(struct request *rq);
/* The answer prepared by the functions above goes out; no-op when it is out or nobody is there.
 */
int await_reply_flush(struct request *rq) MUST_CHECK;

/* JSON string literal, quoted and escaped; bytes that are not UTF-8 become U+FFFD. */
const char *reply_json_string(struct arena *a, const char *text);
