/*
 * Single sign-on of organizations: which tokens their owners, signed in there, have authorized.
 *
 * An organization that requires it counts a personal token as nobody's until then. What passes
 * it on is a session that was opened by the organization's own sign-in. Codes: metadb.h.
 */
#pragma once

#include "metadb/tokens.h"

struct sso_credential {
	struct token token;
	int64_t authorized_at;
};
struct sso_list {
	struct sso_credential *item;
	size_t count;
	int64_t total; /* 0 when skip leaves none */
};

/*
 * With the session of the actor, for a token of his. ERR_NOT_FOUND: no such token; ERR_DENIED:
 * the session was not opened by the organization's sign-in.
 */
int await_sso_authorize(struct metadb *db, const struct actor *who, int64_t token_id,
			int64_t organization) MUST_CHECK;
/* account_id: whose the token must be, 0: anybody's. ERR_NOT_FOUND: it was not authorized. */
int await_sso_withdraw(struct metadb *db, const struct actor *who, int64_t account_id,
		       int64_t token_id, int64_t organization) MUST_CHECK;
/* Personal tokens that are not revoked, the newest first; login NULL: of all people. */
int await_sso_list(struct metadb *db, struct arena *a, int64_t organization, const char *login,
		   int64_t skip, int max, struct sso_list *out) MUST_CHECK;

/* The issuer that an organization names; ERR_NOT_FOUND: none, or no such organization. */
struct sso_issuer {
	int64_t id;
	const char *url;
};
int await_sso_issuer(struct metadb *db, struct arena *a, int64_t organization,
		     struct sso_issuer *out) MUST_CHECK;
/*
 * url NULL: none from now on. With another one than before all that was authorized is no more.
 * ERR_NOT_FOUND: no such organization; ERR_DENIED: the actor is no owner (any more);
 * ERR_SYNTAX: nobody signs in through an issuer of that URL; ERR_CONFLICT: the organization
 * requires that there is one.
 */
int await_sso_issuer_set(struct metadb *db, const struct actor *who, int64_t organization,
			 const char *url) MUST_CHECK;

#define SSO_LEFT_OUT_MAX 100

/*
 * Organizations, at most SSO_LEFT_OUT_MAX, of whose repositories a list leaves out what is not
 * public, because the token is not authorized there. `f` is what the list is asked for.
 */
struct repository_filter;
int await_sso_left_out(struct metadb *db, struct arena *a, const struct repository_filter *f,
		       int64_t **ids, size_t *count) MUST_CHECK;
