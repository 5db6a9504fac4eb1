/*
 * The chunk store: durable copies of chunks on one disk, named (digest, gen).
 *
 * An append-only log in segment files is the truth, an index beside it is a cache of it. What
 * store_commit() answered with 0 survives any crash and power cut; what it answered with an
 * error may or may not have happened, until the next group that succeeds: then it has not.
 *
 * Threads. Besides store_open() and store_close(), which stand alone:
 *   one committer thread   store_commit(), store_adopt_cluster()
 *   one checkpoint thread  store_checkpoint()
 *   one chores thread      store_compact(), store_scrub(): chores.h
 *   any number of readers  store_read(), store_has(), store_drop_bad(), store_list(),
 *                          store_block_crcs(), and all that only ask
 * All of them may run at the same time, and each may block on the disk.
 *
 * The store checks CRC32C only. That the bytes of a PUT have the digest they are sent under is
 * checked by the caller, before the commit. A process holds one file open for each segment:
 * the daemon raises its limit of open files.
 */
#pragma once

#include <sys/uio.h>

#include "proto/base/err.h"
#include "storage/daemon/key.h"

struct disk;
struct index_base;
struct store;

/* Operations in one group at most. Groups beyond some 32 MiB gain nothing. */
#define STORE_GROUP_MAX 256
/* Parts of one payload at most: 16 blocks of 256 KiB. */
#define STORE_PARTS_MAX 16

#define STORE_UUID_SIZE 16
#define STORE_NAME_MAX	64

struct store_options {
	const char *name;	   /* of the daemon; kept in the identity; "" is fine */
	uint64_t segment_size;	   /* bytes; a segment is larger when one record needs it */
	uint64_t floor;		   /* bytes of the disk that PUTs leave free */
	uint64_t checkpoint_bytes; /* a checkpoint is due after so many bytes of log */
};

/* Who this disk is. Made with the disk, never changed but for one thing: `cluster`, once. */
struct store_identity {
	unsigned char node[STORE_UUID_SIZE];
	unsigned char cluster[STORE_UUID_SIZE]; /* zeros: belongs to no cluster yet */
	char name[STORE_NAME_MAX + 1];
};

/*
 * Open the store in folder `dir` (made if absent, with its index in LMDB), and recover:
 * everything after the last checkpoint is replayed. Rot, torn writes, a lost index are no
 * reason to refuse. -EBUSY: another process has it. -EPROTO: the disk is of a newer format.
 * ERR_CONFLICT: the disk belongs to a daemon of another name. -errno: the folder is not usable.
 */
int store_open_dir(const char *dir, const struct store_options *o,
		   struct store **out) MUST_CHECK;
/* The same on any disk and index; both belong to the store from now on, also after an error. */
int store_open(struct disk *disk, struct index_base *base, const struct store_options *o,
	       struct store **out) MUST_CHECK;
/*
 * Clean stop: checkpoint and close the last segment, so that the next start has nothing to
 * replay. Always frees; an error only says that the next start replays. No other call runs.
 */
int store_close(struct store *s);

void store_identity(const struct store *s, struct store_identity *out);
/*
 * The cluster this disk belongs to, on disk when it returns 0. Given again: 0. ERR_CONFLICT:
 * it belongs to another one; the daemon must not serve.
 */
int store_adopt_cluster(struct store *s,
			const unsigned char cluster[STORE_UUID_SIZE]) MUST_CHECK;

/* Where a copy lies in the log. To the caller: a token for store_drop_bad(). */
struct store_place {
	uint64_t segment;
	uint64_t offset;
};

/* The last three are compaction's: see chores.h. */
enum store_op_kind { STORE_PUT, STORE_DEL, STORE_MOVE, STORE_KEEP, STORE_SEAL };

struct store_op {
	enum store_op_kind kind;
	struct chunk_key key;
	struct store_place from; /* MOVE only */
	/* PUT and MOVE only. Parts of any size, `len` in all (0…CHUNK_MAX), not copied,
	 * unchanged until store_commit() returns; crcs = store_block_crcs() of them. */
	const struct iovec *parts;
	int part_count;
	uint32_t len;
	const uint32_t *crcs;
	/* Out: 0: durable. ERR_FULL: no room for a PUT. ERR_POISONED: see store_poisoned().
	 * -errno: a write failed; the operation may be sent again. */
	int result;
};

/*
 * Do 1…STORE_GROUP_MAX operations as one group, in their order; each gets its result. Returns
 * after the fdatasync. PUT of a good copy that exists and DEL of a missing one are 0 at once.
 */
