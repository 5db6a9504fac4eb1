/* Reads and lists, compared with the model. */
#include <stdlib.h>

#include "proto/model/cluster.h"
#include "storage/daemon/record.h"
#include "tests/unit/storage/world_inside.h"

static unsigned char piece_bytes[CHUNK_MAX];

/* Are the delivered bytes and CRCs those of the chunk? */
static bool piece_right(const struct world_key *k, uint32_t offset, uint32_t len,
			const struct store_piece *piece)
{
	uint32_t rest = world_len(k->digest) - offset, want = rest < len ? rest : len;

	return piece->chunk_len == world_len(k->digest) && piece->len == want &&
	       memcmp(piece->key.digest, k->key.digest, CHUNK_DIGEST_SIZE) == 0 &&
	       memcmp(piece_bytes, world_bytes(k->digest) + offset, want) == 0 &&
	       piece->blocks == chunk_blocks(want) &&
	       (offset + want < world_len(k->digest) && want % CHUNK_BLOCK != 0
			? false
			: memcmp(piece->crcs, world_crcs(k->digest) + offset / CHUNK_BLOCK,
				 4 * piece->blocks) == 0);
}

/* Read a piece of exactly this copy. */
static bool read_exact(struct world *w, struct world_key *k, uint32_t offset, uint32_t len,
		       bool excused)
{
	struct store_piece piece;
	int rc = store_read(w->s, &k->key, false, offset, len, piece_bytes, &piece);

	w->reads++;
	if (rc == 0) {
		if (!piece_right(k, offset, len, &piece) || piece.key.gen != k->key.gen)
			return world_differs(w, k, "wrong bytes");
		return k->present || k->ghost ||
		       world_differs(w, k, "a deleted chunk is there");
	}
	if (rc == ERR_NOT_FOUND)
		return !k->present || k->damaged || world_differs(w, k, "a chunk is lost");
	if (rc == -EIO && excused)
		return true;
	if (rc != ERR_CORRUPT)
		return world_differs(w, k, "a read failed without a reason");
	if (!k->damaged && !k->ghost)
		return world_differs(w, k, "a good chunk is called bad");
	store_drop_bad(w->s, &piece.key, &piece.place);
	return !store_has(w->s, &k->key, NULL) || world_differs(w, k, "not dropped");
}

/* Read a chunk of any gen, dropping bad copies on the way, as the daemon does. */
static bool read_any(struct world *w, struct world_key *k)
{
	struct world_key *first = &w->keys[k->digest * WORLD_GENS];
	struct store_piece piece;
	bool must = false;
	int rc = ERR_CORRUPT;

	for (int i = 0; i < WORLD_GENS; i++)
		must |= first[i].present && !first[i].damaged;
	for (int tries = 0; rc == ERR_CORRUPT && tries <= WORLD_GENS; tries++) {
		rc = store_read(w->s, &k->key, true, 0, CHUNK_MAX, piece_bytes, &piece);
		if (rc == ERR_CORRUPT)
			store_drop_bad(w->s, &piece.key, &piece.place);
	}
	w->reads++;
	if (rc == 0)
		return piece_right(k, 0, CHUNK_MAX, &piece) ||
		       world_differs(w, k, "wrong bytes under another gen");
	if (must)
		return world_differs(w, k, "no gen of a chunk is found");
	return rc == ERR_NOT_FOUND || world_differs(w, k, "a read of any gen failed");
}

bool world_read(struct world *w, struct rng *r, bool excused)
{
	struct world_key *k = world_pick(w, r);
	uint32_t blocks = chunk_blocks(world_len(k->digest));
	struct store_place nowhere = {1, 12345};
	uint32_t offset = (uint32_t)rng_below(r, blocks + 1) * CHUNK_BLOCK;
	uint32_t len = (uint32_t)rng_below(r, CHUNK_BLOCKS_MAX + 1) * CHUNK_BLOCK;

	/* A complaint about a copy that has moved since has no effect. */
	if (rng_percent(r, 10))
		store_drop_bad(w->s, &k->key, &nowhere);
	if (rng_percent(r, 20) && !excused)
		return read_any(w, k);
	if (offset > world_len(k->digest))
		offset = 0;
	return read_exact(w, k, offset, len, excused);
}

static struct world_key *find_key(struct world *w, const struct chunk_key *key)
{
	for (int i = 0; i < WORLD_KEYS; i++) {
		if (chunk_key_equal(&w->keys[i].key, key))
			return &w->keys[i];
	}
	return NULL;
}

/* List a range of partitions in pages and compare; *count and *bytes are of what was listed. */
static bool compare_list(struct world *w, uint32_t first, uint32_t last, size_t page,
			 uint64_t *count, uint64_t *bytes)
{
	struct store_entry entries[WORLD_KEYS + 1];
	bool seen[WORLD_KEYS] = {false};
	struct chunk_key after;
	bool begun = false;
	size_t n;

	*count = *bytes = 0;
	do {
		int rc =
			store_list(w->s, first, last, begun ? &after : NULL, entries, page, &n);

		if (rc < 0)
			return world_differs(w, NULL, "a list failed");
		for (size_t i = 0; i < n; i++) {
			struct world_key *k = find_key(w, &entries[i].key);

			if (!k || entries[i].len != world_len(k->digest))
				return world_differs(w, k, "a listed chunk is unknown");
			if (begun && chunk_key_compare(&after, &k->key) >= 0)
				return world_differs(w, k, "a list is out of order");
			if (!k->present && !k->ghost)
				return world_differs(w, k, "a deleted chunk is listed");
			seen[k - w->keys] = begun = true;
			after = k->key;
			*count += 1;
			*bytes += record_size(entries[i].len);
		}
	} while (n == page);
	for (int i = 0; i < WORLD_KEYS; i++) {
		struct world_key *k = &w->keys[i];
		uint32_t part = (uint32_t)k->key.digest[0] << 6 | k->key.digest[1] >> 2;

		if (k->present && !k->damaged && part >= first && part <= last && !seen[i])
			return world_differs(w, k, "a chunk is not listed");
	}
	return true;
}

bool world_list(struct world *w, struct rng *r)
{
	struct world_key *k = world_pick(w, r);
	uint32_t part = (uint32_t)k->key.digest[0] << 6 | k->key.digest[1] >> 2;
	uint32_t last = rng_percent(r, 50) ? part : PARTITIONS - 1;
	uint64_t count, bytes;

	return compare_list(w, part, last, 1 + rng_below(r, WORLD_KEYS), &count, &bytes);
}

bool world_compare(struct world *w)
{
	struct store_stats stats;
	uint64_t count, bytes;

	for (int i = 0; i < WORLD_KEYS; i++) {
		if (!read_exact(w, &w->keys[i], 0, CHUNK_MAX, false))
			return false;
	}
	if (!compare_list(w, 0, PARTITIONS - 1, WORLD_KEYS + 1, &count, &bytes))
		return false;
	store_stats(w->s, &stats);
	if (stats.chunks != count || stats.live_bytes != bytes)
		return world_differs(w, NULL, "the counters are wrong");
	return stats.dead_bytes <= stats.segment_bytes ||
	       world_differs(w, NULL, "more is dead than there is");
}
