/*
 * The index: key → place in the log. A cache of the log: losing it costs a replay.
 *
 *   active   memory   changes since the last checkpoint began     set by the committer
 *   frozen   memory   changes that a running checkpoint writes
 *   base     disk     everything up to the watermark              written by a checkpoint only
 *
 * A lookup takes the first of the three that knows the key. Any thread may look up; index_begin
 * … index_end is the committer's, index_checkpoint one checkpoint thread's.
 */
#pragma once

#include "storage/daemon/delta.h"

/* The log up to this place is in the base. */
struct watermark {
	struct store_place place; /* segment 0: nothing is */
	uint64_t seq;		  /* of the last record before it */
};

struct index_base;

/* Errors other than ERR_NOT_FOUND mean that the base is unusable now. */
struct index_base_ops {
	/* Where the base of this node ends; ERR_NOT_FOUND: empty, or not this node's. */
	int (*load)(struct index_base *b, const unsigned char node[STORE_UUID_SIZE],
		    struct watermark *out);
	/* Empty it, and let it be this node's. */
	int (*reset)(struct index_base *b, const unsigned char node[STORE_UUID_SIZE]);
	int (*get)(struct index_base *b, const struct chunk_key *key, struct index_entry *out);
	/* Entries with from ≤ key ≤ to, in order, up to max. */
	int (*list)(struct index_base *b, const struct chunk_key *from,
		    const struct chunk_key *to, struct index_entry *out, size_t max,
		    size_t *count);
	/* All of it or nothing, durable on return. Entries are in key order; GONE deletes. */
	int (*apply)(struct index_base *b, const struct index_entry *entries, size_t count,
		     const struct watermark *mark);
	/* It has been read from end to end, or made anew, and this process is still alive. */
	void (*trust)(struct index_base *b);
	void (*free)(struct index_base *b);
};

struct index_base {
	const struct index_base_ops *ops;
};

/*
 * The real one: an LMDB environment in folder `dir`, made if absent. One that twice in a row
 * took the process with it before trust() is thrown away.
 */
int index_lmdb_open(const char *dir, struct index_base **out) MUST_CHECK;

struct index;

/* The base belongs to the index from now on. */
struct index *index_new(struct index_base *base);
void index_free(struct index *ix);

/* 0 and the entry (GOOD or BAD); ERR_NOT_FOUND; errors of the base. */
int index_get(struct index *ix, const struct chunk_key *key,
	      struct index_entry *out) MUST_CHECK;
/* GOOD and BAD entries with from ≤ key ≤ to, in order, up to max; fewer: there are no more. */
int index_list(struct index *ix, const struct chunk_key *from, const struct chunk_key *to,
	       struct index_entry *out, size_t max, size_t *count) MUST_CHECK;

/* A set of changes that a checkpoint takes as a whole; `mark` is the end of the log with them.
 */
void index_begin(struct index *ix);
/* True, and *old: the key had an entry (GOOD or BAD). */
bool index_set(struct index *ix, const struct index_entry *e, struct index_entry *old);
void index_end(struct index *ix, const struct watermark *mark);
/* GOOD → BAD if the entry still has this place; says whether it did. Any thread. */
bool index_mark_bad(struct index *ix, const struct chunk_key *key,
		    const struct store_place *place, struct index_entry *out);

/* Bring the base up to the last index_end(); `*done` is where that was. */
int index_checkpoint(struct index *ix, struct watermark *done) MUST_CHECK;
