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

enum token_kind {
	TOKEN_PERSONAL = 1,
	TOKEN_ROBOT = 2,
	TOKEN_WORKFLOW = 3,  /* acts for a repository */
	TOKEN_CODESPACE = 4, /* likewise */
	TOKEN_SESSION = 5,   /* of a person who has signed in; its text is no token */
};

#define TOKEN_TEXT_LEN	  43
#define TOKEN_HASH_BYTES  32
#define TOKEN_NOTE_MAX	  255
#define TOKEN_LIMITS_MAX  64
#define TOKENS_MAX	  1000	/* valid ones of an account, of each kind */
#define TOKENS_ACTING_MAX 10000 /* of a repository, likewise */

/* One of the places outside which a limited token counts as nobody's. */
struct token_limit {
	const char *namespace; /* a login */
	const char *package;   /* NULL: all of the namespace, also those to come */
};

struct token {
	int64_t id;
	int64_t account_id;
	enum token_kind kind;
	unsigned scopes;  /* bits of enum scope */
	const char *note; /* "" when there is none */
	const char *hint; /* its last eight characters, to tell tokens apart */
	int64_t created_at;
	int64_t expires_at;   /* 0: never */
	int64_t last_used_at; /* to the hour; 0: never */
	const char *login;    /* of the account */
	const struct token_limit *limits;
	size_t limit_count; /* 0: none */
};

struct token_new {
	int64_t account_id;
	enum token_kind kind;
	int64_t repository_id; /* of the last two kinds, else 0 */
	int64_t issuer_id;     /* a workflow's: by whose word it is made, and ends; else 0 */
	unsigned scopes;
	const char *note; /* may be NULL */
	int64_t expires_at;
	const struct token_limit *limits; /* valid names */
	size_t limit_count;		  /* at most TOKEN_LIMITS_MAX */
};

/* What a token must stay within that is made with another one, that of the actor. */
struct token_bounds {
	unsigned scopes; /* with all that they imply */
	bool limits;	 /* its limits, which are passed on when none are wanted */
	bool lifetime;	 /* its end */
};

/* Why a token is not made; schema/0049, schema/0070. */
enum token_verdict {
	TOKEN_MADE = 0,
	TOKEN_NO_ACCOUNT = 1, /* none that is active, and may have such a token */
	TOKEN_BEYOND_SCOPES = 2,
	TOKEN_BEYOND_LIFETIME = 3,
	TOKEN_BEYOND_LIMITS = 4,
	TOKEN_NO_NAMESPACE = 5, /* a limit names none */
	TOKEN_TOO_MANY = 6,
	TOKEN_MAKER_INVALID = 7, /* revoked or expired meanwhile */
	TOKEN_NO_ISSUER = 8,	 /* deleted or disabled meanwhile */
};

/* Prefix, length, characters and checksum fit. Pure. */
bool token_shaped(const char *text, size_t len);
void token_hash(const char *text, size_t len, unsigned char hash[TOKEN_HASH_BYTES]);

/*
 * text gets the token, NUL-terminated: the only time it is seen. ERR_NOT_FOUND: no such active
 * user; ERR_LIMIT: the note is too long. Without limits.
 */
int await_token_create(struct metadb *db, struct arena *a, const struct actor *who,
		       const struct token_new *wanted, char text[TOKEN_TEXT_LEN + 1],
		       struct token *out) MUST_CHECK;
/* The same for tokens of all kinds; bounds NULL: none. A verdict, or codes of metadb.h. */
int await_token_issue(struct metadb *db, struct arena *a, const struct actor *who,
		      const struct token_bounds *bounds, const struct token_new *wanted,
		      char text[TOKEN_TEXT_LEN + 1], struct token *out) MUST_CHECK;
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
/* The same; account_id 0: of anybody, kind 0: of any. ERR_NOT_FOUND: no valid token of his of
 * that kind. */
int await_token_take_back(struct metadb *db, const struct actor *who, int64_t account_id,
			  enum token_kind kind, int64_t token_id) MUST_CHECK;

/*
 * Tokens that are not revoked, the newest first; total: how many there are without skip and
 * max. id 0: any; account_id 0: of anybody.
 */
struct token_query {
	int64_t account_id;
	enum token_kind kind;
	int64_t id;
	int64_t skip;
	int max;
};
struct token_list {
	struct token *item;
	size_t count;
	int64_t total;
};
int await_token_list(struct metadb *db, struct arena *a, const struct token_query *q,
		     struct token_list *out) MUST_CHECK;
