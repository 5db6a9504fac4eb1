/*
 * A sign-in through an issuer on its way: what goes to the issuer and comes back, and what ties
 * it to one browser. Nothing of it is kept by the registry, so it ends at any gateway.
 *
 * The browser has a random key, in a cookie. Everything else is made of it and of what the
 * state says (HMAC-SHA256): `state` holds when it was begun, something random and where to go
 * afterwards, and then a code over these and over the issuer; `nonce` and the verifier of PKCE
 * (RFC 7636) are others over the same. Whoever has not the cookie can make none of them. That a
 * state is used once is seen to by the database. Pure functions; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define SIGN_IN_KEY_LEN	   64  /* hexadecimal digits */
#define SIGN_IN_RETURN_MAX 512 /* bytes of a path to go to */
#define SIGN_IN_STATE_MAX  1024
#define SIGN_IN_LIFE_S	   600 /* from its beginning to the issuer's answer */

struct sign_in_flow {
	const char *return_to;
	const char *state;
	const char *nonce;
	const char *verifier;
	const char *challenge; /* of the verifier, S256 */
};

/* A path of this registry: one slash and then visible ASCII, no backslash, not //. */
bool sign_in_return_fine(const char *path);

bool sign_in_key_fine(const char *key, size_t len);

/* `salt`: 32 random hexadecimal digits; now: seconds since 1970; return_to is fine. */
void sign_in_begin(struct arena *a, const char *key, int64_t issuer_id, const char *return_to,
		   const char *salt, int64_t now, struct sign_in_flow *out);

/* ERR_DENIED: the state was not made with this key for this issuer; -ETIMEDOUT: too long ago.
 */
int sign_in_resume(struct arena *a, const char *key, int64_t issuer_id, const char *state,
		   int64_t now, struct sign_in_flow *out) MUST_CHECK;
