/*
 * The public keys of issuers (metadb/issuers.h), kept for a while by each worker.
 *
 * They are fetched when they are first needed, when they are older than
 * gateway.issuer_keys_life, and when a token names a key that is not among them, but then at
 * most once in gateway.issuer_keys_pause: strangers' tokens make no traffic. Keys that cannot
 * be fetched anew are believed for a day.
 */
#pragma once

#include "gateway/jwks.h"
#include "gateway/worker.h"
#include "metadb/issuers.h"

struct issuer_keys;

struct issuer_keys *issuer_keys_new(void);
void issuer_keys_free(struct issuer_keys *k);

/*
 * Is the token signed with a key of the issuer? ERR_DENIED: no, with a sentence part in *why;
 * ERR_UNAVAILABLE: the keys cannot be had. -ECANCELED.
 */
int await_issuer_signed(struct worker *w, const struct issuer *i, const struct jwt *t,
			const char **why) MUST_CHECK;
