/*
 * The chunks of an upload that are on their way to storage, or there and not yet in a row.
 *
 *   launched ──quorum──▶ durable ──append──▶ row, dropped
 *
 * Oldest first, in the order of the blob. A flight keeps its put until it is recorded, so that
 * members which acknowledge late are not written down as owing; under memory pressure that is
 * given up first (flights_let_go()), because a put holds its chunk's bytes until the last
 * member has them. Loop thread only; one task waits for the flights of an upload.
 */
#pragma once

#include <sys/queue.h>

#include "gateway/chunk_fill.h"
#include "metadb/uploads.h"
#include "proto/base/err.h"

struct worker;
struct flight;

struct flights {
	TAILQ_HEAD(, flight) list;
	int failed; /* why the upload cannot go on, sticky; 0 */
};

void flights_init(struct flights *all);
/* The first n, or all there are. */
void flights_drop(struct flights *all, unsigned n);

/* Send a closed chunk of instance `gen` to its members, blocks and all; does not wait. */
void flights_launch(struct flights *all, struct worker *w, uint64_t gen,
		    struct chunk_closed *c);
/* Memory is short: let go of what is durable. Returns the bytes that are not. */
size_t flights_let_go(struct flights *all);

/* The longest durable prefix, in chunks and bytes: what may be recorded. */
unsigned flights_durable(const struct flights *all, uint64_t *bytes);
/* Their first n rows, and in *after the blob's hash behind them (n = 0: untouched). They are
 * settled: who has not acknowledged by now is written down as owing. */
void flights_rows(struct flights *all, unsigned n, struct upload_chunk *rows,
		  struct hasher *after);

/* Until fewer than `most` have no quorum. A failed put is reported, and for ever. */
int await_flights_credit(struct flights *all, unsigned most) MUST_CHECK;
/* Give all members of the first n at most ms to acknowledge. -ECANCELED is the only error. */
int await_flights_rest(struct flights *all, unsigned n, int64_t ms) MUST_CHECK;
