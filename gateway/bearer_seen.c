/*
 * A direct-mapped table by the SHA-256 of token and key: a collision evicts, nothing more. The
 * hash is the whole comparison, so that no timing tells anything about a kept token.
 */
#include "gateway/bearer_seen.h"

#include <stdlib.h>
#include <string.h>

#include "proto/model/digest.h"

#define PLACES 512

struct place {
	unsigned char hash[SHA256_BYTES];
	struct arena *arena; /* of the claims; NULL: empty */
	struct bearer_claims claims;
};

struct bearer_seen {
	struct place place[PLACES];
};

struct bearer_seen *bearer_seen_new(void)
{
	return xcalloc(1, sizeof(struct bearer_seen));
}

void bearer_seen_free(struct bearer_seen *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < PLACES; i++)
		arena_free(s->place[i].arena);
	free(s);
}

static void copy_claims(struct arena *a, const struct bearer_claims *from,
			struct bearer_claims *out)
{
	*out = *from;
	out->audience = arena_strdup(a, from->audience);
	for (size_t i = 0; i < from->grant_count; i++)
		out->grants[i].repository = arena_strdup(a, from->grants[i].repository);
}

static void hash_of(const unsigned char public[BEARER_KEY_BYTES], const char *token,
		    unsigned char out[SHA256_BYTES])
{
	struct hasher h;
	struct digest d;

	hasher_init(&h, DIGEST_SHA256);
	hasher_add(&h, public, BEARER_KEY_BYTES);
	hasher_add(&h, token, strlen(token));
	hasher_digest(&h, &d);
	memcpy(out, d.bytes, SHA256_BYTES);
}

int bearer_seen_verify(struct bearer_seen *s, struct arena *a, int64_t key_id,
		       const unsigned char public[BEARER_KEY_BYTES], const char *token,
		       const char *audience, int64_t now, struct bearer_claims *out)
{
	unsigned char hash[SHA256_BYTES];
	struct bearer_key *key;
	struct place *p;
	int rc;

	hash_of(public, token, hash);
	p = &s->place[(hash[0] << 8 | hash[1]) % PLACES];
	if (p->arena != NULL && memcmp(p->hash, hash, sizeof(hash)) == 0 &&
	    strcmp(p->claims.audience, audience) == 0 && now < p->claims.expires_at &&
	    now >= p->claims.not_before) {
		copy_claims(a, &p->claims, out);
		return 0;
	}
	key = bearer_key_verifying(key_id, public);
	if (key == NULL)
		return ERR_CORRUPT;
	rc = bearer_verify(a, key, token, audience, now, out);
	bearer_key_free(key);
	if (rc < 0)
		return rc;
	arena_free(p->arena);
	p->arena = arena_new();
	memcpy(p->hash, hash, sizeof(hash));
	copy_claims(p->arena, out, &p->claims);
	return 0;
}
