/*
 * JSON Web Tokens of others (RFC 7519, compact JWS of RFC 7515): taken apart and judged.
 *
 * Of the algorithms only those that sign with a private key are known: RS256, ES256 and EdDSA
 * (Ed25519); never `none`, and never HS…, for which a public key would be the secret. Nothing
 * in a token chooses a key but its kid: jku, jwk, x5u and x5c are not looked at, and a header
 * with `crit` is refused. Pure functions; any thread.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define JWT_MAX	     (16 * 1024)
#define JWT_TEXT_MAX 255 /* of iss (1024), sub, kid */
#define JWT_SKEW_S   60	 /* clock difference that is allowed */

enum jwt_algorithm { JWT_RS256 = 1, JWT_ES256 = 2, JWT_EDDSA = 4 };

/* Texts, views and JSON live as long as the arena and the text it was parsed from. */
struct jwt {
	enum jwt_algorithm algorithm;
	const char *kid;	  /* NULL: none */
	struct slice signed_text; /* what the signature is over */
	struct slice signature;
	const json_t *claims; /* an object */
};

/* What a token must say. */
struct jwt_expected {
	const char *issuer;
	const char *audience;
	int64_t now; /* seconds since 1970 */
};

/*
 * ERR_SYNTAX, with a sentence part in *why. Nothing is verified: believe only what `iss` and
 * the header ask for, until jwks_verify() and jwt_judge() are content.
 */
int jwt_parse(struct arena *a, const char *text, size_t len, struct jwt *out,
	      const char **why) MUST_CHECK;

/*
 * iss and aud (one text, or a list that has it) as expected, sub there, exp in the future, nbf
 * and iat not. ERR_DENIED, with a sentence part in *why.
 */
int jwt_judge(const struct jwt *t, const struct jwt_expected *e, const char **why) MUST_CHECK;

/*
 * What an ID token says besides (OpenID Connect Core, 3.1.3.7): its nonce is ours, azp is the
 * client, and is there where it is for others as well. ERR_DENIED, with a sentence part in
 * *why.
 */
int jwt_judge_id(const struct jwt *t, const char *client_id, const char *nonce,
		 const char **why) MUST_CHECK;

/* "RS256", "ES256", "EdDSA"; ERR_SYNTAX for others. */
int jwt_algorithm_parse(const char *name, enum jwt_algorithm *out) MUST_CHECK;
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);
