/* The model, and what moves it: groups of operations, crashes, rot. Reads: world_check.c. */
#include "tests/unit/storage/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/model/digest.h"
#include "storage/daemon/record.h"
#include "tests/unit/storage/world_inside.h"

#define CAPACITY ((uint64_t)1 << 30)

static struct {
	uint32_t len, weight;
	unsigned char digest[CHUNK_DIGEST_SIZE];
	unsigned char *bytes;
	uint32_t crcs[CHUNK_BLOCKS_MAX];
} chunks[WORLD_DIGESTS];
static uint32_t weight_sum;

static const uint32_t edge_sizes[] = {
	0,    1,     95,    96,	   97,	   159,	   160,		  4095,	    4096,
	4097, 65535, 65536, 65537, 131072, 200000, CHUNK_MAX - 1, CHUNK_MAX};

void world_setup(void)
{
	struct rng r = {1};

	if (weight_sum)
		return;
	for (int i = 0; i < WORLD_DIGESTS; i++) {
		size_t edges = sizeof(edge_sizes) / sizeof(edge_sizes[0]);
		uint32_t len =
			(size_t)i < edges ? edge_sizes[i] : (uint32_t)rng_below(&r, 12000);
		struct iovec part;

		chunks[i].len = len;
		chunks[i].weight = len > 1000000 ? 1 : len > 20000 ? 12 : 60;
		weight_sum += chunks[i].weight;
		chunks[i].bytes = malloc(len + 8);
		for (uint32_t at = 0; at < len; at += 8) {
			uint64_t word = rng_next(&r);

			memcpy(chunks[i].bytes + at, &word, 8);
		}
		sha256_of(chunks[i].bytes, len, chunks[i].digest);
		part = (struct iovec){chunks[i].bytes, len};
		store_block_crcs(&part, 1, chunks[i].crcs);
	}
}

uint32_t world_len(int digest)
{
	return chunks[digest].len;
}

const unsigned char *world_bytes(int digest)
{
	return chunks[digest].bytes;
}

const uint32_t *world_crcs(int digest)
{
	return chunks[digest].crcs;
}

struct world_key *world_pick(struct world *w, struct rng *r)
{
	uint32_t at = (uint32_t)rng_below(r, weight_sum);
	int digest = 0;

	while (at >= chunks[digest].weight)
		at -= chunks[digest++].weight;
	return &w->keys[digest * WORLD_GENS + (int)rng_below(r, WORLD_GENS)];
}

bool world_differs(struct world *w, const struct world_key *k, const char *what)
{
	if (w->error[0])
		return false;
	snprintf(w->error, sizeof(w->error),
		 "%s (chunk %d of %u bytes, gen %llu; model: present=%d maybe=%d damaged=%d "
		 "ghost=%d)",
		 what, k ? k->digest : -1, k ? world_len(k->digest) : 0,
		 k ? (unsigned long long)k->key.gen : 0, k ? k->present : 0, k ? k->maybe : 0,
		 k ? k->damaged : 0, k ? k->ghost : 0);
	return false;
}

struct world *world_new(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	world_setup();
	w->v = vdisk_new(seed, CAPACITY);
	w->index = tindex_new();
	for (int i = 0; i < WORLD_KEYS; i++) {
		w->keys[i].digest = i / WORLD_GENS;
		w->keys[i].key.gen = (uint64_t)(i % WORLD_GENS) * 1000 + 7;
		memcpy(w->keys[i].key.digest, chunks[w->keys[i].digest].digest,
		       CHUNK_DIGEST_SIZE);
	}
	return w;
}

void world_free(struct world *w)
{
	world_kill(w);
	vdisk_free(w->v);
	tindex_free(w->index);
	free(w);
}

struct world *world_clone(const struct world *w)
{
	struct world *c = malloc(sizeof(*c));

	*c = *w;
	c->s = NULL;
	c->v = vdisk_clone(w->v);
	c->index = tindex_clone(w->index);
	return c;
}

