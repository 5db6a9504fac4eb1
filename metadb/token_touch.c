/*
 * Ids collect while a statement is in flight, like lookups do. Rows that somebody else is
 * changing are skipped: so gateways never wait for each other here.
 */
#include "metadb/token_touch.h"

#include <stdlib.h>
#include <string.h>

#define IDS_MAX 64

struct token_touch {
	struct deferred start;
	struct pg_job *job;
	struct arena *arena; /* of the statement in flight, else NULL */
	struct pg_stmt stmt;
	size_t count;
	int64_t id[IDS_MAX];
};

/* The end of a session (kind 5) moves along. */
static const char sql[] =
	"UPDATE token SET last_used_at = now(), expires_at = CASE WHEN kind = 5 "
	"THEN (SELECT least(s.ends_at, now() + s.idle) FROM session s "
	"WHERE s.token_id = token.id) ELSE expires_at END WHERE id IN ("
	"SELECT id FROM token WHERE id = ANY ($1) "
	"AND coalesce(last_used_at < now() - interval '1 hour', true) "
	"ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)";

static void on_start(void *arg)
{
	struct token_touch *t = arg;
	struct pg_array ids;

	if (t->arena != NULL || t->count == 0)
		return;
	t->arena = arena_new();
	pg_stmt_init(&t->stmt, t->arena, sql);
	pg_array_init(&ids, t->arena, PG_INT8, t->count);
	for (size_t i = 0; i < t->count; i++)
		pg_array_int8(&ids, t->id[i]);
	pg_bind_array(&t->stmt, &ids);
	t->count = 0;
	pg_work_clear(&t->job->work);
	t->job->work.stmt = &t->stmt;
	t->job->work.count = 1;
	t->job->work.effect = PG_WRITE;
	pg_job_submit(t->job);
}

static void on_answer(struct pg_job *job)
{
	struct token_touch *t = job->arg;

	/* If it failed, the next use of the token says so again. */
	arena_free(t->arena);
	t->arena = NULL;
	if (t->count > 0)
		deferred_queue(&t->start);
}

struct token_touch *token_touch_new(struct loop *l, struct pg_pool *p)
{
	struct token_touch *t = xcalloc(1, sizeof(*t));

	deferred_init(&t->start, l, on_start, t);
	t->job = pg_job_new(p);
	t->job->done = on_answer;
	t->job->arg = t;
	return t;
}

void token_touch_free(struct token_touch *t)
{
	if (t == NULL)
		return;
	deferred_cancel(&t->start);
	pg_job_end(t->job);
	arena_free(t->arena);
	free(t);
}

void token_touch_add(struct token_touch *t, int64_t token_id)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->id[i] == token_id)
			return;
	if (t->count == IDS_MAX)
		return;
	t->id[t->count++] = token_id;
	deferred_queue(&t->start);
}
