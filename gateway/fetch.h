/*
 * Reading small documents from other servers, with libcurl on a worker thread.
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
