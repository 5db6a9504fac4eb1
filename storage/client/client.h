/*
 * The storage cluster as seen by a gateway worker or a keeper: chunks in, chunks out.
 *
 * The client knows no database. Its owner gives it a snapshot of the map and of the nodes, and
 * a new one whenever it changes; daemons answer with their epoch, and when one knows a newer
 * epoch the owner is called to look. Each node has two connections (control, bulk) and is
 * pinged every second; one that does not answer for 3 s, or whose connection breaks, is down:
 * nothing is sent to it and nobody waits for it. All payload is struct buf of the one pool of
 * the process.
 *
 * Engines (storage/client/put.h, get.h, reader.h, admin.h) are callbacks; recipes use the
 * await_… functions named there. A chunk is named by struct wire_pair: SHA-256, gen and length.
 * One client a loop, loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/model/cluster.h"
#include "proto/wire/wire.h"

struct store_client;

enum store_trouble {
	STORE_COPY_BAD,	    /* bytes failed their CRC, or the daemon found them bad itself */
	STORE_COPY_MISSING, /* a member of the partition does not have the pair */
};

struct store_hooks {
	/*
	 * A daemon has heard of a newer epoch than ours: read the map again and call
	 * store_client_set_map(). Called at most once a second while that lasts.
	 */
	void (*on_stale)(void *arg, int64_t epoch);
	/* A copy is bad or missing at a node that should have it: its partition is due. May be
	 * NULL. */
	void (*on_trouble)(void *arg, enum store_trouble what, uint16_t node,
			   const struct wire_pair *chunk);
	void *arg;
};

/* `name` is told to the daemons for their logs. The hooks are copied. */
struct store_client *store_client_new(struct loop *l, struct buf_pool *pool, const char *name,
				      const struct store_hooks *hooks);
/* Every operation must have been ended; background copies are dropped. */
void store_client_free(struct store_client *c);

/*
 * Map and nodes, both copied. map NULL: no epoch is written yet, only the nodes. A map older
 * than the one in use is ignored, its nodes too. cluster_uuid: a daemon of another cluster is
 * never used; "" when not known. Nodes whose address changed are connected anew.
 */
void store_client_set_map(struct store_client *c, const char *cluster_uuid,
			  const struct cluster_map *map, const struct cluster_node *nodes,
			  size_t count);

/* Answered its last ping and serves. */
bool store_node_up(const struct store_client *c, uint16_t node);
/* As many nodes as a write needs are up, and take new bytes. */
bool store_client_writable(const struct store_client *c);
/* As many are up, full or not; for readiness: full disks must not end pulls as well. */
bool store_client_quorum_up(const struct store_client *c);
unsigned store_client_nodes_up(const struct store_client *c);
