/*
 * Signing in through an issuer (metadb/issuers.h) as rows of schema/0065: how the registry is
 * known there, and which account each subject of it means. Codes common to all functions:
 * metadb/metadb.h.
 */
#pragma once

#include "metadb/issuers.h"
#include "metadb/sign_in.h"

#define IDENTITY_SUBJECT_MAX	   255
#define ISSUER_SIGN_IN_SCOPES_MAX  1024
#define ISSUER_SIGN_IN_CREATES_MAX (16 * 1024)

/* How people sign in through one issuer. */
struct issuer_sign_in {
	const char *client_id;
	/* "": none. NULL in what is set: as it is. Only for whoever asks the issuer. */
	const char *client_secret;
	const char *authorization_url; /* "", as token_url: as the issuer's description says */
	const char *token_url;
	const char *scopes; /* with blanks between them */
	const char *subject_claim;
	const char *creates; /* JSON: gateway/oidc_accounts.h; "null": nobody is made */
	int64_t updated_at;
};
/* Its issuer as well. ERR_NOT_FOUND: no such issuer, or nobody signs in through it. */
int await_issuer_sign_in_find(struct metadb *db, struct arena *a, int64_t issuer_id,
			      struct issuer *issuer, struct issuer_sign_in *out) MUST_CHECK;
/* updated_at is not looked at. ERR_NOT_FOUND: no such issuer. */
int await_issuer_sign_in_set(struct metadb *db, const struct actor *who, int64_t issuer_id,
			     const struct issuer_sign_in *wanted) MUST_CHECK;
/* Sessions that it opened end. ERR_NOT_FOUND: nobody signed in through it. */
int await_issuer_sign_in_unset(struct metadb *db, const struct actor *who,
			       int64_t issuer_id) MUST_CHECK;

struct identity {
	int64_t id;
	int64_t issuer_id;
	const char *issuer; /* its URL */
	const char *subject;
	int64_t created_at;
	int64_t last_used_at; /* 0: never */
};
struct identity_list {
	struct identity *item;
	size_t count;
	int64_t total; /* 0 when skip leaves none */
};
/* Of one account. */
int await_identity_list(struct metadb *db, struct arena *a, int64_t account_id, int64_t skip,
			int max, struct identity_list *out) MUST_CHECK;
/* ERR_NOT_FOUND: no such account, or no such one of the account. */
int await_identity_find(struct metadb *db, struct arena *a, int64_t account_id, int64_t id,
			struct identity *out) MUST_CHECK;

enum identity_added {
	IDENTITY_ADDED,
	IDENTITY_NO_ACCOUNT,
	IDENTITY_NO_ISSUER,
	IDENTITY_TAKEN, /* the issuer means an account by that subject already */
};
/* An enum identity_added, or an error. */
int await_identity_add(struct metadb *db, const struct actor *who, int64_t account_id,
		       const char *issuer_url, const char *subject, int64_t *id) MUST_CHECK;
/* Sessions that it opened end, and what was authorized in them. ERR_NOT_FOUND. */
int await_identity_remove(struct metadb *db, const struct actor *who, int64_t account_id,
			  int64_t id) MUST_CHECK;

/* For life_ms nobody else comes with what has that hash: ERR_CONFLICT. */
int await_sign_in_state_take(struct metadb *db, const unsigned char hash[TOKEN_HASH_BYTES],
			     int64_t life_ms) MUST_CHECK;

/* Whom an issuer has named, and whose account is made when nobody is linked; login NULL: none.
 */
struct identity_claims {
	int64_t issuer_id;
	const char *subject;
	const char *login; /* folded, valid and not reserved */
	const char *name;
	const char *email;
};
enum identity_signed_in {
	IDENTITY_SIGNED_IN,
	IDENTITY_ISSUER_ENDED, /* not enabled any more */
	IDENTITY_UNKNOWN,
	IDENTITY_LOGIN_TAKEN,
	IDENTITY_SUSPENDED,
};
/* An enum identity_signed_in, or an error. Of `wanted` account_id and login are not looked at.
 */
int await_identity_sign_in(struct metadb *db, const struct actor *who,
			   const struct identity_claims *claims,
			   const struct session_new *wanted,
			   const unsigned char hash[TOKEN_HASH_BYTES]) MUST_CHECK;
