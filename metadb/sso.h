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
