/*
 * Statements and transactions for tasks.
 *
 *   struct pg_tx *tx = pg_tx_new(db, arena, PG_WRITE);
 *   struct pg_stmt *s = pg_tx_add(tx, "SELECT status FROM thing_do($1)");
 *   pg_bind_int8(s, id);
 *   rc = await_pg_tx(tx);
 *   rows = pg_tx_rows(tx, 0);
 *
 * All statements added go in one pipeline with one Sync: one round trip, one transaction. The
 * first error sticks: later calls do nothing and return it. With await_pg_begin() a transaction
 * is held open over several await_pg_tx(), for tasks that must look in between; it ends with
 * await_pg_commit(), or is rolled back when the arena is freed. Everything lives in the arena.
 */
#pragma once

#include "metadb/metadb.h"
#include "metadb/pg_bind.h"
#include "metadb/pg_conn.h"

struct pg_tx;

struct pg_tx *pg_tx_new(struct metadb *db, struct arena *a, enum pg_effect effect);
/* At most PG_STATEMENTS_MAX before each await. The SQL is a static string. */
struct pg_stmt *pg_tx_add(struct pg_tx *tx, const char *sql);
/* Only as long as no connection is lost: pg_pool_losses() is `losses` (metadb/rights_kept.h).
 */
void pg_tx_only_while(struct pg_tx *tx, uint64_t losses);
/* Sends what was added since the last time. Result codes: metadb/metadb.h, metadb/pg_error.c.
 */
int await_pg_tx(struct pg_tx *tx) MUST_CHECK;
/* Rows of the i-th statement of the last await, valid until the next one. */
struct pg_rows *pg_tx_rows(struct pg_tx *tx, unsigned i);
/* The sticky error, mistakes in reading rows included. */
int pg_tx_error(const struct pg_tx *tx);

int await_pg_begin(struct pg_tx *tx) MUST_CHECK;
int await_pg_commit(struct pg_tx *tx) MUST_CHECK;
