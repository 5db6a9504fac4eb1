/*
 * What the routes that make tokens share: bodies in, tokens out, and what a token may be made
 * with.
 *
 * A token as REST shows it: id, note, scopes, expires_at, last_used_at, created_at,
 * token_last_eight, limits ([{namespace, package}], package null for the whole namespace;
 * [] for no limits), and `token`, its text, in the answer to its creation and never again.
 */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/tokens.h"

#define API_TOKEN_RESOURCE "Token"

/*
 * scopes, note, expires_at and limits of a body. 0, or the status of a refusal (422). Texts
 * live as long as the request.
 */
int api_token_read(struct request *rq, const json_t *body, struct token_new *out) MUST_CHECK;
/* `scopes` alone: a list of names. */
int api_token_scopes(struct request *rq, const json_t *body, unsigned *out) MUST_CHECK;
/* `expires_at` alone, in the future; 0 when it is absent. */
int api_token_expiry(struct request *rq, const json_t *body, int64_t *out) MUST_CHECK;

/* url: that of the token itself. */
json_t *api_token_json(struct request *rq, const struct token *t, const char *url);
json_t *api_token_scope_list(unsigned scopes);
json_t *api_token_time_or_null(struct request *rq, int64_t seconds);

/*
 * Make it with the caller's credential, and answer 201. It stays within that credential's
 * scopes and limits, with `lifetime` also within its end; but a site admin's, with the scope
 * site_admin, makes any. url: under which it will be known, without its id.
 */
int await_api_token_make(struct request *rq, const struct token_new *wanted, bool lifetime,
			 const char *url) MUST_CHECK;
/* The same up to the answer; text gets the token. 0, or the status of a refusal. */
int await_api_token_issue(struct request *rq, const struct token_new *wanted, bool lifetime,
			  char text[TOKEN_TEXT_LEN + 1], struct token *out) MUST_CHECK;

/* A page of the tokens that the query finds, each in that shape; skip and max are the page's.
 */
int await_api_token_list(struct request *rq, struct token_query q,
			 json_t *(*shape)(struct request *rq,
					  const struct token *t)) MUST_CHECK;

/* A path parameter that is an id: 0, or it has refused (404). */
int api_token_id(struct request *rq, const char *param, int64_t *out) MUST_CHECK;

/*
 * May the caller manage his credentials? People with the scope user (or site_admin) and in
 * sessions may; robots and workflows may not. 0, or it has refused (403).
 */
int api_token_manager(struct request *rq) MUST_CHECK;