bool world_start(struct world *w)
{
	static const struct store_options options = {.name = "virtual",
						     .segment_size = WORLD_SEGMENT,
						     .floor = WORLD_FLOOR,
						     .checkpoint_bytes = WORLD_SEGMENT};
	int rc;

	assert(!w->s);
	w->restarts++;
	rc = store_open(vdisk_attach(w->v), tindex_attach(w->index), &options, &w->s);
	if (rc < 0) {
		w->s = NULL;
		return vdisk_dead(w->v) || world_differs(w, NULL, "the store does not open");
	}
	w->poisoned = store_poisoned(w->s);
	/* A truncation may be lost: the disk is fuller than before. */
	world_fill(w, w->full);
	if (vdisk_dead(w->v))
		return true;
	if (w->poisoned)
		return world_differs(w, NULL, "the store starts poisoned");
	for (int i = 0; i < WORLD_KEYS; i++) {
		struct world_key *k = &w->keys[i];

		/* What an operation without an answer has done is settled now. */
		if (k->maybe)
			k->present = store_has(w->s, &k->key, NULL);
		k->maybe = false;
	}
	return world_compare(w);
}

bool world_stop(struct world *w)
{
	int rc = store_close(w->s);
	bool excused = w->poisoned || vdisk_dead(w->v);

	w->s = NULL;
	return rc == 0 || excused || world_differs(w, NULL, "a clean stop failed");
}

void world_kill(struct world *w)
{
	vdisk_detach(w->v);
	tindex_detach(w->index);
	if (w->s) {
		int rc = store_close(w->s); /* has no effect on the disk any more */

		(void)rc;
	}
	w->s = NULL;
}

void world_power_cut(struct world *w, enum power_cut kind)
{
	world_kill(w);
	vdisk_power_cut(w->v, kind);
}

void world_fill(struct world *w, bool full)
{
	uint64_t used = 0, ids[4096];
	size_t count = vdisk_segments(w->v, ids, 4096);

	for (size_t i = 0; i < count && i < 4096; i++)
		used += vdisk_size(w->v, ids[i]);
	w->full = full;
	vdisk_occupy(w->v, full ? CAPACITY - used - 6 * WORLD_SEGMENT : 0);
}

/* Cut a payload into up to STORE_PARTS_MAX parts at random places. */
static int cut_parts(struct rng *r, int digest, struct iovec parts[STORE_PARTS_MAX])
{
	uint32_t len = chunks[digest].len, done = 0;
	int count = 0, most = 1 + (int)rng_below(r, STORE_PARTS_MAX);

	while (done < len && count < most - 1) {
		uint32_t piece = (uint32_t)rng_below(r, len - done + 1);

		parts[count++] = (struct iovec){chunks[digest].bytes + done, piece};
		done += piece;
	}
	parts[count++] = (struct iovec){chunks[digest].bytes + done, len - done};
	return count;
}

/* What the answer to one operation does to the model. */
static bool settle(struct world *w, struct world_key *k, const struct store_op *op, bool had,
		   bool excused)
{
	bool put = op->kind == STORE_PUT;

	if (op->result == 0) {
		/* A PUT that found a copy vouches for nothing new, neither does a DEL that
		 * found none. */
		k->damaged = put && had && (k->damaged || k->ghost);
		k->ghost = !put && !had && k->ghost;
		k->present = put;
		k->maybe = false;
		return true;
	}
	if (op->result == ERR_FULL)
		return (w->full && put) || excused ||
		       world_differs(w, k, "refused as full without a reason");
	if (!excused && !w->poisoned && !vdisk_dead(w->v))
		return world_differs(w, k, "an operation failed without a reason");
	if (k->present != put && !w->poisoned)
		k->maybe = true;
	return true;
}

uint64_t world_failed_syncs(const struct world *w)
{
	return vdisk_failed(w->v, FAULT_SYNC) + vdisk_failed(w->v, FAULT_SYNC_NAMES);
}

#define GROUP_MAX 40

