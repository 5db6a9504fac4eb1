/*
 * What is known of a few partitions: lists of every live node first, then the rows.
 */
#pragma once

#include "metadb/keeper/cluster.h"
#include "metadb/metadb.h"

#define FACTS_MAX 16

struct facts {
	uint16_t part[FACTS_MAX]; /* ascending: facts_add() */
	size_t parts;
	uint16_t *node; /* all live ones */
	size_t nodes;
	struct node_list *list[FACTS_MAX]; /* a partition: one a node */
	struct partition_rows rows;
	int64_t unknown_gen; /* 0: none */
};

/* One more partition, at most FACTS_MAX; one that is there already changes nothing. */
void facts_add(struct facts *f, uint16_t part);
/*
 * Everything is in the arena. ERR_UNAVAILABLE: the database has another map than we, or is not
 * the adopted one. ERR_NOT_ADOPTED: a node listed a copy of `unknown_gen`, which the server has
 * not given out: it was put back. What was gathered must not be used then.
 */
int await_facts(struct facts *f, struct arena *a, struct cluster *c,
		struct metadb *db) MUST_CHECK;
/* The i-th partition, under the map of now. */
void facts_compare(const struct facts *f, size_t i, const struct cluster *c, struct arena *a,
		   struct comparison *out);
