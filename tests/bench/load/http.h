/*
 * One HTTP/1.1 connection to a registry, kept alive between requests; one thread at a time.
 *
 * Every call has a deadline (clock_us() time) and says how it failed:
 *	-ETIMEDOUT	the deadline passed
 *	-ECONNREFUSED	no connection could be made
 *	ERR_PEER_GONE	the connection broke, or ended within an answer
 *	ERR_PROTOCOL	what came is no HTTP
 * A failed connection is closed; the next exchange makes a new one. Nothing is sent twice: a
 * request on a connection that turns out to be dead fails. (A kept connection that the server
 * has closed already is noticed before anything is sent on it.)
 */
#pragma once

#include "tests/bench/load/data.h"
#include "tests/bench/load/parse.h"

#define HTTP_EXCERPT 300

/* Microseconds on the monotonic clock. */
uint64_t clock_us(void);

/* What is sent: nothing, a text, or a piece of a generated stream. */
struct body {
	enum { BODY_NONE, BODY_TEXT, BODY_STREAM } kind;
	bool chunked;	  /* send it with chunked coding, as docker does */
	const char *text; /* BODY_TEXT */
	uint64_t size;
	uint64_t seed, offset; /* BODY_STREAM */
	struct hash *hash;     /* when not NULL, what is sent is added to it */
};

/* What becomes of the body of an answer 2xx. */
struct sink {
	char *keep; /* the first keep_max bytes go here, kept counts them */
	size_t keep_max, kept;
	struct hash *hash; /* when not NULL, all bytes are added to it */
	bool compare;	   /* all bytes are compared with stream (seed, offset) */
	uint64_t seed, offset;
	bool differs;
	uint64_t total;
};

struct http_request {
	const char *method, *path;
	const char *headers; /* complete lines with CR LF, or "" */
	struct body body;
};

struct http_conn;
struct http_conn *http_new(const struct url *server);
void http_free(struct http_conn *c);
void http_close(struct http_conn *c);

/* Sends the request and reads the answer. `sink` may be NULL. */
int http_exchange(struct http_conn *c, const struct http_request *request, uint64_t deadline,
		  struct head *head, struct sink *sink) MUST_CHECK;

/* How the body of the last answer that was not 2xx began, printable. */
const char *http_excerpt(const struct http_conn *c);
/* Bytes sent and received on it since it was made. */
uint64_t http_bytes(const struct http_conn *c);
