/*
 * The keeper's side of the cluster: its uuid, registering nodes, the first epoch, signing keys.
 *
 * Safe for several keepers at once: unique indexes and transaction-level advisory locks decide.
 * Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/map_watch.h"
#include "metadb/metadb.h"

/* The row that makes this database a cluster's; text form with NUL. */
int await_cluster_uuid(struct metadb *db, char uuid[37]) MUST_CHECK;

/* What a daemon says of itself. */
struct node_notice {
	char uuid[37];
	char name[NODE_NAME_MAX];
	char zone[NODE_NAME_MAX];
	char control[NODE_ADDRESS_MAX];
	char bulk[NODE_ADDRESS_MAX];
	uint64_t incarnation;
	int64_t total;
	int64_t used;
};
/*
 * Its row id, made when it is new. ERR_CONFLICT: the name belongs to another live disk;
 * ERR_DENIED: the disk was retired; ERR_SYNTAX: no uuid. *changed: it is new or says something
 * else.
 */
int await_node_register(struct metadb *db, const struct node_notice *n, uint16_t *id,
			bool *changed) MUST_CHECK;

/*
 * An empty disk under the name of a node that has been silent for so long: the old identity is
 * retired, this one registered, and an epoch written in which it stands in the old one's place;
 * all partitions of it are due. 1: done; 0: the name's owner is alive, or nobody has the name.
 */
int await_node_replace(struct metadb *db, const struct node_notice *n,
		       int64_t silence_ms) MUST_CHECK;

/*
 * Writes epoch 1 over the nodes with these names once all of them are registered. replicas 0:
 * the default for their number. 1: written; 0: there is one, or nodes are missing; ERR_LIMIT:
 * more replicas than nodes.
 */
int await_first_epoch(struct metadb *db, const char *const *name, size_t count,
		      unsigned replicas) MUST_CHECK;

/* A new signing key if one is due: 1, else 0. */
int await_signing_key_rotate(struct metadb *db) MUST_CHECK;

struct cluster_figures {
	int64_t epoch; /* 0: none */
	int64_t nodes;
	int64_t nodes_alive;
	int64_t partitions_owing; /* with at least one debt */
	int64_t uploads_open;
};
int await_cluster_figures(struct metadb *db, struct cluster_figures *out) MUST_CHECK;
