/*
 * What the files of the storage client share: the client itself. Not for its users.
 */
#pragma once

#include "storage/client/client.h"
#include "storage/client/node.h"

struct store_put;

struct store_client {
	struct loop *loop;
	struct buf_pool *pool;
	struct store_hooks hooks;
	char name[WIRE_NAME_MAX];
	char cluster_uuid[WIRE_UUID_MAX];
	struct cluster_map map; /* table NULL: none yet */
	TAILQ_HEAD(, node) nodes;
	size_t node_count;
	struct timer tick;
	int64_t tick_ms; /* when it came last */
	struct deferred stale;
	int64_t heard_epoch; /* highest that a daemon named */
	int64_t told_ms;     /* when the owner was last told */
	int64_t trouble_ms;  /* when one was last logged, and how many came since */
	unsigned troubles;
	TAILQ_HEAD(, store_put) puts;
	unsigned operations;
};

/* NULL for an id that is not in the snapshot. */
struct node *client_node(const struct store_client *c, uint16_t id);
/* Row of the chunk's partition; NULL without a map. */
const uint16_t *client_row(const struct store_client *c, const struct wire_pair *chunk);
/* A reply came: look at its epoch. */
void client_hear_epoch(struct store_client *c, int64_t epoch);
void client_trouble(struct store_client *c, enum store_trouble what, const struct node *n,
		    const struct wire_pair *chunk);
/* A request with the client's epoch and the request id of whatever runs now. */
void client_request(const struct store_client *c, enum wire_op op, struct wire_request *out);

/* Told by the client: the map changed; a tick, for background copies. Defined in put.c. */
void put_on_map(struct store_client *c);
void put_on_tick(struct store_client *c, int64_t now_ms);
void put_drop_all(struct store_client *c);
