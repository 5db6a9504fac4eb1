/*
 * For whom of an issuer an account is made at his first sign-in, and how it is called.
 *
 *   {"match": {"groups": "developers"}, "login": "{preferred_username}",
 *    "name": "{name}", "email": "{email}"}
 *
 * `match` as in gateway/oidc_rules.h, never empty: {"sub": "*"} is everybody whom the issuer
 * lets in. In the texts {claim} is replaced. The login is folded and must be one that an
 * account may have; name and email may be missing, and claims that they name as well. null:
 * nobody; accounts must have been linked. No rule leads to an account that is there already.
 * Pure; any thread.
 */
#pragma once

#include <jansson.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

struct oidc_person {
	const char *login; /* folded, valid, not reserved */
	const char *name;  /* "": none */
	const char *email;
};

/* ERR_SYNTAX, with a sentence in *why. */
int oidc_accounts_check(struct arena *a, const json_t *creates, const char **why) MUST_CHECK;

/*
 * For what was checked. ERR_NOT_FOUND: no account is made for these claims; ERR_SYNTAX: none
 * can be. With a sentence in *why (in the arena).
 */
int oidc_accounts_apply(struct arena *a, const json_t *creates, const json_t *claims,
			struct oidc_person *out, const char **why) MUST_CHECK;
