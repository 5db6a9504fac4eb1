/*
 * What the store's own files share: store.c (open, close, counters), store_recover.c,
 * store_commit.c, store_read.c, store_chores.c, store_compact.c, store_scrub.c. Nobody else
 * includes this.
 */
#pragma once

#include "storage/daemon/cursor.h"
#include "storage/daemon/identity.h"
#include "storage/daemon/index.h"

/* An operation of the batch that is being put together. */
struct pending {
	struct store_op *op;
	struct store_place place;
	bool written; /* or it shares the fate of an earlier one that does the same */
};

struct batch {
	struct pending pending[STORE_GROUP_MAX];
	size_t count;
	uint64_t bytes;
	uint64_t first_seq;
	unsigned char heads[STORE_GROUP_MAX][RECORD_HEAD_MAX];
	struct iovec parts[STORE_GROUP_MAX * (STORE_PARTS_MAX + 2) + 1];
	size_t part_count;
};

struct store {
	struct disk *disk;
	struct index *index;
	struct segment_table segments;
	uint64_t segment_size, floor, checkpoint_bytes;
	/* Files among the segments that could not be used, and are left alone. */
	uint64_t *strays;
	size_t stray_count;

	pthread_mutex_t identity_lock;
	struct store_identity identity;

	/* The committer's, and recovery's before it. */
	uint64_t next_segment;
	uint64_t next_seq;
	struct store_place cut; /* segment ≠ 0: a write failed there; see store_commit.c */
	int stuck;		/* the cut could not be recorded by this group */
	struct batch *batch;

	pthread_mutex_t checkpointing;

	/* The chores thread's. */
	struct scrub *scrub; /* NULL until the first store_scrub() */

	_Atomic(struct segment *) open; /* set by the committer */
	_Atomic bool poisoned;
	_Atomic uint64_t good, bad, groups, unsaved;
	struct store_stats found; /* by recovery */
};

/* store.c */
void store_poison(struct store *s, const char *what, int rc);
/* Set an entry between index_begin and index_end, and keep the counters right. */
void store_apply(struct store *s, const struct index_entry *e);
/* Count an entry in (+1) or out (−1). */
void store_account(struct store *s, const struct index_entry *e, int sign);
/* Size of a new segment whose first record has so many bytes. */
uint64_t store_segment_size(const struct store *s, uint64_t record);
/* May PUTs begin one of this size, with so much free on the disk? */
bool store_may_begin(const struct store *s, uint64_t size, uint64_t free_bytes);

/* store_recover.c */
int store_recover(struct store *s, struct index_base *base, const char *name) MUST_CHECK;

/* store_commit.c: give the rest of the open segment back to the disk. */
int store_seal(struct segment *segment);

/* store_compact.c: is the newest segment large, and all dead? */
bool store_newest_is_dead(struct store *s);
/* store_scrub.c */
void store_scrub_free(struct store *s);
