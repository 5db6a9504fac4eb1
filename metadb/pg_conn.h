/*
 * One connection to PostgreSQL: a state machine on the loop.
 *
 *   CLOSED ──open──▶ CONNECTING ──▶ IDLE ◀──▶ BUSY          any failure ──▶ CLOSED
 *
 * It runs one piece of work at a time: all its statements in one pipeline with one Sync, which
 * PostgreSQL treats as one transaction. A connection that is lost fails its work at once. It
 * never reconnects by itself: that is the pool's decision. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "metadb/pg_bind.h"
#include "proto/base/loop.h"

struct pg_conn;

#define PG_STATEMENTS_MAX 8

enum pg_effect {
	PG_READ,  /* changes nothing: may be sent again when a connection is lost */
	PG_WRITE, /* a lost answer is ERR_UNKNOWN_OUTCOME */
};

/*
 * Statements for one pipeline, and what became of them. The statements are read by
 * pg_conn_run() only; the work itself must live until on_done.
 */
struct pg_work {
	const struct pg_stmt *stmt;
	unsigned count;
	const char *label; /* static text for the log; the statements may be gone when it is
			      needed */
	enum pg_effect effect;
	bool open_transaction; /* part of an explicit one: its end is not at the Sync */
	int64_t deadline_ms;   /* on the loop's clock */
	struct pg_result *result[PG_STATEMENTS_MAX];
	/* 0 or the first error. `retry`: it was rolled back by a deadlock or a serialization
	 * failure, or never reached the server, and may be sent again as a whole. */
	int rc;
	bool retry;
};

struct pg_conn_handler {
	/* The work given to pg_conn_run() is over; the connection is IDLE or CLOSED. */
	void (*on_done)(void *arg, struct pg_work *w);
	/* It became IDLE for the first time, or CLOSED (`why` says why; no work is in it). */
	void (*on_state)(void *arg, bool up, const char *why);
};

struct pg_conn_options {
	const char *url;
	const char *name; /* application_name */
	bool pooled;	  /* a pooler stands in between: no startup options, no names */
	int64_t connect_timeout_ms;
	int64_t statement_timeout_ms; /* the server gives up by itself, before we do */
};

/* The options are kept by reference. Closed until pg_conn_open(). */
struct pg_conn *pg_conn_new(struct loop *l, const struct pg_conn_options *o,
			    const struct pg_conn_handler *h, void *arg);
/* Closes without calling the handler. */
void pg_conn_free(struct pg_conn *c);

void pg_conn_open(struct pg_conn *c);
bool pg_conn_idle(const struct pg_conn *c);
bool pg_conn_closed(const struct pg_conn *c);
/* Fails what runs and closes; on_done and on_state are called. */
void pg_conn_abort(struct pg_conn *c, const char *why);

/* On an idle connection. on_done is called later, never from inside. */
void pg_conn_run(struct pg_conn *c, struct pg_work *w);

/* Results belong to the work's owner. */
void pg_work_clear(struct pg_work *w);