void store_commit(struct store *s, struct store_op *const ops[], size_t count);

/* CRC32C of each CHUNK_BLOCK of the parts; returns their number. Out: CHUNK_BLOCKS_MAX at most.
 */
uint32_t store_block_crcs(const struct iovec *parts, int part_count,
			  uint32_t crcs[CHUNK_BLOCKS_MAX]);

static inline bool store_place_equal(const struct store_place *a, const struct store_place *b)
{
	return a->segment == b->segment && a->offset == b->offset;
}

struct store_piece {
	uint32_t chunk_len; /* of the whole chunk */
	uint32_t len;	    /* bytes delivered */
	uint32_t blocks;    /* number of crcs */
	uint32_t crcs[CHUNK_BLOCKS_MAX];
	struct chunk_key key; /* the copy that was read: the gen may be another one */
	struct store_place place;
};

/*
 * Read [offset, offset + len) of a chunk into buf, clipped to the end of the chunk. offset is a
 * multiple of CHUNK_BLOCK and at most the chunk's length; len is a multiple of CHUNK_BLOCK too
 * (ERR_LIMIT otherwise). Every delivered block has passed its CRC, and the record names the
 * key. any_gen: when there is no good copy under key->gen, one under another gen will do.
 *
 * ERR_NOT_FOUND: no such copy. ERR_CORRUPT: this copy failed a check; -EIO and other -errno:
 * the disk could not read it. In both cases out->key and out->place name it for
 * store_drop_bad(); segment 0: it was the index that could not be read, nothing is to be
 * dropped.
 */
int store_read(struct store *s, const struct chunk_key *key, bool any_gen, uint32_t offset,
	       uint32_t len, void *buf, struct store_piece *out) MUST_CHECK;

/* Is there a copy (as far as the index knows)? Its length in *len, which may be NULL. */
bool store_has(struct store *s, const struct chunk_key *key, uint32_t *len);

/*
 * A copy failed a check: it no longer counts as existing, so that a PUT writes it anew; DEL
 * still removes it. Does nothing when the copy has been replaced since (place differs).
 */
void store_drop_bad(struct store *s, const struct chunk_key *key,
		    const struct store_place *place);

struct store_entry {
	struct chunk_key key;
	uint32_t len;
};

/*
 * Up to max good copies of partitions first…last (inclusive, 0…PARTITIONS − 1), in key order,
 * from the one after `after` (NULL: from the start). Returns 0 and *count; fewer than max: the
 * end was reached.
 */
int store_list(struct store *s, uint32_t first, uint32_t last, const struct chunk_key *after,
	       struct store_entry *out, size_t max, size_t *count) MUST_CHECK;

/*
 * Bring the index on disk up to the log. To be called when store_checkpoint_due(), and every
 * half a minute or so. An error (no room, EIO) loses nothing: the next one does more.
 */
int store_checkpoint(struct store *s) MUST_CHECK;
bool store_checkpoint_due(const struct store *s);

/*
 * An fdatasync failed in this life of the process: what the disk holds is unknown, nothing is
 * acknowledged any more, reads go on. Only a restart, which reads the medium anew, ends it.
 */
bool store_poisoned(const struct store *s);

struct store_stats {
	uint64_t chunks;	/* good copies */
	uint64_t bad_chunks;	/* copies dropped as bad and not yet replaced */
	uint64_t live_bytes;	/* of the log, that hold good copies */
	uint64_t dead_bytes;	/* of the log, that compaction would free */
	uint64_t segments;	/* files */
	uint64_t segment_bytes; /* their sizes in all */
	uint64_t free_bytes;	/* of the disk */
	uint64_t room_bytes;	/* bytes that PUTs may still fill, about */
	bool full;		/* a PUT of CHUNK_MAX bytes would meet ERR_FULL */
	uint64_t groups;	/* committed in this life */
	uint64_t unsaved_bytes; /* of the log, after the last checkpoint */
	/* What recovery found when the store was opened. */
	uint64_t replayed;	 /* records */
	uint64_t replayed_bad;	 /* records whose payload fails its check */
	uint64_t replayed_gaps;	 /* records that are missing in the order of the log */
	uint64_t replayed_bytes; /* of the log, read */
	bool index_rebuilt;	 /* there was no usable checkpoint */
	bool stopped_clean;	 /* nothing had to be replayed */
};

void store_stats(struct store *s, struct store_stats *out);
