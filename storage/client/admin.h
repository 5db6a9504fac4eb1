/*
 * What a keeper asks of one daemon: list partitions, delete pairs, pull a copy from a peer.
 *
 * From tasks. Each goes to the named node and to no other; ERR_UNAVAILABLE when it is down or
 * lost, -ETIMEDOUT, -ECANCELED, or what the daemon answered.
 */
#pragma once

#include "proto/base/arena.h"
#include "proto/base/task.h"
#include "storage/client/client.h"

struct store_listing {
	struct wire_pair *chunks; /* in the arena, in order of (digest, gen) */
	size_t count;
	bool more;	      /* ask again, after the last one */
	unsigned partitions;  /* so many of those asked for; an older daemon knows 1 only */
	uint64_t incarnation; /* of the daemon: the pages of a listing must agree in it */
};

/*
 * Up to `limit` (≤ WIRE_PAIRS_MAX) pairs of `count` partitions from `first` on; after NULL:
 * from the beginning.
 */
int await_store_list(struct store_client *c, uint16_t node, unsigned first, unsigned count,
		     const struct wire_pair *after, unsigned limit, int64_t timeout_ms,
		     struct arena *a, struct store_listing *out) MUST_CHECK;

/* Durably gone when 0; count ≤ WIRE_PAIRS_MAX; a pair that is not there is fine. */
int await_store_del(struct store_client *c, uint16_t node, const struct wire_pair *chunks,
		    size_t count, int64_t timeout_ms) MUST_CHECK;

/* `node` fetches the chunk (with its length) from `source` and keeps it; durable when 0. */
int await_store_pull(struct store_client *c, uint16_t node, uint16_t source,
		     const struct wire_pair *chunk, int64_t timeout_ms) MUST_CHECK;

/* `node` checks its copy against the SHA-256 and drops it from its index when it is bad. */
int await_store_verify(struct store_client *c, uint16_t node, const struct wire_pair *chunk,
		       int64_t timeout_ms, bool *dropped) MUST_CHECK;
