/*
 * Little-endian whatever the machine:
 *
 *      0                               32            40       44
 *      | digest                        | gen         | len    |
 */
#include "proto/wire/pair.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

struct wire_pair wire_pair_at(const struct wire_pairs *pairs, unsigned i)
{
	const unsigned char *at = pairs->packed + (size_t)i * WIRE_PAIR_BYTES;
	struct wire_pair pair;

	assert(i < pairs->count);
	memcpy(pair.digest, at, 32);
	memcpy(&pair.gen, at + 32, 8);
	memcpy(&pair.len, at + 40, 4);
	pair.gen = le64toh(pair.gen);
	pair.len = le32toh(pair.len);
	return pair;
}

void wire_pair_pack(unsigned char *packed, unsigned i, const struct wire_pair *pair)
{
	unsigned char *at = packed + (size_t)i * WIRE_PAIR_BYTES;
	uint64_t gen = htole64(pair->gen);
	uint32_t len = htole32(pair->len);

	memcpy(at, pair->digest, 32);
	memcpy(at + 32, &gen, 8);
	memcpy(at + 40, &len, 4);
}
