/*
 * Sets of public keys (JSON Web Key Set, RFC 7517 and 7518), and signatures that they made.
 *
 * Of a set only keys for the algorithms of jwt.h count: RSA of 2048 to 8192 bits, EC on P-256,
 * OKP Ed25519. Others, keys for encrypting and keys that are broken are passed over: an issuer
 * may have what we do not know. One thread at a time.
 */
#pragma once

#include "gateway/jwt.h"

#define JWKS_KEYS_MAX 64
#define JWKS_TEXT_MAX (256 * 1024)

struct jwks;

/*
 * ERR_SYNTAX, with a sentence part in *why (in the arena): no key set, or none of its keys
 * counts. Free it with jwks_free().
 */
int jwks_parse(struct arena *a, const char *text, size_t len, struct jwks **out,
	       const char **why) MUST_CHECK;
void jwks_free(struct jwks *set);
size_t jwks_count(const struct jwks *set);

/*
 * ERR_NOT_FOUND: no key with the token's kid and algorithm; a token without a kid may be of any
 * key that fits. ERR_DENIED: the signature is wrong.
 */
int jwks_verify(const struct jwks *set, const struct jwt *t) MUST_CHECK;
