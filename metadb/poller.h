/*
 * A read that is repeated: at intervals, when asked to, and for whoever waits for a fresh look.
 * An engine, no task. Loop thread only.
 */
#pragma once

#include "metadb/pg_bind.h"
#include "metadb/pg_pool.h"

struct poller;

struct poller_kind {
	const char *what; /* shown while waiting */
	unsigned count;	  /* of statements, at most PG_STATEMENTS_MAX */
	/* Sets up the statements. */
	void (*bind)(void *arg, struct arena *a, struct pg_stmt *stmt);
	/* Takes the rows of each; an error counts as a failed look. */
	int (*take)(void *arg, struct pg_rows *rows);
	/* Milliseconds until the next look; called after each one, also a failed one. */
	int64_t (*pause)(void *arg);
};

/* The first look starts at once. */
struct poller *poller_new(struct loop *l, struct pg_pool *p, const struct poller_kind *kind,
			  void *arg);
/* No task may wait. take() is not called any more. */
void poller_free(struct poller *p);
/* Look now, but not sooner than 100 ms after the last look; cheap to call often. */
void poller_now(struct poller *p);
/* A look that began after this call: its result, or -ECANCELED. */
int await_poller(struct poller *p) MUST_CHECK;
