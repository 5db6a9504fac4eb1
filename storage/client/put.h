/*
 * Writing a chunk: to R members at once, done at W durable copies, the rest in the background.
 *
 *   p = store_put_start(c, &chunk, blocks, count, timeout_ms);  does not wait
 *   rc = await_store_put(p);                                    W copies are durable, or not
 *   rc = await_store_put_rest(p, 250);                          a moment for the others
 *   n = store_put_owed(p, nodes);                               what to record as owed
 *   store_put_end(p);                                           always
 *
 * A member that is down, fails, or is slow while the quorum is open is replaced by the next
 * spare of the row; a copy on a spare counts for the quorum, and the member still owes. What is
 * reported is only what a daemon acknowledged after its fdatasync. After store_put_end() copies
 * still on their way go on until their deadline, holding their bufs; those not yet sent are
 * given up when the buffer pool is contended. A daemon with a newer epoch refuses: the owner's
 * on_stale is called, and the write goes on once under the new map.
 */
#pragma once

#include "proto/base/task.h"
#include "storage/client/client.h"

struct store_put;

/*
 * blocks: the chunk's bytes, at most 16 bufs, none empty, all but the last one exactly 256 KiB;
 * references are taken. chunk->len is their sum. Several puts may run at once for one upload.
 */
struct store_put *store_put_start(struct store_client *c, const struct wire_pair *chunk,
				  struct buf *const *blocks, unsigned count,
				  int64_t timeout_ms);

/* Engines: fn runs when the quorum is decided (rest: when no copy is under way any more). */
void store_put_on_quorum(struct store_put *p, void (*fn)(void *arg, int rc), void *arg);
void store_put_on_rest(struct store_put *p, void (*fn)(void *arg, int rc), void *arg);

/*
 * 0: at least W copies are durable. ERR_UNAVAILABLE: they cannot be made now. ERR_BAD_DIGEST: a
 * daemon found that the bytes are not those of the digest. -ETIMEDOUT, -ECANCELED.
 */
int await_store_put(struct store_put *p) MUST_CHECK;
/* Until every member acknowledged or cannot any more, at most ms. -ECANCELED is the only error.
 */
int await_store_put_rest(struct store_put *p, int64_t ms) MUST_CHECK;

/* Decided? and how: 1 still open, otherwise the result of await_store_put(). */
int store_put_result(const struct store_put *p);
/* No copy is under way any more, and none will be. */
bool store_put_settled(const struct store_put *p);
/* The epoch under which the copies were made: goes into the chunk's row. */
int64_t store_put_epoch(const struct store_put *p);
/* Members of the partition that have not acknowledged until now; returns how many. */
unsigned store_put_owed(const struct store_put *p, uint16_t nodes[MAP_REPLICAS_MAX]);
/* The same as a bit set: bit i for the i-th member of the row has acknowledged. */
unsigned store_put_acked(const struct store_put *p);

/* Always, on every path, also before a quorum. The handle is gone then. */
void store_put_end(struct store_put *p);
