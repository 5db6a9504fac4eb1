/*
 * Sessions of people who have signed in: a cookie with a random text, of which only the hash is
 * stored.
 *
 * The cookie is HttpOnly and SameSite=Lax; over https it is Secure and named __Host-packhouse,
 * else packhouse. It counts for REST and pages, never for the registry, and a request that
 * changes something must say that it comes from the registry's own pages: by Sec-Fetch-Site
 * same-origin, or an Origin that is ours. Otherwise it has no session (CSRF).
 */
#pragma once

#include "gateway/request.h"
#include "metadb/lookups.h"
#include "metadb/sign_in.h"

#define SESSION_TEXT_LEN 65 /* s and 64 hexadecimal digits */

/* What the request's cookie presents, if it counts; otherwise nothing is changed. */
void session_presented(struct request *rq, struct credential *out);

/* May a request that needs no session open one? Not when a browser says that it comes from
 * another site. */
bool session_origin_fine(struct request *rq);

/* A new text; and the header that gives it to the browser, or (NULL) takes it back. */
void session_text_make(char text[SESSION_TEXT_LEN + 1]);
void session_cookie(struct request *rq, const char *text);

/*
 * What all ways to sign in share. A route that looks nobody up is counted, and goes by the
 * registry's mode, all the same: 0, or it has refused.
 */
int await_session_admit(struct request *rq) MUST_CHECK;
/* Who comes from where, what a session may do and how long; of whom is still to be said. */
struct session_new session_wanted(struct request *rq);
/* The value of a cookie of the request; NULL: it is not there. */
const char *session_find_cookie(struct request *rq, const char *name, size_t *len);
/* Is the registry reached by https? Then cookies are Secure, and named __Host-…. */
bool session_over_https(struct request *rq);
/* `digits` random hexadecimal digits, an even number up to 64, and a NUL. */
void session_random(char *text, size_t digits);
