/*
 * The registry's own bearer tokens: signed statements of what a caller asked for at /token.
 *
 * A token is a JWS in compact form with one fixed header, `{"alg":"EdDSA","kid":"<id>",
 * "typ":"JWT"}`: the algorithm is Ed25519 and nothing in a token can choose another. It carries
 * ids and the actions asked for, never rights: rights are looked up at each request, so a token
 * can only narrow what its credential may do. Names are bound to the namespace's id, so that an
 * account made anew under an old name honours no old token. Pure functions; any thread.
 * Source: RFC 7515, RFC 8037; Docker's token specification for `access`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define BEARER_GRANTS_MAX 16
#define BEARER_KEY_BYTES  32

/* Stands in a grant for the list of packages; no repository has such a name. */
#define BEARER_CATALOG "registry:catalog"

enum bearer_action { BEARER_PULL = 1, BEARER_PUSH = 2, BEARER_DELETE = 4 };

struct bearer_grant {
	const char *repository; /* namespace/name */
	int64_t namespace_id;	/* 0: there was no such account */
	unsigned actions;	/* bits of enum bearer_action */
};

struct bearer_claims {
	const char *audience;
	int64_t issued_at; /* seconds since 1970, like the two below */
	int64_t not_before;
	int64_t expires_at;
	int64_t credential_id; /* 0 and 0: anonymous */
	int64_t account_id;
	struct bearer_grant grants[BEARER_GRANTS_MAX];
	size_t grant_count;
};

struct bearer_key;

/* From the 32 bytes of RFC 8032, secret (signs) or public (verifies); NULL when the library
 * refuses them. */
struct bearer_key *bearer_key_signing(int64_t id, const unsigned char seed[BEARER_KEY_BYTES]);
struct bearer_key *bearer_key_verifying(int64_t id, const unsigned char pub[BEARER_KEY_BYTES]);
void bearer_key_free(struct bearer_key *k);

/* NULL when the library cannot sign. */
const char *bearer_sign(struct arena *a, const struct bearer_key *k,
			const struct bearer_claims *claims) MUST_CHECK;

/* Which key a token names; ERR_SYNTAX when its header is not ours. Nothing is verified. */
int bearer_key_wanted(struct arena *a, const char *token, int64_t *id) MUST_CHECK;

/*
 * Signature, then audience, then times (seconds; 30 s of clock difference are allowed for
 * not_before). ERR_SYNTAX, ERR_DENIED (wrong signature or audience, not valid now).
 */
int bearer_verify(struct arena *a, const struct bearer_key *k, const char *token,
		  const char *audience, int64_t now, struct bearer_claims *out) MUST_CHECK;

/* The payload alone; ERR_SYNTAX. Used by bearer_verify() once the signature is right. */
int bearer_claims_parse(struct arena *a, const char *json, size_t len,
			struct bearer_claims *out) MUST_CHECK;

/* The grant for a repository, NULL if the token has none. */
const struct bearer_grant *bearer_grant_for(const struct bearer_claims *c,
					    const char *repository);

/* "pull,push" → bits; unknown words are ignored, "*" is all. */
unsigned bearer_actions_parse(const char *text, size_t len);
