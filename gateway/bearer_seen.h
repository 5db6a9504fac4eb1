/*
 * Bearer tokens whose signature this process has checked: an Ed25519 verification costs more
 * than all the rest of a small request. Only what cannot change is kept, the fact that these
 * bytes were signed and what they say; times, keys' ends and rights are looked at each time.
 * Bounded; loop thread only.
 */
#pragma once

#include "gateway/bearer.h"

struct bearer_seen;

struct bearer_seen *bearer_seen_new(void);
void bearer_seen_free(struct bearer_seen *s);

/* As bearer_verify(); `public` is the key that the token names. */
int bearer_seen_verify(struct bearer_seen *s, struct arena *a, int64_t key_id,
		       const unsigned char public[BEARER_KEY_BYTES], const char *token,
		       const char *audience, int64_t now, struct bearer_claims *out) MUST_CHECK;
