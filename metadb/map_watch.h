/*
 * The newest cluster map and the addresses of its nodes, kept fresh.
 *
 * Polls every two seconds (with jitter) and at once on map_watch_poke(). While PostgreSQL is
 * away the last view stands. Loop thread only; runs a task of its own.
 */
#pragma once

#include "metadb/metadb.h"
#include "proto/model/cluster.h"

struct cluster_view {
	struct cluster_map map;
	char cluster_uuid[NODE_UUID_MAX];
	size_t node_count;
	struct cluster_node *node; /* in order of id; also nodes that stand in no partition */
};

struct map_watch;

/*
 * on_change gets the first view and every one that differs in epoch or in a node; it runs on
 * the watch's task and must not wait. The view is valid until the next on_change returned.
 */
struct map_watch *map_watch_new(struct metadb *db,
				void (*on_change)(void *arg, const struct cluster_view *view),
				void *arg);
/* on_change is not called any more. Before metadb_close(). */
void map_watch_free(struct map_watch *w);

/* NULL until there is an epoch. Do not keep it over a wait. */
const struct cluster_view *map_watch_view(const struct map_watch *w);
/* Look again now (a stale epoch, a miss); cheap to call often. */
void map_watch_poke(struct map_watch *w);
