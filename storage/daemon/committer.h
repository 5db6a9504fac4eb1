/*
 * The thread that writes: group commit.
 *
 * Commits queue up while the disk works on a group; the next group is all that waits, up to
 * COMMITTER_GROUP_BYTES or STORE_GROUP_MAX operations. An idle disk starts at once. Each
 * commit's done is called on the loop after its group is durable, or has failed. Another thread
 * waits for its operations instead: committer_wait().
 */
#pragma once

#include <sys/queue.h>

#include "proto/base/loop.h"
#include "proto/base/mailbox.h"
#include "storage/daemon/store.h"

#define COMMITTER_GROUP_BYTES ((size_t)32 << 20)

struct committer;

/* Embedded in its owner; lives until done. Either ops, or something else for the same thread.
 */
struct commit {
	struct store_op *ops; /* each with its own result afterwards */
	size_t count;	      /* 1…STORE_GROUP_MAX; 0: run */
	size_t bytes;	      /* of payload */
	void (*run)(struct commit *c, struct store *s);
	void (*done)(struct commit *c); /* NULL: committer_wait()'s */
	bool finished;			/* the same */
	struct letter letter;
	TAILQ_ENTRY(commit) link;
};

struct committer *committer_new(struct loop *l, struct store *s);
/* What is queued is done first, with its done calls. Call on the loop's thread. */
void committer_free(struct committer *c);
/* From the loop's thread. */
void committer_submit(struct committer *c, struct commit *commit);
/*
 * From a thread of its own, which ends before the committer is freed: do the operations
 * (1…STORE_GROUP_MAX, with `bytes` of payload in all) and return.
 */
void committer_wait(struct committer *c, struct store_op *ops, size_t count, size_t bytes);
