/*
 * One segment file: made, opened, walked; and the table of all of them.
 *
 * A segment is written by the committer while it is the open one, at its end only; whatever
 * lies before its end is never written again. struct segment lives as long as its table.
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
};

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
void segment_free(struct segment *s);

/* A record found; `good`: its payload, if any, passes its check as well. */
typedef void segment_visit(void *arg, const struct record *r, bool good);

/*
 * Read the medium from offset `from` (a multiple of LOG_PAGE) up to `to` and visit every record
 * that is one. What is not is stepped over: after damage, the next record is found at the next
 * multiple of 64 bytes. Pages that cannot be read count as damage. Returns the offset, a
 * multiple of LOG_PAGE, after which everything up to `to` is zeros.
 */
uint64_t segment_walk(struct segment *s, uint64_t from, uint64_t to, segment_visit *visit,
		      void *arg);

struct segment_table {
	pthread_rwlock_t lock;
	struct segment **all; /* by ascending id */
	size_t count;
};

void segment_table_init(struct segment_table *t);
void segment_table_fini(struct segment_table *t); /* frees the segments */
/* Ids ascend: the new one is larger than all before. */
void segment_table_add(struct segment_table *t, struct segment *s);
/* NULL when there is no such segment. */
struct segment *segment_table_find(struct segment_table *t, uint64_t id);
