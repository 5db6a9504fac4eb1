/*
 * Slots and a queue.
 *
 *   job: RESTS ──submit──▶ QUEUED ──slot idle──▶ RUNS ──▶ RESTS (done) | QUEUED (again)
 *
 * A tick of 50 ms runs while somebody waits or nothing is connected: it opens connections whose
 * back-off is over and fails jobs that waited too long. Answers are handed out of on_done(),
 * which runs on the loop; a submission is looked at in the next turn (deferred), so that done()
 * never runs inside pg_job_submit().
 */
#include "metadb/pg_pool.h"

#include <stdlib.h>
#include <string.h>

#include "metadb/pg_silence.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"

#define TICK_MS	       50
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 1000
#define TRIES_MAX      4

struct pg_slot {
	struct pg_pool *pool;
	struct pg_conn *conn;
	struct pg_job *job; /* that runs or holds it */
	bool up;
};

struct pg_pool {
	struct loop *loop;
	struct pg_conn_options options;
	int64_t timeout_ms;
	struct pg_silence *silence;
	TAILQ_HEAD(, pg_job) queue;
	struct timer tick;
	struct deferred look;
	int64_t next_attempt_ms;
	int64_t away_since_ms; /* when the last connection went; the start, before the first */
	int64_t backoff_ms;
	uint64_t losses;
	bool was_up;
	bool complained; /* about this absence: once is enough */
	bool closing;
	char why[512];
	int count;
	struct pg_slot slot[];
};

static void dispatch(struct pg_pool *p);

static int slots_up(const struct pg_pool *p)
{
	int n = 0;

	for (int i = 0; i < p->count; i++)
		n += p->slot[i].up;
	return n;
}

bool pg_pool_up(const struct pg_pool *p, FILE *why)
{
	if (slots_up(p) > 0)
		return true;
	if (why != NULL)
		fprintf(why, "PostgreSQL: %s\n", p->why);
	return false;
}

uint64_t pg_pool_losses(const struct pg_pool *p)
{
	return p->losses;
}

static void forget(struct pg_job *job)
{
	pg_work_clear(&job->work);
	free(job);
}

static void finish(struct pg_job *job, int rc)
{
	job->state = PG_JOB_RESTS;
	job->work.rc = rc;
	metric_observe_us(M_DATABASE_SECONDS, clock_now_us() - job->queued_us);
	if (rc == ERR_UNAVAILABLE || rc == ERR_UNKNOWN_OUTCOME)
		metric_inc(M_DATABASE_FAILED);
	if (job->slot != NULL && (!job->hold || !job->slot->up)) {
		job->slot->job = NULL;
		job->slot = NULL;
	}
	if (!job->abandoned) {
		job->done(job);
		return;
	}
	if (job->slot != NULL) {
		/* Nobody will end the transaction that it left open. */
		struct pg_slot *slot = job->slot;

		slot->job = NULL;
		pg_conn_abort(slot->conn, "transaction abandoned");
	}
	forget(job);
}

static bool again(struct pg_pool *p, struct pg_job *job)
{
	return job->work.retry && !job->hold && !job->abandoned && !p->closing &&
	       ++job->tries < TRIES_MAX && clock_now_ms() < job->work.deadline_ms;
}

static void mark(struct pg_slot *slot, bool up)
{
	/* A new one may lead to another server, while others still seem to be fine. */
	if (slot->up != up)
		slot->pool->losses++;
	if (slot->up && !up && slots_up(slot->pool) == 1)
		slot->pool->away_since_ms = clock_now_ms();
	slot->up = up;
}

static void on_done(void *arg, struct pg_work *w)
{
	struct pg_slot *slot = arg;
	struct pg_pool *p = slot->pool;
	struct pg_job *job = slot->job;

	assert(job != NULL && &job->work == w && job->state == PG_JOB_RUNS);
	pg_silence_end(p->silence);
	if (pg_conn_closed(slot->conn))
		mark(slot, false);
	if (again(p, job)) {
		metric_inc(M_DATABASE_AGAIN);
		pg_work_clear(w);
		slot->job = NULL;
		job->slot = NULL;
		job->state = PG_JOB_QUEUED;
		TAILQ_INSERT_HEAD(&p->queue, job, link);
	} else {
		finish(job, w->rc);
	}
	deferred_queue(&p->look);
}

