/*
 * Group commit for reads: lookups of one kind that wait together are one statement.
 *
 * While a statement of a kind is in flight, further lookups collect; when its answer came, all
 * of them go as arrays in the next one. Nothing is kept beyond the answer. A row carries in its
 * first column which lookup it belongs to (WITH ORDINALITY, from 1); no row means
 * ERR_NOT_FOUND. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "metadb/pg_bind.h"
#include "metadb/pg_pool.h"
#include "proto/base/task.h"

/* Embedded at the start of a lookup's own struct, which lives on the waiting task's stack. */
struct batch_item {
	struct waiter waiter;
	int rc;
	TAILQ_ENTRY(batch_item) link;
	struct batch_flight *flight; /* it is part of, NULL while it collects */
	size_t index;
};

/*
 * A lookup that goes alone, as most do when there is little to do: scalars cost PostgreSQL
 * little more than half of what arrays with one element do.
 */
struct batch_single {
	const char *sql;
	/* Copies: the item may be gone before the statement is sent. */
	void (*bind)(struct pg_stmt *s, const struct batch_item *item);
	/* Row 0, which says nothing of an order. */
	int (*take)(struct batch_item *item, struct pg_rows *rows);
};

struct batch_kind {
	const char *what; /* shown while waiting: "whose token" */
	const char *sql;
	size_t max; /* lookups in one statement */
	/* Bind the statement's arrays, one element an item in each. */
	void (*bind)(struct pg_stmt *s, struct batch_item *const *item, size_t count);
	/* Read one row into its item: 0 or an error for that item. */
	int (*take)(struct batch_item *item, struct pg_rows *rows, int row);
	const struct batch_single *single; /* NULL: as arrays also when it is one */
};

struct batch;

struct batch *batch_new(struct loop *l, struct pg_pool *p, const struct batch_kind *kind);
void batch_free(struct batch *b); /* nobody waits any more */

/* Statements sent so far. */
uint64_t batch_flights(const struct batch *b);

/* 0, ERR_NOT_FOUND, what take() said, ERR_UNAVAILABLE, -ECANCELED. */
int await_batch(struct batch *b, struct batch_item *item) MUST_CHECK;
