/*
 * Reading a piece of a chunk from whichever copy answers first with good bytes.
 *
 * Members that are up come first (the fastest one lately), then spares, then every other node
 * that is up. The next one is asked when a copy is missing, bad or its node lost, and also when
 * an answer takes longer than most did lately (hedging); the first good answer wins. Each 64
 * KiB block is checked against its CRC32C before the bytes are handed on. A bad copy is
 * reported to the owner and to its daemon, which checks it and drops it.
 */
#pragma once

#include "proto/base/task.h"
#include "storage/client/client.h"

struct store_get;

/*
 * 0: *piece holds `length` verified bytes (the callee owns the reference).
 * ERR_NOT_FOUND: all nodes of the map are up and none has it. ERR_UNAVAILABLE: not all could be
 * asked. -ETIMEDOUT: nobody answered in time.
 */
typedef void store_get_fn(void *arg, int rc, struct buf *piece);

/*
 * offset: a multiple of 64 KiB; length: 1…WIRE_PIECE_MAX, up to a multiple of 64 KiB or the
 * chunk's end. The caller has reserved `length` bytes in the pool, and gives them back when
 * done was called.
 */
struct store_get *store_get_start(struct store_client *c, const struct wire_pair *chunk,
				  uint32_t offset, uint32_t length, int64_t timeout_ms,
				  store_get_fn *done, void *arg);
/* Always: cancels when not done. */
void store_get_end(struct store_get *g);

/* From a task: reserves, reads, gives the reservation back. Result as above, or -ECANCELED. */
int await_store_get(struct store_client *c, const struct wire_pair *chunk, uint32_t offset,
		    uint32_t length, int64_t timeout_ms, struct buf **piece) MUST_CHECK;
