/*
 * One segment file: made, opened; and the table of all of them. Reading it: cursor.h.
 *
 * A segment is written by the committer while it is the open one, at its end only; whatever
 * lies before its end is never written again.
 *
 * Compaction removes segments while others read. Whoever uses one that may be removed holds it:
 * segment_table_hold() … segment_release(). The file of a segment that is held is there. Not
 * removed, ever, is the open segment, and recovery is alone.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "storage/daemon/disk.h"
#include "storage/daemon/record.h"

struct segment {
	struct superblock super;
	struct disk_file *file;
	_Atomic uint64_t size; /* of the file */
	/* Where the next batch goes; of a segment of an earlier life: where its data ends. */
	_Atomic uint64_t end;
	/* Bytes of records that the index calls good. The rest up to the end is dead. */
	_Atomic uint64_t live;
	/* Bytes of DEL records; SEGMENT_UNKNOWN until somebody has counted them. */
	_Atomic uint64_t deletes;
	_Atomic unsigned holders; /* the table, and those who use it */
	bool put_off; /* the chores': compaction has failed here, others come first */
	bool retired; /* under the table's lock: to be removed, not held any more */
};

#define SEGMENT_UNKNOWN UINT64_MAX

/* Bytes of its records. */
static inline uint64_t segment_used(const struct segment *s)
{
	return s->end > SEGMENT_START ? s->end - SEGMENT_START : 0;
}

/*
 * Make segment super->segment with room for `size` bytes, durable with its name on return.
 * *unsynced is set when a sync failed: the disk is poisoned. -ENOSPC, -errno.
 */
int segment_create(struct disk *d, const struct superblock *super, uint64_t size,
		   struct segment **out, bool *unsynced) MUST_CHECK;
/*
 * ERR_NOT_FOUND: nothing was ever written to it. ERR_CORRUPT: both superblocks are damaged.
 * -EPROTO: of a newer version.
 */
int segment_open(struct disk *d, uint64_t id, struct segment **out) MUST_CHECK;
void segment_release(struct segment *s); /* NULL is fine */

struct segment_table {
	pthread_rwlock_t lock;
	struct segment **all; /* by ascending id */
	size_t count, room;
};

void segment_table_init(struct segment_table *t);
void segment_table_fini(struct segment_table *t); /* nobody holds a segment */
/* Ids ascend: the new one is larger than all before. */
void segment_table_add(struct segment_table *t, struct segment *s);
/* NULL when there is no such segment, or when it is to be removed. */
struct segment *segment_table_hold(struct segment_table *t, uint64_t id);
/* It is not held any more from now on. */
void segment_table_retire(struct segment_table *t, struct segment *s);
/* The first retired segment with a larger id that nobody holds, or NULL. */
struct segment *segment_table_unheld(struct segment_table *t, uint64_t after);
/* Its file is gone for good. */
void segment_table_remove(struct segment_table *t, struct segment *s);
