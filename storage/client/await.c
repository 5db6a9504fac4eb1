/*
 * Where the engines of puts, gets and readers meet tasks.
 *
 * Each wrapper listens to an engine, sleeps, and stops listening on every path before its frame
 * dies: after that the engine cannot know its waiter any more.
 */
#include "storage/client/get.h"
#include "storage/client/put.h"
#include "storage/client/reader_engine.h"
#include "storage/client/state.h"

static void on_put(void *arg, int rc)
{
	waiter_done(arg, rc);
}

int await_store_put(struct store_put *p)
{
	struct waiter w;
	int rc = store_put_result(p);

	if (rc != 1)
		return rc;
	waiter_init(&w);
	store_put_on_quorum(p, on_put, &w);
	/* A put has its own deadline. */
	rc = task_wait(&w, "a quorum of storage", TASK_NO_TIMEOUT);
	store_put_on_quorum(p, NULL, NULL);
	return rc;
}

int await_store_put_rest(struct store_put *p, int64_t ms)
{
	struct waiter w;
	int rc;

	if (ms <= 0 || store_put_settled(p))
		return 0;
	waiter_init(&w);
	store_put_on_rest(p, on_put, &w);
	rc = task_wait(&w, "the remaining copies", ms);
	store_put_on_rest(p, NULL, NULL);
	return rc == -ECANCELED ? rc : 0;
}

struct get_wait {
	struct waiter waiter;
	struct buf *piece;
};

static void on_get(void *arg, int rc, struct buf *piece)
{
	struct get_wait *w = arg;

	w->piece = piece;
	waiter_done(&w->waiter, rc);
}

int await_store_get(struct store_client *c, const struct wire_pair *chunk, uint32_t offset,
		    uint32_t length, int64_t timeout_ms, struct buf **piece)
{
	struct get_wait w = {.piece = NULL};
	struct store_get *g;
	int rc;

	rc = await_reserve(c->pool, length, timeout_ms);
	if (rc < 0)
		return rc;
	waiter_init(&w.waiter);
	g = store_get_start(c, chunk, offset, length, timeout_ms, on_get, &w);
	rc = task_wait(&w.waiter, "a piece of a chunk", TASK_NO_TIMEOUT);
	store_get_end(g);
	buf_unreserve(c->pool, length);
	if (rc == 0)
		*piece = w.piece;
	else
		buf_unref(w.piece);
	return rc;
}

static void on_reader(void *arg)
{
	struct waiter *w = arg;

	if (!w->done)
		waiter_done(w, 0);
}

int await_store_read(struct store_reader *r, struct store_bytes *out)
{
	int rc;

	while ((rc = reader_take(r, out)) == 1) {
		struct waiter w;

		waiter_init(&w);
		reader_on_change(r, on_reader, &w);
		rc = task_wait(&w, "the next piece of a blob", reader_patience_ms(r));
		reader_on_change(r, NULL, NULL);
		if (rc < 0)
			return rc;
	}
	return rc;
}
