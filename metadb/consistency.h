/*
 * Rows against rows, and the server's own settings: what `packhouse-metadb check` asks
 * PostgreSQL. Reads only. Result codes: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"

struct row_check {
	const char *name; /* of what would be wrong: "blob_of_a_dead_instance" */
	int64_t count;	  /* 0: nothing is wrong */
};
#define ROW_CHECKS_MAX 32

/* Every check with its count; how many checks there are. */
int await_row_checks(struct metadb *db, struct row_check out[ROW_CHECKS_MAX]) MUST_CHECK;

struct server_state {
	bool fsync;
	bool full_page_writes;
	bool synchronous_standby; /* one is named */
	bool adopted;
	bool behind; /* why it is not: it was put back */
	int64_t epoch;
	int64_t replicas;
	int64_t owing; /* partitions in which a copy is known to be owed */
};
int await_server_state(struct metadb *db, struct server_state *out) MUST_CHECK;
