/*
 * Rules of an issuer: from a token's claims to a repository, and what its packages may suffer.
 *
 *   [{"match": {"repository_owner_id": "42", "ref": ["refs/heads/main", "refs/tags/v*"]},
 *     "repository": "acme/{repository_name}", "packages": "write"}, …]
 *
 * The first rule that matches decides. Each member of `match` names a claim, or by a JSON
 * pointer (RFC 6901, "/kubernetes.io/namespace") one that is inside of another, and the value
 * it must have: a text in which * stands for any characters, or a list of these. A claim that
 * is a list matches when one of its elements does; numbers and booleans count as their text. A
 * rule without conditions would hand a repository to everybody whose tokens the issuer signs,
 * so there is none. `repository` is OWNER/NAME; {claim} in it is that claim's text. `packages`
 * is read or write. Pure functions; any thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define OIDC_RULES_MAX	    100
#define OIDC_CONDITIONS_MAX 16 /* of a rule, and values of each */
#define OIDC_TEXT_MAX	    1024

struct oidc_grant {
	const char *owner; /* folded */
	const char *repository;
	bool write;
};

/* ERR_SYNTAX, with a sentence in *why (in the arena). */
int oidc_rules_check(struct arena *a, const json_t *rules, const char **why) MUST_CHECK;

/* For rules that were checked. ERR_NOT_FOUND: none matches; ERR_SYNTAX: what the one that
 * matches makes is no OWNER/NAME. */
int oidc_rules_apply(struct arena *a, const json_t *rules, const json_t *claims,
		     struct oidc_grant *out) MUST_CHECK;

/* Does the whole text fit the pattern, * standing for any characters? Takes at most the product
 * of both lengths. */
bool oidc_pattern_fits(const char *pattern, const char *text);

/* What rules of other kinds are made of (gateway/oidc_accounts.h): the conditions of a `match`,
 * whether they hold, and a text in which {claim} is replaced: NULL when one is not there, or it
 * gets longer than OIDC_TEXT_MAX. */
bool oidc_match_fine(const json_t *match);
bool oidc_match_fits(struct arena *a, const json_t *match, const json_t *claims);
const char *oidc_filled_in(struct arena *a, const char *template, const json_t *claims);
/* Are its braces in pairs, each with a claim's name in it? */
bool oidc_template_fine(const char *template);
/* The text of a claim, by its name or by a JSON pointer; NULL: it is not there, or no simple
 * value. */
const char *oidc_claim_text(struct arena *a, const json_t *claims, const char *name);
