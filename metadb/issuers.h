/*
 * Issuers of OpenID Connect tokens that this registry believes, and the repositories that their
 * tokens are for: rows of schema/0050. Codes common to all functions: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"

#define ISSUER_URL_MAX	 1024
#define ISSUER_JWKS_MAX	 (64 * 1024)
#define ISSUER_RULES_MAX (64 * 1024)

struct issuer {
	int64_t id;
	const char *url; /* as it stands in the claim iss */
	const char *audience;
	const char *jwks_url; /* "": as its own description says, unless it has jwks */
	const char *jwks;     /* its keys, "": they are fetched */
	unsigned algorithms;  /* bits of enum jwt_algorithm (gateway/jwt.h) */
	const char *rules;    /* JSON: gateway/oidc_rules.h */
	bool enabled;
	int64_t version; /* grows with each change */
	int64_t created_at;
	int64_t updated_at;
};

struct issuer_list {
	struct issuer *item;
	size_t count;
	int64_t total; /* of all pages */
};

/* By URL; skip and max are a page of the list. */
int await_issuer_list(struct metadb *db, struct arena *a, int64_t skip, int max,
		      struct issuer_list *out) MUST_CHECK;
/* By id, or with id 0 by url. ERR_NOT_FOUND. */
int await_issuer_find(struct metadb *db, struct arena *a, int64_t id, const char *url,
		      struct issuer *out) MUST_CHECK;
/* Without id, version and times; id gets that of the new one. ERR_CONFLICT: the URL is known.
 */
int await_issuer_create(struct metadb *db, const struct actor *who, const struct issuer *wanted,
			int64_t *id) MUST_CHECK;
/* All but url, if nobody has changed it since `version`: ERR_CONFLICT. ERR_NOT_FOUND. */
int await_issuer_change(struct metadb *db, const struct actor *who,
			const struct issuer *wanted) MUST_CHECK;
int await_issuer_delete(struct metadb *db, const struct actor *who, int64_t id) MUST_CHECK;
