/*
 * The cluster map: which storage nodes hold which partition, in one epoch.
 *
 * A chunk's partition is the top 14 bits of its SHA-256, fixed for the life of a cluster. An
 * epoch's table names, for each partition, R members and up to MAP_SPARES spares, in order of
 * preference, spread over zones as far as there are zones. The table is computed once, by the
 * keeper (map_compute), stored as bytes, and read by everyone else. Pure; any thread once
 * built.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/err.h"

#define PARTITIONS	 16384
#define MAP_REPLICAS_MAX 8
#define MAP_SPARES	 2
#define MAP_NODE_NONE	 0xffff

#define NODE_NAME_MAX	 64
#define NODE_ADDRESS_MAX 64
#define NODE_UUID_MAX	 37

/* The partition of a chunk digest. */
unsigned partition_of(const unsigned char sha256[32]);

struct map_node {
	uint16_t id;	 /* row id of the node, 1…65534 */
	unsigned weight; /* ≥ 1 */
	char uuid[NODE_UUID_MAX];
	char zone[NODE_NAME_MAX];
};

struct cluster_map {
	int64_t epoch;
	unsigned replicas; /* R, 1…MAP_REPLICAS_MAX */
	/* PARTITIONS rows of replicas + MAP_SPARES ids; MAP_NODE_NONE where there are too few.
	 */
	uint16_t *table;
};

/* A storage node as its registration tells: who it is and where it is reached. */
struct cluster_node {
	uint16_t id; /* as in the map's table */
	char uuid[NODE_UUID_MAX];
	char name[NODE_NAME_MAX];
	char zone[NODE_NAME_MAX];
	char control[NODE_ADDRESS_MAX]; /* numeric ADDR:PORT */
	char bulk[NODE_ADDRESS_MAX];
	bool alive; /* announced itself lately (a hint only) */
};

/* R that a setting of 0 means, and W that belongs to R. */
unsigned map_default_replicas(unsigned nodes);
unsigned map_write_quorum(unsigned replicas);

/*
 * Two-level weighted rendezvous: zones first, then a node in each zone. Deterministic in node
 * uuids, zones and weights. ERR_LIMIT when there are fewer nodes than replicas.
 */
int map_compute(const struct map_node *nodes, size_t count, unsigned replicas, int64_t epoch,
		struct cluster_map *out) MUST_CHECK;
void map_fini(struct cluster_map *m);

/* Row of a partition: replicas members, then MAP_SPARES spares. */
const uint16_t *map_row(const struct cluster_map *m, unsigned partition);
bool map_is_member(const struct cluster_map *m, unsigned partition, uint16_t node);

/* Stored form: version, R, then the table as little-endian u16; a CRC32C at the end. */
size_t map_encoded_size(unsigned replicas);
void map_encode(const struct cluster_map *m, unsigned char *out);
/* ERR_CORRUPT when it does not fit its own description. */
int map_decode(const void *bytes, size_t len, int64_t epoch,
	       struct cluster_map *out) MUST_CHECK;
