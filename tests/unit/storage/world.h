/*
 * A store on a virtual disk beside the model of what it must hold.
 *
 * The model is a table of (digest, gen) → present or not, and what is excused: an operation
 * that was answered with an error may have happened once the process died (`maybe`), a chunk
 * whose record was damaged may be gone (`damaged`), a deletion whose record was damaged may be
 * undone (`ghost`). Everything else must be as the model says, after whatever happened.
 *
 * Every call returns false when store and model differ; world->error then says how.
 */
#pragma once

#include "storage/daemon/store.h"
#include "tests/unit/storage/tindex.h"
#include "tests/unit/storage/vdisk.h"

#define WORLD_DIGESTS 44
#define WORLD_GENS    2
#define WORLD_KEYS    (WORLD_DIGESTS * WORLD_GENS)
#define WORLD_SEGMENT ((uint64_t)1 << 20)
#define WORLD_FLOOR   (8 * WORLD_SEGMENT)

struct world_key {
	struct chunk_key key;
	int digest; /* its number */
	bool present, maybe, damaged, ghost;
};

struct world_flip {
	uint64_t segment, offset;
};

struct world {
	struct vdisk *v;
	struct tindex *index;
	struct store *s; /* NULL: no process runs */
	struct world_key keys[WORLD_KEYS];
	bool full, poisoned;
	struct world_flip flips[64];
	size_t flip_count;
	uint64_t restarts, commits, reads;
	int64_t now_s;				     /* for the scrub */
	uint64_t moved, removed, checked, found_bad; /* by the chores */
	char error[256];
};

/* The chunks of all worlds: made once from fixed numbers. */
void world_setup(void);
uint32_t world_len(int digest);
const unsigned char *world_bytes(int digest);
const uint32_t *world_crcs(int digest);

/* A fresh disk; nothing runs yet. */
struct world *world_new(uint64_t seed);
void world_free(struct world *w);
/* The disks and the model, without the process. */
struct world *world_clone(const struct world *w);

/* Start a process, and compare everything. */
bool world_start(struct world *w);
/* A clean stop; kill -9; a power cut. Then the index may be an older one. */
bool world_stop(struct world *w);
void world_kill(struct world *w);
void world_power_cut(struct world *w, enum power_cut kind);

/* A random group of operations. `excused`: a fault was arranged, so errors are in order. */
bool world_commit(struct world *w, struct rng *r, bool excused);
bool world_read(struct world *w, struct rng *r, bool excused);
bool world_list(struct world *w, struct rng *r);
bool world_compare(struct world *w);
/*
 * Compact until there is nothing more to do; read it all with SHA-256. While they work, other
 * operations come between any two of their steps.
 */
bool world_compact(struct world *w, struct rng *r, bool excused);
bool world_scrub(struct world *w, struct rng *r, bool excused);
/* Delete everything, compact, and see that the room comes back. */
bool world_empty(struct world *w, struct rng *r);
/* Another program fills the disk up to the floor, or goes away. */
void world_fill(struct world *w, bool full);
/* Flip one bit somewhere in a segment. */
void world_flip_bit(struct world *w, struct rng *r);
