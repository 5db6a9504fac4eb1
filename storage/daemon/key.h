/*
 * What names a stored copy: the SHA-256 of its bytes and its generation.
 *
 * The bytes of a chunk are the same under every gen; a gen is never used again after its copy
 * was deleted. Keys sort by digest first, then gen: a partition (the digest's top bits) and all
 * gens of a digest are ranges of keys.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CHUNK_DIGEST_SIZE 32
#define CHUNK_MAX	  ((uint32_t)4 << 20)  /* bytes of a chunk */
#define CHUNK_BLOCK	  ((uint32_t)64 << 10) /* bytes that share one CRC32C */
#define CHUNK_BLOCKS_MAX  (CHUNK_MAX / CHUNK_BLOCK)

struct chunk_key {
	unsigned char digest[CHUNK_DIGEST_SIZE];
	uint64_t gen;
};

static inline int chunk_key_compare(const struct chunk_key *a, const struct chunk_key *b)
{
	int order = memcmp(a->digest, b->digest, CHUNK_DIGEST_SIZE);

	if (order != 0)
		return order;
	return a->gen < b->gen ? -1 : a->gen > b->gen;
}

static inline bool chunk_key_equal(const struct chunk_key *a, const struct chunk_key *b)
{
	return a->gen == b->gen && memcmp(a->digest, b->digest, CHUNK_DIGEST_SIZE) == 0;
}

/* Step to the next key in order; false after the last one. */
static inline bool chunk_key_next(struct chunk_key *key)
{
	if (++key->gen != 0)
		return true;
	for (int i = CHUNK_DIGEST_SIZE - 1; i >= 0; i--) {
		if (++key->digest[i] != 0)
			return true;
	}
	return false;
}

/* CRC blocks of a chunk of `len` bytes: all but the last are full; an empty chunk has none. */
static inline uint32_t chunk_blocks(uint32_t len)
{
	return (len + CHUNK_BLOCK - 1) / CHUNK_BLOCK;
}
