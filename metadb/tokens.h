/*
 * Credentials: made here, handed out once, and known afterwards only by their SHA-256.
 *
 * A token is `ph_`, 34 random characters of [0-9A-Za-z] (202 bits) and 6 characters of
 * checksum (CRC32C of what stands before, base 62), 43 in all: it is recognised by secret
 * scanners, and a mistyped one is refused without asking PostgreSQL.
 * How a token is looked up, which also notes its last use: metadb/lookups.h.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/access.h"

enum token_kind { TOKEN_PERSONAL = 1, TOKEN_ROBOT, TOKEN_WORKFLOW, TOKEN_CODESPACE };

#define TOKEN_TEXT_LEN	 43
#define TOKEN_HASH_BYTES 32
#define TOKEN_NOTE_MAX	 255

struct token {
	int64_t id;
	int64_t account_id;
	enum token_kind kind;
	unsigned scopes;  /* bits of enum scope */
	const char *note; /* "" when there is none */
	const char *hint; /* its last eight characters, to tell tokens apart */
	int64_t created_at;
	int64_t expires_at; /* 0: never */
	int64_t revoked_at; /* 0: not */
};

struct token_new {
	int64_t account_id;
	enum token_kind kind;
	unsigned scopes;
	const char *note; /* may be NULL */
	int64_t expires_at;
};

/* Prefix, length, characters and checksum fit. Pure. */
bool token_shaped(const char *text, size_t len);
void token_hash(const char *text, size_t len, unsigned char hash[TOKEN_HASH_BYTES]);

/*
 * text gets the token, NUL-terminated: the only time it is seen. ERR_NOT_FOUND: no such active
 * user; ERR_LIMIT: the note is too long.
 */
int await_token_create(struct metadb *db, struct arena *a, const struct actor *who,
		       const struct token_new *wanted, char text[TOKEN_TEXT_LEN + 1],
		       struct token *out) MUST_CHECK;
/*
 * Does an active token count as nobody's in an organization? A limited one does, unless the
 * whole organization is among its limits.
 */
int await_token_outside(struct metadb *db, int64_t token_id, int64_t organization,
			enum outside *out) MUST_CHECK;
/* From the next lookup on it is invalid; again is fine. ERR_NOT_FOUND: no token of the account.
 */
int await_token_revoke(struct metadb *db, const struct actor *who, int64_t account_id,
		       int64_t token_id) MUST_CHECK;
