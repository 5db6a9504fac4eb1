/*
 * The handle on PostgreSQL that everything in this folder works on: a pool of connections, the
 * batched lookups and two caches of immutable bytes. One a process (a gateway worker, a
 * keeper).
 *
 * All await_ functions of this folder are called from tasks of the handle's loop and answer
 *   0 or a positive count    done
 *   ERR_UNAVAILABLE          PostgreSQL is away or too slow; nothing was changed
 *   ERR_UNKNOWN_OUTCOME      the answer to a change was lost: it may have happened. Answer 503;
 *                            repeating the request is safe, every change here is idempotent or
 *                            guarded by a version
 *   -ECANCELED               the task was cancelled; a change that was sent goes on by itself
 *   ERR_CORRUPT, ERR_PROTOCOL  stored or received values make no sense (logged)
 * and the codes that each function names. Each has the deadline database.timeout; with no
 * connection at all it answers within a second. Times are Unix seconds, 0 means "none".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "proto/base/loop.h"

struct metadb;

struct metadb_options {
	const char *url;    /* libpq connection string or URI */
	const char *name;   /* application_name, e.g. "gateway-1/2" */
	bool pooled;	    /* a transaction-pooling pgbouncer stands in between */
	int connections;    /* at most */
	int64_t timeout_ms; /* of a statement or transaction, waiting in the queue included */
	int64_t connect_timeout_ms;
	int64_t upload_life_ms; /* of a session, from its last progress on */
	int64_t protection_ms;	/* of a blob after each promise; kept up to twice as long */
	size_t manifest_cache;	/* bytes */
	size_t chunk_cache;	/* bytes */
};

/* All members from settings(); `name` is kept by reference. */
void metadb_options_load(struct metadb_options *o, const char *name);

/* Starts to connect; returns at once. Create it after fork, on the loop of this process. */
struct metadb *metadb_open(struct loop *l, const struct metadb_options *o);
/* Open statements fail with ERR_UNAVAILABLE; no task may be waiting in here any more. */
void metadb_close(struct metadb *db);

/* At least one connection is up; otherwise the reason is written to `why` (may be NULL). */
bool metadb_up(const struct metadb *db, FILE *why);

/* Asks: schema version in the database, and whether it is the one this program needs or newer.
 */
int await_schema_version(struct metadb *db, int *version) MUST_CHECK;
/* The version that this program was built with. */
int schema_version_needed(void);

/* Who makes a change, for the audit row that is written with it. */
struct actor {
	int64_t account_id; /* 0: the program itself */
	int64_t token_id;   /* 0: none */
	const char *remote; /* address of the client, or NULL */
};
/* The request id of the audit row is the running task's log_rq(). */
