/*
 * Passwords and sessions as rows (schema/0051). A session is a token of kind TOKEN_SESSION:
 * metadb/tokens.h lists and revokes them. Codes common to all functions: metadb/metadb.h.
 */
#pragma once

#include "metadb/tokens.h"

#define SESSION_AGENT_MAX 255

struct password_row {
	int64_t account_id;
	const char *secret; /* NULL: no password is set */
};
/* Of an active user; ERR_NOT_FOUND. login is folded. */
int await_password_find(struct metadb *db, struct arena *a, const char *login,
			struct password_row *out) MUST_CHECK;
/* Whose password may be set with that; ERR_NOT_FOUND: nobody's, or not any more. */
int await_password_setup_find(struct metadb *db, const unsigned char hash[TOKEN_HASH_BYTES],
			      int64_t *account_id) MUST_CHECK;
/* For `life_ms` whoever has the text with this hash may set it. ERR_NOT_FOUND: no such user. */
int await_password_setup_make(struct metadb *db, const struct actor *who, int64_t account_id,
			      const unsigned char hash[TOKEN_HASH_BYTES],
			      int64_t life_ms) MUST_CHECK;

struct password_change {
	int64_t account_id;
	const char *secret;
	const char *before;	    /* what it must be now, or NULL with setup */
	const unsigned char *setup; /* a hash, or NULL with before */
};
/* All sessions but the actor's end. ERR_CONFLICT: it is another one meanwhile. */
int await_password_store(struct metadb *db, const struct actor *who,
			 const struct password_change *change) MUST_CHECK;

/*
 * Somebody tries to sign in: 0, or the seconds that he must wait first. It counts for fifteen
 * minutes, by login and address and by login alone.
 */
int await_sign_in_try(struct metadb *db, const char *login, const char *address) MUST_CHECK;

struct session_new {
	int64_t account_id;
	const char *login; /* whose tries are forgotten */
	const char *address;
	const char *agent; /* at most SESSION_AGENT_MAX bytes, valid UTF-8 */
	unsigned scopes;
	int64_t idle_ms;
	int64_t life_ms;
};
/* ERR_NOT_FOUND: no such active user. */
int await_session_open(struct metadb *db, const struct actor *who,
		       const struct session_new *wanted,
		       const unsigned char hash[TOKEN_HASH_BYTES]) MUST_CHECK;
