/*
 * The keeper's connections to the storage daemons: map, client, and what they list.
 */
#pragma once

#include "metadb/keeper/compare.h"
#include "metadb/map_watch.h"
#include "storage/client/client.h"

struct cluster {
	struct map_watch *map;
	struct store_client *store;
};

/* `name` is kept by reference. */
void cluster_open(struct cluster *c, struct loop *l, struct buf_pool *pool, struct metadb *db,
		  const char *name);
/* No task uses it any more. Before metadb_close(). */
void cluster_close(struct cluster *c);

/* Ids of all live nodes, in the arena; 0 while there is no map. */
size_t cluster_nodes(const struct cluster *c, struct arena *a, uint16_t **out);
/* Those of them that are up now. */
size_t cluster_nodes_up(const struct cluster *c, struct arena *a, uint16_t **out);
/* The partitions in which a node stands, as member or spare. */
size_t cluster_parts(const struct cluster *c, struct arena *a, uint16_t node, uint16_t **out);

/*
 * What each of these nodes holds of some partitions (ascending), asked one after the other: an
 * array of `nodes` lists for each. A node that does not answer, or starts anew meanwhile, is
 * not known. 0, or -ECANCELED.
 */
int await_cluster_list(struct cluster *c, struct arena *a, const uint16_t *part, size_t parts,
		       const uint16_t *node, size_t nodes, struct node_list **out) MUST_CHECK;
/* Delete pairs on one node, in pages; 0 when all are durably gone. */
int await_cluster_drop(struct cluster *c, uint16_t node, const struct wire_pair *pair,
		       size_t count) MUST_CHECK;
