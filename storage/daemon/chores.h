/*
 * What a store does when nobody asks it: give room back (compaction) and re-read what it holds
 * (scrub). Part of store.h's contract, for the one thread that does these chores.
 *
 * Compaction takes a segment that is mostly dead (the victim), appends what still counts to the
 * log, and removes the file once a checkpoint covers that and no reader holds it. It does so
 * with operations that only it sends:
 *
 *   STORE_MOVE  a PUT that is written only while the index still points at op.from
 *   STORE_KEEP  a DEL that is written only while the index has no such good copy
 *   STORE_SEAL  begin a new segment if the newest is large and all dead
 *
 * Their result is ERR_CONFLICT when somebody was faster or it is not needed any more: as good
 * as 0.
 */
#pragma once

#include "storage/daemon/store.h"

/* What the chores need of their surroundings. */
struct chores {
	/* store_commit() on the committer's thread; returns when it is done. */
	void (*commit)(void *arg, struct store_op *const ops[], size_t count);
	/* So many bytes were read or written: sleep as the rate wants. False: stop. */
	bool (*pace)(void *arg, uint64_t bytes);
	/* A copy failed its check and has left the index: another replica must heal it. */
	void (*on_bad)(void *arg, const struct chunk_key *key);
	void *arg;
};

/* What was done; calls add to it. */
struct chores_report {
	uint64_t moved;		/* copies */
	uint64_t moved_bytes;	/* of the log, for them */
	uint64_t kept;		/* DEL records written again */
	uint64_t segments;	/* removed */
	uint64_t freed_bytes;	/* of the disk, with them */
	uint64_t checked;	/* copies read by the scrub and found good */
	uint64_t checked_bytes; /* of the log, that hold them */
	uint64_t bad;		/* copies found bad by either */
	uint64_t passes;	/* of the scrub over everything, finished */
};

/*
 * Deal with one victim: a segment of which less than `percent` (1…90) counts.
 * Returns 1: did something, there may be more; 0: there is no victim; -ECANCELED: pace said
 * stop; -EAGAIN: somebody else was at work on a copy in it; other errors: try again later,
 * nothing is lost. A copy that fails its SHA-256 is not
 * moved; it leaves the index.
 */
int store_compact(struct store *s, const struct chores *c, unsigned percent,
		  struct chores_report *out) MUST_CHECK;

/*
 * Read the next piece of the log, one segment at most, if one is due: every copy once in
 * `age_s` seconds, and the first time within a quarter of that or six hours. `now_s` is the
 * time of day in seconds; the place is kept on the disk. Results as above. A copy that fails
 * its SHA-256 leaves the index.
 */
int store_scrub(struct store *s, const struct chores *c, int64_t age_s, int64_t now_s,
		struct chores_report *out) MUST_CHECK;
