/*
 * What every answer of /api/v3 says in its head, as GitHub's clients look for it:
 *
 *   X-OAuth-Scopes           those of the caller's token; what they imply is not repeated
 *   X-Accepted-OAuth-Scopes  any of which the route takes; "" when it needs none
 *   X-GitHub-Request-Id, X-GitHub-Api-Version-Selected
 *
 * The first two are said to personal tokens and robots' only: a session has no token to change,
 * and of a token that acts for a repository clients ask nothing when they find none.
 *
 * And conditional requests: a body has a weak ETag, made of its bytes and of its header Link.
 */
#pragma once

#include <stddef.h>

#include "gateway/request.h"

/* For reply_seal(). */
void api_head_seal(struct request *rq);
/*
 * To a GET of which the answer is 200 and that text; Link was set before. The header ETag, and
 * true when the caller has it already: the answer is 304.
 */
bool api_head_same(struct request *rq, const char *text, size_t len);
