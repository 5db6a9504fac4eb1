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

#define SESSION_TEXT_LEN 65 /* s and 64 hexadecimal digits */

/* What the request's cookie presents, if it counts; otherwise nothing is changed. */
void session_presented(struct request *rq, struct credential *out);

/* May a request that needs no session open one? Not when a browser says that it comes from
 * another site. */
bool session_origin_fine(struct request *rq);

/* A new text; and the header that gives it to the browser, or (NULL) takes it back. */
void session_text_make(char text[SESSION_TEXT_LEN + 1]);
void session_cookie(struct request *rq, const char *text);