static void on_state(void *arg, bool up, const char *why)
{
	struct pg_slot *slot = arg;
	struct pg_pool *p = slot->pool;

	mark(slot, up);
	if (up) {
		p->backoff_ms = BACKOFF_MIN_MS;
		if (!p->was_up)
			log_info("PostgreSQL connected", NULL);
		p->was_up = true;
		p->complained = false;
	} else {
		char quoted[512];

		snprintf(p->why, sizeof(p->why), "%s", why);
		/* Somebody who holds it learns at the next submission. */
		if (slot->job != NULL && slot->job->state == PG_JOB_RESTS) {
			slot->job->slot = NULL;
			slot->job = NULL;
		}
		if (!p->closing && (p->was_up || !p->complained))
			log_warn("PostgreSQL connection lost", "left=%d why=%s", slots_up(p),
				 log_quote(quoted, sizeof(quoted), why, strlen(why)));
		p->complained = true;
		p->was_up = p->was_up && slots_up(p) > 0;
		p->next_attempt_ms = clock_now_ms() + p->backoff_ms;
		p->backoff_ms *= 2;
		if (p->backoff_ms > BACKOFF_MAX_MS)
			p->backoff_ms = BACKOFF_MAX_MS;
	}
	metric_set(M_DATABASE_UP, slots_up(p));
	deferred_queue(&p->look);
}

static const struct pg_conn_handler handler = {.on_done = on_done, .on_state = on_state};

static void run(struct pg_slot *slot, struct pg_job *job)
{
	job->slot = slot;
	slot->job = job;
	job->state = PG_JOB_RUNS;
	pg_silence_begin(slot->pool->silence);
	pg_conn_run(slot->conn, &job->work);
}

static struct pg_slot *idle_slot(struct pg_pool *p)
{
	for (int i = 0; i < p->count; i++)
		if (p->slot[i].job == NULL && pg_conn_idle(p->slot[i].conn))
			return &p->slot[i];
	return NULL;
}

/* One at a time: a server that just came back is not flooded. */
static void open_one(struct pg_pool *p)
{
	struct pg_slot *closed = NULL;

	for (int i = 0; i < p->count; i++) {
		if (pg_conn_closed(p->slot[i].conn))
			closed = &p->slot[i];
		else if (!p->slot[i].up)
			return; /* connecting */
	}
	if (closed == NULL || clock_now_ms() < p->next_attempt_ms)
		return;
	pg_conn_open(closed->conn);
}

/* How long work waits for a first connection: shortly, once it is known that there is none. */
static int64_t patience_ms(const struct pg_pool *p, int64_t now)
{
	if (slots_up(p) > 0)
		return INT64_MAX;
	return now - p->away_since_ms >= PG_AWAY_MS ? PG_AWAY_KNOWN_MS : PG_AWAY_MS;
}

static void fail_late(struct pg_pool *p)
{
	int64_t now = clock_now_ms();
	int64_t patience = patience_ms(p, now);
	struct pg_job *job;
	struct pg_job *next;

	for (job = TAILQ_FIRST(&p->queue); job != NULL; job = next) {
		next = TAILQ_NEXT(job, link);
		if (now < job->work.deadline_ms && !p->closing &&
		    now - job->queued_us / 1000 < patience)
			continue;
		TAILQ_REMOVE(&p->queue, job, link);
		finish(job, ERR_UNAVAILABLE);
		/* done() may have ended others: start anew. */
		next = TAILQ_FIRST(&p->queue);
	}
}

