/*
 * What is to be compared between rows and daemons, and the rows to compare with.
 *
 * Due rows are shared between keepers: a claim moves a row out of sight for its lease, or until
 * its keeper is dead; settling removes it under the stamp that was claimed, or brings it back.
 * Who compares lists the nodes FIRST and asks for the rows afterwards: a copy without a row is
 * then garbage for certain.
 * Result codes: metadb/metadb.h. Times in milliseconds.
 */
#pragma once

#include "metadb/metadb.h"

/* One due row. node 0: nobody in particular. */
struct partition_claim {
	uint16_t part;
	uint16_t node;
	int64_t stamp;
	enum partition_verdict {
		PARTITION_WHOLE,  /* compared, nothing to do: the row goes */
		PARTITION_MENDED, /* orders were carried out: compare again at once */
		PARTITION_LATER,  /* a node is down, an order failed: some time later */
	} verdict;
};

/*
 * The keeper of this incarnation (a number of its own at each start) lives. Claims of those end
 * that are dead: who had the same place (text that at most one process at a time can call its
 * own), and who was without a beat for so long. How many claims.
 */
int await_keeper_beat(struct metadb *db, int64_t incarnation, const char *place,
		      int64_t silence_ms) MUST_CHECK;

/* Up to `most` rows, urgent ones first; debts of nodes that are not in `up` stay where they
 * are. The number of rows, in the arena. keeper: incarnation of who claims them. */
int await_partitions_claim(struct metadb *db, struct arena *a, const uint16_t *up,
			   size_t up_count, unsigned most, int64_t lease_ms, int64_t keeper,
			   struct partition_claim **out) MUST_CHECK;
int await_partitions_settle(struct metadb *db, const struct partition_claim *claim,
			    size_t count) MUST_CHECK;

/* Compare these partitions. node: 0, or who is to be up for it; urgent: a copy is missing. */
int await_partitions_due(struct metadb *db, const uint16_t *part, size_t count, uint16_t node,
			 bool urgent) MUST_CHECK;
/* The same for one bad or missing copy that somebody met. */
int await_partition_due(struct metadb *db, uint16_t part, uint16_t node) MUST_CHECK;
/* Those nobody compared for so long, at most `most`; how many became due. */
int await_partitions_due_by_age(struct metadb *db, int64_t age_ms, unsigned most) MUST_CHECK;

/* A daemon that started since its partitions were compared last. */
struct node_start {
	uint16_t id;
	uint64_t incarnation;
};
/* Their number, in the arena. */
int await_node_starts(struct metadb *db, struct arena *a, struct node_start **out) MUST_CHECK;
/* Notes the start and makes the partitions due, together. */
int await_node_started(struct metadb *db, const struct node_start *s, const uint16_t *part,
		       size_t count) MUST_CHECK;

/* A copy that rows speak of. */
struct partition_pair {
	unsigned char digest[32];
	uint64_t gen;
	uint32_t len;
	uint16_t part;
	bool dead; /* its instance waits to be purged: neither copied nor deleted */
	bool lost; /* its blob is known to be lost */
};
struct partition_rows {
	struct partition_pair *pair; /* in order of part, digest, gen; each once */
	size_t count;
	int64_t *open; /* gens of open uploads, sorted: their copies may have no row yet */
	size_t open_count;
	int64_t epoch; /* newest: members are to be taken from no older map */
	/* Gens that were given out are at most this, and none of these. */
	int64_t last_gen, skipped_from, skipped_to;
	bool adopted; /* false: this server's word deletes nothing */
};
/* All of it from one statement, one snapshot, on the primary. */
int await_partition_rows(struct metadb *db, struct arena *a, const uint16_t *part, size_t count,
			 struct partition_rows *out) MUST_CHECK;

/* No node has a copy of these; how many blobs became lost. */
int await_blobs_mark_lost(struct metadb *db, const struct partition_pair *pair,
			  size_t count) MUST_CHECK;
