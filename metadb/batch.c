/*
 * A queue that collects and at most one flight:
 *
 *   await_batch ──▶ waiting ──next turn, no flight──▶ flight (one statement) ──▶ waiter_done
 * each
 *
 * A flight starts in the turn after its first item came, so that what arrives in the same
 * turn goes along. A task that is cancelled takes its item out of the flight (its place becomes
 * NULL); the answer for it is skipped.
 */
#include "metadb/batch.h"

#include <stdlib.h>

#include "proto/base/log.h"

struct batch_flight {
	struct batch *batch;
	struct arena *arena;
	struct pg_stmt stmt;
	struct pg_job *job;
	const struct batch_single *single; /* it was asked this way */
	size_t count;
	struct batch_item *item[];
};

struct batch {
	const struct batch_kind *kind;
	struct pg_pool *pool;
	struct deferred start;
	TAILQ_HEAD(, batch_item) waiting;
	size_t waiting_count;
	struct batch_flight *flight;
	uint64_t flights;
};

static void on_start(void *arg);

struct batch *batch_new(struct loop *l, struct pg_pool *p, const struct batch_kind *kind)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->kind = kind;
	b->pool = p;
	TAILQ_INIT(&b->waiting);
	deferred_init(&b->start, l, on_start, b);
	return b;
}

static void flight_free(struct batch_flight *f)
{
	if (f == NULL)
		return;
	pg_job_end(f->job);
	arena_free(f->arena);
	free(f);
}

void batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	assert(TAILQ_EMPTY(&b->waiting));
	deferred_cancel(&b->start);
	flight_free(b->flight);
	free(b);
}

static void take_single(struct batch_flight *f)
{
	struct pg_rows rows = {.result = f->job->work.result[0]};
	struct batch_item *item = f->item[0];

	if (item == NULL || pg_rows_count(&rows) == 0)
		return;
	item->rc = f->single->take(item, &rows);
	if (rows.error != 0)
		item->rc = rows.error;
}

static void take_rows(struct batch_flight *f)
{
	struct pg_rows rows = {.result = f->job->work.result[0]};
	int count = pg_rows_count(&rows);

	for (int row = 0; row < count; row++) {
		int64_t ord = pg_int(&rows, row, 0);
		struct batch_item *item;

		if (ord < 1 || ord > (int64_t)f->count) {
			log_error("lookup answered out of range", "what=\"%s\"",
				  f->batch->kind->what);
			continue;
		}
		item = f->item[ord - 1];
		if (item == NULL)
			continue;
		item->rc = f->batch->kind->take(item, &rows, row);
		if (rows.error != 0)
			item->rc = rows.error;
		rows.error = 0;
	}
}

static void on_answer(struct pg_job *job)
{
	struct batch_flight *f = job->arg;
	struct batch *b = f->batch;

	if (job->work.rc == 0 && f->single != NULL)
		take_single(f);
	else if (job->work.rc == 0)
		take_rows(f);
	for (size_t i = 0; i < f->count; i++) {
		struct batch_item *item = f->item[i];

		if (item == NULL)
			continue;
		item->flight = NULL;
		waiter_done(&item->waiter, job->work.rc == 0 ? item->rc : job->work.rc);
	}
	b->flight = NULL;
	flight_free(f);
	if (!TAILQ_EMPTY(&b->waiting))
		deferred_queue(&b->start);
}

static void ask(struct batch_flight *f)
{
	const struct batch_kind *kind = f->batch->kind;

	f->single = f->count == 1 ? kind->single : NULL;
	if (f->single != NULL) {
		pg_stmt_init(&f->stmt, f->arena, f->single->sql);
		f->single->bind(&f->stmt, f->item[0]);
	} else {
		pg_stmt_init(&f->stmt, f->arena, kind->sql);
		kind->bind(&f->stmt, f->item, f->count);
	}
}

static void on_start(void *arg)
{
	struct batch *b = arg;
	size_t count = b->waiting_count;
	struct batch_flight *f;

	if (b->flight != NULL || count == 0)
		return;
	if (count > b->kind->max)
		count = b->kind->max;
	f = xcalloc(1, sizeof(*f) + count * sizeof(f->item[0]));
	f->batch = b;
	f->arena = arena_new();
	for (f->count = 0; f->count < count; f->count++) {
		struct batch_item *item = TAILQ_FIRST(&b->waiting);

		TAILQ_REMOVE(&b->waiting, item, link);
		item->flight = f;
		item->index = f->count;
		f->item[f->count] = item;
	}
	b->waiting_count -= count;
	b->flight = f;
	b->flights++;
	ask(f);
	f->job = pg_job_new(b->pool);
	f->job->done = on_answer;
	f->job->arg = f;
	f->job->work.stmt = &f->stmt;
	f->job->work.count = 1;
	f->job->work.effect = PG_READ;
	pg_job_submit(f->job);
}

uint64_t batch_flights(const struct batch *b)
{
	return b->flights;
}

int await_batch(struct batch *b, struct batch_item *item)
{
	int rc;

	item->rc = ERR_NOT_FOUND;
	item->flight = NULL;
	waiter_init(&item->waiter);
	TAILQ_INSERT_TAIL(&b->waiting, item, link);
	b->waiting_count++;
	deferred_queue(&b->start);
	rc = task_wait(&item->waiter, b->kind->what, TASK_NO_TIMEOUT);
	if (item->waiter.done)
		return rc;
	if (item->flight != NULL) {
		item->flight->item[item->index] = NULL;
	} else {
		TAILQ_REMOVE(&b->waiting, item, link);
		b->waiting_count--;
	}
	return rc;
}