static void dispatch(struct pg_pool *p)
{
	struct pg_slot *slot;
	struct pg_job *job;

	while ((job = TAILQ_FIRST(&p->queue)) != NULL && (slot = idle_slot(p)) != NULL) {
		TAILQ_REMOVE(&p->queue, job, link);
		if (job->only_while && job->losses != p->losses)
			finish(job, ERR_STALE_RIGHTS);
		else
			run(slot, job);
	}
	fail_late(p);
	if (p->closing)
		return;
	if (!TAILQ_EMPTY(&p->queue) || slots_up(p) == 0) {
		open_one(p);
		timer_start(&p->tick, TICK_MS);
	}
}

static void on_tick(void *arg)
{
	dispatch(arg);
}

/* As if it had died: what was sent is of unknown outcome, the rest waits for a new connection.
 */
static void on_silent(void *arg)
{
	struct pg_pool *p = arg;

	for (int i = 0; i < p->count; i++)
		if (p->slot[i].up)
			pg_conn_abort(p->slot[i].conn, "it does not answer any more");
}

struct pg_pool *pg_pool_new(struct loop *l, const struct pg_conn_options *o, int connections,
			    int64_t timeout_ms)
{
	struct pg_pool *p = xcalloc(1, sizeof(*p) + (size_t)connections * sizeof(p->slot[0]));

	assert(connections > 0);
	p->loop = l;
	p->options = *o;
	p->timeout_ms = timeout_ms;
	p->backoff_ms = BACKOFF_MIN_MS;
	p->away_since_ms = clock_now_ms();
	p->count = connections;
	TAILQ_INIT(&p->queue);
	timer_init(&p->tick, l, on_tick, p);
	deferred_init(&p->look, l, on_tick, p);
	snprintf(p->why, sizeof(p->why), "not connected yet");
	p->silence = pg_silence_new(l, &p->options, on_silent, p);
	for (int i = 0; i < connections; i++) {
		p->slot[i].pool = p;
		p->slot[i].conn = pg_conn_new(l, &p->options, &handler, &p->slot[i]);
	}
	deferred_queue(&p->look);
	return p;
}

void pg_pool_free(struct pg_pool *p)
{
	if (p == NULL)
		return;
	p->closing = true;
	for (int i = 0; i < p->count; i++)
		if (!pg_conn_closed(p->slot[i].conn))
			pg_conn_abort(p->slot[i].conn, "closing");
	fail_late(p);
	timer_fini(&p->tick);
	deferred_cancel(&p->look);
	pg_silence_free(p->silence);
	for (int i = 0; i < p->count; i++)
		pg_conn_free(p->slot[i].conn);
	free(p);
}

struct pg_job *pg_job_new(struct pg_pool *p)
{
	struct pg_job *job = xcalloc(1, sizeof(*job));

	job->pool = p;
	return job;
}

void pg_job_submit(struct pg_job *job)
{
	struct pg_pool *p = job->pool;

	assert(job->state == PG_JOB_RESTS && job->done != NULL);
	job->queued_us = clock_now_us();
	job->work.deadline_ms = clock_now_ms() + p->timeout_ms;
	job->work.label = job->work.stmt[0].sql;
	job->tries = 0;
	job->state = PG_JOB_QUEUED;
	if (job->slot != NULL) {
		run(job->slot, job);
		return;
	}
	TAILQ_INSERT_TAIL(&p->queue, job, link);
	deferred_queue(&p->look);
}

void pg_job_end(struct pg_job *job)
{
	struct pg_slot *slot;

	if (job == NULL)
		return;
	if (job->state == PG_JOB_RUNS) {
		job->abandoned = true;
		return;
	}
	if (job->state == PG_JOB_QUEUED)
		TAILQ_REMOVE(&job->pool->queue, job, link);
	slot = job->slot;
	if (slot != NULL) {
		slot->job = NULL;
		if (job->work.open_transaction)
			pg_conn_abort(slot->conn, "transaction given up");
		deferred_queue(&job->pool->look);
	}
	forget(job);
}
