/*
 * The newest part of the index, in memory: what changed since the last checkpoint.
 *
 * A hash table whose hash is the digest's first bits, so that its buckets are in key order and
 * a range of keys is a range of buckets. No locks: its owner has them.
 */
#pragma once

#include <stddef.h>

#include "storage/daemon/store.h"

enum index_state {
	INDEX_GOOD = 1,
	INDEX_BAD,  /* failed a check: does not count as existing, but a DEL must be logged */
	INDEX_GONE, /* deleted; hides an older entry below */
};

struct index_entry {
	struct chunk_key key;
	struct store_place place;
	uint32_t len;
	enum index_state state;
};

struct delta;

struct delta *delta_new(void);
void delta_free(struct delta *d);
const struct index_entry *delta_find(const struct delta *d, const struct chunk_key *key);
/* Add, or replace what is there under the key. */
void delta_set(struct delta *d, const struct index_entry *e);
/* Entries with from ≤ key ≤ to, in key order; the array is the caller's to free(). */
struct index_entry *delta_range(const struct delta *d, const struct chunk_key *from,
				const struct chunk_key *to, size_t *count);
