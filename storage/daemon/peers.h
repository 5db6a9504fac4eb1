/*
 * Links to other daemons' bulk sockets, for PULL: opened when first needed, kept while in use,
 * and closed when idle for PEERS_IDLE_MS. Loop thread only.
 */
#pragma once

#include "proto/base/buf.h"
#include "proto/base/task.h"
#include "proto/wire/link.h"

#define PEERS_IDLE_MS 60000

struct peers;
struct peer;

struct peers *peers_new(struct loop *l, struct buf_pool *pool);
/* Nobody may hold a peer. */
void peers_free(struct peers *p);

/*
 * From a task: a link that is up, to be given back with peer_put() whatever happens to it.
 * -ETIMEDOUT when there is no connection in time, -ECANCELED, -EINVAL for an address that is
 * not numeric, ERR_LIMIT when there are too many.
 */
int await_peer(struct peers *p, const char *address, int64_t timeout_ms,
	       struct peer **out) MUST_CHECK;
struct link *peer_link(struct peer *peer);
void peer_put(struct peer *peer);