bool world_commit(struct world *w, struct rng *r, bool excused)
{
	struct store_op ops[GROUP_MAX], *order[GROUP_MAX];
	struct iovec parts[GROUP_MAX][STORE_PARTS_MAX];
	struct world_key *keys[GROUP_MAX];
	bool had[GROUP_MAX], any_done = false;
	uint64_t syncs_failed;
	int count = rng_percent(r, 4) ? GROUP_MAX : 1 + (int)rng_below(r, 5);

	for (int i = 0; i < count; i++) {
		struct world_key *k = keys[i] = world_pick(w, r);

		order[i] = &ops[i];
		ops[i] = (struct store_op){.kind = rng_percent(r, 62) ? STORE_PUT : STORE_DEL,
					   .key = k->key,
					   .result = 1};
		had[i] = store_has(w->s, &k->key, NULL);
		if (ops[i].kind == STORE_DEL)
			continue;
		ops[i].parts = parts[i];
		ops[i].part_count = cut_parts(r, k->digest, parts[i]);
		ops[i].len = chunks[k->digest].len;
		ops[i].crcs = chunks[k->digest].crcs;
	}
	syncs_failed = world_failed_syncs(w);
	store_commit(w->s, order, (size_t)count);
	w->commits++;
	if (world_failed_syncs(w) > syncs_failed && !store_poisoned(w->s))
		return world_differs(w, NULL, "a sync failed and the disk is not poisoned");
	for (int i = 0; i < count; i++)
		any_done |= ops[i].result == 0;
	if (any_done && w->poisoned)
		return world_differs(w, NULL, "a poisoned disk acknowledged something");
	/* A group that succeeds settles the failures before it: they did not happen. */
	for (int i = 0; i < WORLD_KEYS && any_done; i++)
		w->keys[i].maybe = false;
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < i; j++) {
			if (keys[j] == keys[i] && ops[j].result == 0)
				had[i] = ops[j].kind == STORE_PUT;
		}
		if (!settle(w, keys[i], &ops[i], had[i], excused))
			return false;
	}
	if (store_poisoned(w->s) && !w->poisoned && !excused && !vdisk_dead(w->v))
		return world_differs(w, NULL, "poisoned without a reason");
	w->poisoned = store_poisoned(w->s);
	return true;
}

/* Which key's record covers a byte of a segment? Marks it. */
static void mark_damage(struct world *w, uint64_t id, uint64_t offset)
{
	const unsigned char *bytes = vdisk_bytes(w->v, id);
	uint64_t size = vdisk_size(w->v, id);
	struct store_place at = {id, SEGMENT_START};
	struct superblock super;

	/* The second copy is never damaged. */
	if (superblock_decode(bytes + LOG_PAGE, &super) < 0)
		return;
	while (at.offset + RECORD_HEADER <= size && at.offset <= offset) {
		struct record rec;

		if (record_decode(bytes + at.offset, super.salt, &at, &rec) < 0) {
			at.offset += RECORD_ALIGN;
			continue;
		}
		for (int i = 0; i < WORLD_KEYS; i++) {
			struct world_key *k = &w->keys[i];

			if (offset >= at.offset + record_size(rec.len) ||
			    !chunk_key_equal(&k->key, &rec.key))
				continue;
			if (rec.type == RECORD_PUT)
				k->damaged = true;
			else if (!k->present || k->maybe)
				k->ghost = true;
		}
		at.offset += record_size(rec.len);
	}
}

void world_flip_bit(struct world *w, struct rng *r)
{
	uint64_t ids[4096], id, offset;
	size_t count = vdisk_segments(w->v, ids, 4096);
	unsigned char byte;

	if (count == 0 || w->flip_count == sizeof(w->flips) / sizeof(w->flips[0]))
		return;
	id = ids[rng_below(r, count < 4096 ? count : 4096)];
	if (vdisk_size(w->v, id) == 0)
		return;
	offset = rng_below(r, vdisk_size(w->v, id));
	/* One copy of the superblock stays whole: losing both loses the segment. */
	if (offset >= LOG_PAGE && offset < SEGMENT_START)
		offset -= LOG_PAGE;
	for (size_t i = 0; i < w->flip_count; i++) {
		if (w->flips[i].segment == id && w->flips[i].offset == offset)
			return; /* never heal what was damaged */
	}
	w->flips[w->flip_count++] = (struct world_flip){id, offset};
	if (offset >= SEGMENT_START)
		mark_damage(w, id, offset);
	byte = vdisk_bytes(w->v, id)[offset] ^ (unsigned char)(1u << rng_below(r, 8));
	vdisk_overwrite(w->v, id, offset, &byte, 1);
}
