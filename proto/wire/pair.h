/*
 * A physical copy's name, and lists of them as they are sent.
 *
 * Packed lists are one bytes field of 44 bytes a pair, so that a message cannot make its
 * receiver allocate more than its own length. Pure; any thread.
 */
#pragma once

#include <stdint.h>

/* The chunk's SHA-256 and the instance it was written for. */
struct wire_pair {
	unsigned char digest[32];
	uint64_t gen;
	uint32_t len; /* of the chunk; 0 where it is not known */
};

#define WIRE_PAIR_BYTES 44
struct wire_pairs {
	const unsigned char *packed;
	unsigned count;
};

struct wire_pair wire_pair_at(const struct wire_pairs *pairs, unsigned i);
/* As number i into an array of WIRE_PAIR_BYTES each. */
void wire_pair_pack(unsigned char *packed, unsigned i, const struct wire_pair *pair);
