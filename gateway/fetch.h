/*
 * Reading small documents from other servers, and sending them forms, with libcurl on a worker
 * thread.
 *
 * TLS is checked against the system's CAs, or gateway.outgoing_ca. Redirects are not followed:
 * what is asked for stands in our settings and rows, and leads nowhere else.
 */
#pragma once

#include <stdbool.h>

#include "gateway/request.h"

#define FETCH_TIMEOUT_MS 5000

/* Before any thread; once a process. */
void fetch_setup(void);

/* https://…, or http://… of this machine itself (localhost, 127.0.0.1, [::1]); no credentials
 * in it, and no fragment. */
bool fetch_url_fine(const char *url);

/*
 * GET: the body of a 200, in the arena, at most `max` bytes. ERR_UNAVAILABLE: there was none in
 * time, or it was longer; a log line says why.
 */
int await_fetch(struct worker *w, struct arena *a, const char *url, size_t max,
		struct slice *out) MUST_CHECK;

struct fetch_form {
	const char *body; /* application/x-www-form-urlencoded */
	const char *user; /* Basic, both escaped as RFC 6749, 2.3.1 says; NULL: without */
	const char *password;
};

/* POST: the status of the answer, which is below 500, with a body as above. ERR_UNAVAILABLE. */
int await_fetch_form(struct worker *w, struct arena *a, const char *url,
		     const struct fetch_form *form, size_t max, struct slice *out) MUST_CHECK;
