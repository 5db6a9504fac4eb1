/*
 * What one worker talks through: a connection to each URL, authentication, deadlines, and the
 * story of what went wrong. One thread at a time.
 */
#pragma once

#include "tests/bench/load/auth.h"
#include "tests/bench/load/hist.h"

enum step {
	STEP_HEAD_BLOB,
	STEP_START_UPLOAD,
	STEP_PATCH_UPLOAD,
	STEP_PUT_UPLOAD,
	STEP_GET_BLOB,
	STEP_PUT_MANIFEST,
	STEP_GET_MANIFEST,
	STEPS
};
const char *step_name(enum step step);

/* Why an operation failed. */
struct fault {
	char kind[64];	   /* "503", "timeout", "wrong bytes", … */
	const char *where; /* name of the step */
	char example[PARSE_URL_MAX + HTTP_EXCERPT + 64];
	int retry_after; /* seconds, -1 when the registry did not say */
};

struct session {
	const struct options *options;
	struct auth *auth;
	struct http_conn *conns[OPTIONS_URLS];
	unsigned next; /* the connection that is used next */
	struct hash *hash;
	uint64_t deadline; /* of the operation under way */
	struct fault fault;
	struct hist steps[STEPS];
};

struct call {
	enum step step;
	const char *method;
	char path[PARSE_URL_MAX];
	const char *headers; /* lines with CR LF; NULL for none */
	struct body body;
	struct sink *sink;
	struct repository *repository;
	bool push; /* needs the right to write */
	int expect[2];
	struct head head; /* the answer */
};

struct session *session_new(const struct options *options, struct auth *auth, unsigned number);
void session_free(struct session *s);

/* 0 when the answer has one of the expected states; otherwise negative, with s->fault set. */
int session_call(struct session *s, struct call *call) MUST_CHECK;

/* Sets the fault of a step whose answer came, but is not what it should be; returns rc. */
int session_fail(struct session *s, enum step step, int rc, const char *kind,
		 const char *format, ...) PRINTF_LIKE(5, 6) MUST_CHECK;

/* Bytes sent and received, heads included. */
uint64_t session_bytes(const struct session *s);
