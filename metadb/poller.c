/*
 * One job, one timer:   timer ──▶ look (job runs) ──▶ take ──▶ timer
 *
 * A waiter wants a look that began after it came: those that come while one runs are served by
 * the next, which then follows without the usual pause.
 */
#include "metadb/poller.h"

#include <stdlib.h>

#include "proto/base/task.h"

#define GAP_MS 100

struct poll_waiter {
	struct waiter waiter;
	bool queued;
	bool next; /* came while a look was running */
	TAILQ_ENTRY(poll_waiter) link;
};

struct poller {
	struct loop *loop;
	const struct poller_kind *kind;
	void *arg;
	struct pg_job *job;
	struct timer timer;
	struct arena *arena; /* of the look that runs, else NULL */
	struct pg_stmt stmt[PG_STATEMENTS_MAX];
	int64_t began_ms;
	bool asked; /* to look again at once */
	TAILQ_HEAD(, poll_waiter) waiting;
};

static void look(void *arg)
{
	struct poller *p = arg;
	struct poll_waiter *w;

	assert(p->arena == NULL);
	p->asked = false;
	p->began_ms = clock_now_ms();
	p->arena = arena_new();
	TAILQ_FOREACH(w, &p->waiting, link) {
		w->next = false;
	}
	p->kind->bind(p->arg, p->arena, p->stmt);
	pg_work_clear(&p->job->work);
	p->job->work.stmt = p->stmt;
	p->job->work.count = p->kind->count;
	p->job->work.effect = PG_READ;
	pg_job_submit(p->job);
}

static void schedule(struct poller *p)
{
	int64_t pause = p->kind->pause(p->arg);
	int64_t soonest = p->began_ms + GAP_MS - clock_now_ms();

	if (p->asked)
		pause = soonest;
	timer_start(&p->timer, pause < 1 ? 1 : pause);
}

static void serve(struct poller *p, int rc)
{
	struct poll_waiter *w;
	struct poll_waiter *after;

	for (w = TAILQ_FIRST(&p->waiting); w != NULL; w = after) {
		after = TAILQ_NEXT(w, link);
		if (w->next) {
			p->asked = true;
			continue;
		}
		TAILQ_REMOVE(&p->waiting, w, link);
		w->queued = false;
		waiter_done(&w->waiter, rc);
	}
}

static void on_answer(struct pg_job *job)
{
	struct poller *p = job->arg;
	struct pg_rows rows[PG_STATEMENTS_MAX];
	int rc = job->work.rc;

	if (rc == 0) {
		for (unsigned i = 0; i < p->kind->count; i++)
			rows[i] = (struct pg_rows){.result = job->work.result[i]};
		rc = p->kind->take(p->arg, rows);
		for (unsigned i = 0; rc == 0 && i < p->kind->count; i++)
			rc = rows[i].error;
	}
	arena_free(p->arena);
	p->arena = NULL;
	serve(p, rc);
	schedule(p);
}

struct poller *poller_new(struct loop *l, struct pg_pool *pool, const struct poller_kind *kind,
			  void *arg)
{
	struct poller *p = xcalloc(1, sizeof(*p));

	p->loop = l;
	p->kind = kind;
	p->arg = arg;
	TAILQ_INIT(&p->waiting);
	timer_init(&p->timer, l, look, p);
	p->job = pg_job_new(pool);
	p->job->done = on_answer;
	p->job->arg = p;
	timer_start(&p->timer, 1);
	return p;
}

void poller_free(struct poller *p)
{
	if (p == NULL)
		return;
	assert(TAILQ_EMPTY(&p->waiting));
	pg_job_end(p->job);
	timer_fini(&p->timer);
	arena_free(p->arena);
	free(p);
}

void poller_now(struct poller *p)
{
	if (p->asked)
		return;
	p->asked = true;
	if (p->arena == NULL)
		schedule(p);
}

int await_poller(struct poller *p)
{
	struct poll_waiter w = {.queued = true, .next = p->arena != NULL};
	int rc;

	waiter_init(&w.waiter);
	TAILQ_INSERT_TAIL(&p->waiting, &w, link);
	poller_now(p);
	rc = task_wait(&w.waiter, p->kind->what, TASK_NO_TIMEOUT);
	if (w.queued)
		TAILQ_REMOVE(&p->waiting, &w, link);
	return rc;
}
