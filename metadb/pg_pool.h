/*
 * Connections to PostgreSQL and who waits for them: first come, first served.
 *
 * Connections are opened as work needs them and reopened with a back-off; one is always kept or
 * tried. Work fails with ERR_UNAVAILABLE at its deadline, or after PG_AWAY_MS without any
 * connection, which a server that answers nothing amounts to (metadb/pg_silence.h). What was
 * rolled back by a deadlock, and reads whose connection was lost, are sent again a few times.
 * Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>

#include "metadb/pg_conn.h"

#define PG_AWAY_MS	 900
#define PG_AWAY_KNOWN_MS 150 /* once it has been away for that long */

struct pg_pool;
struct pg_slot;

/* Work of a task or a batch. Made zeroed by pg_job_new(), filled in, submitted, ended. */
struct pg_job {
	struct pg_work work;
	/* On the loop, once per submission. work.rc and work.result are set. */
	void (*done)(struct pg_job *job);
	void *arg;
	/* Keep the connection for the next submission of this job (explicit transactions). */
	bool hold;
	/* Not sent any more once pg_pool_losses() is not `losses`: ERR_STALE_RIGHTS. */
	bool only_while;
	uint64_t losses;
	/* private to pg_pool.c */
	struct pg_pool *pool;
	struct pg_slot *slot;
	enum { PG_JOB_RESTS, PG_JOB_QUEUED, PG_JOB_RUNS } state;
	bool abandoned;
	int tries;
	int64_t queued_us; /* on the clock of clock_now_us() */
	TAILQ_ENTRY(pg_job) link;
};

struct pg_pool *pg_pool_new(struct loop *l, const struct pg_conn_options *o, int connections,
			    int64_t timeout_ms);
/* Jobs that wait or run fail with ERR_UNAVAILABLE; each must still be ended before this returns
 * to its owner's owner, or be abandoned already. */
void pg_pool_free(struct pg_pool *p);

struct pg_job *pg_job_new(struct pg_pool *p);
/* Sets the deadline and runs it as soon as there is a connection; done() is never called
 * inside. */
void pg_job_submit(struct pg_job *job);
/*
 * The owner is no longer interested. Waiting: never sent. Running: it goes on, its answer is
 * dropped. A connection still held is given back, closed if a transaction is open on it.
 */
void pg_job_end(struct pg_job *job);

bool pg_pool_up(const struct pg_pool *p, FILE *why);
/* How many connections were lost so far, or came: a new one may lead to another server. */
uint64_t pg_pool_losses(const struct pg_pool *p);
