/* A list of puts with the rows they will have; the rules are in the header. */
#include "gateway/upload_flights.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/worker.h"
#include "storage/client/put.h"

struct flight {
	struct store_put *put; /* NULL once settled */
	bool awaited;	       /* its stream's task sleeps on the put: it must stay */
	struct upload_chunk row;
	struct hasher after;
	TAILQ_ENTRY(flight) link;
};

void flights_init(struct flights *all)
{
	TAILQ_INIT(&all->list);
	all->failed = 0;
}

static void flight_free(struct flight *f)
{
	if (f->put != NULL)
		store_put_end(f->put);
	free(f);
}

void flights_drop(struct flights *all, unsigned n)
{
	struct flight *f;

	while (n-- > 0 && (f = TAILQ_FIRST(&all->list)) != NULL) {
		TAILQ_REMOVE(&all->list, f, link);
		flight_free(f);
	}
}

void flights_launch(struct flights *all, struct worker *w, uint64_t gen, struct chunk_closed *c)
{
	struct flight *f = xcalloc(1, sizeof(*f));
	struct wire_pair pair = {.gen = gen, .len = c->len};

	memcpy(pair.digest, c->sha256, SHA256_BYTES);
	memcpy(f->row.digest, c->sha256, SHA256_BYTES);
	f->row.len = c->len;
	f->after = c->blob;
	f->put = store_put_start(w->store, &pair, c->block, c->count,
				 w->set->gateway_storage_timeout);
	for (unsigned i = 0; i < c->count; i++)
		buf_unref(c->block[i]);
	TAILQ_INSERT_TAIL(&all->list, f, link);
}

/* What the put knows now goes into the row; the put is let go. */
static void settle(struct flight *f)
{
	if (f->put == NULL || f->awaited)
		return;
	f->row.epoch = store_put_epoch(f->put);
	f->row.owing_count = (uint8_t)store_put_owed(f->put, f->row.owing);
	store_put_end(f->put);
	f->put = NULL;
}

/* 1: open, 0: durable, else why it failed. */
static int flight_state(const struct flight *f)
{
	return f->put == NULL ? 0 : store_put_result(f->put);
}

size_t flights_let_go(struct flights *all)
{
	struct flight *f;
	size_t open = 0;

	TAILQ_FOREACH(f, &all->list, link) {
		int state = flight_state(f);

		if (state == 0)
			settle(f);
		else if (state == 1)
			open += f->row.len;
	}
	return open;
}

unsigned flights_durable(const struct flights *all, uint64_t *bytes)
{
	const struct flight *f;
	unsigned n = 0;

	*bytes = 0;
	TAILQ_FOREACH(f, &all->list, link) {
		if (flight_state(f) != 0)
			break;
		*bytes += f->row.len;
		n++;
	}
	return n;
}

void flights_rows(struct flights *all, unsigned n, struct upload_chunk *rows,
		  struct hasher *after)
{
	struct flight *f = TAILQ_FIRST(&all->list);

	for (unsigned i = 0; i < n; i++, f = TAILQ_NEXT(f, link)) {
		settle(f);
		rows[i] = f->row;
		*after = f->after;
	}
}

int await_flights_credit(struct flights *all, unsigned most)
{
	for (;;) {
		struct flight *f, *oldest = NULL;
		unsigned open = 0;
		int rc;

		TAILQ_FOREACH(f, &all->list, link) {
			int state = flight_state(f);

			if (state < 0)
				all->failed = state;
			if (state == 1 && open++ == 0)
				oldest = f;
		}
		if (all->failed != 0)
			return all->failed;
		if (open < most)
			return 0;
		oldest->awaited = true;
		rc = await_store_put(oldest->put);
		oldest->awaited = false;
		if (rc < 0 && rc != -ECANCELED)
			all->failed = rc;
		if (rc < 0)
			return rc;
	}
}

int await_flights_rest(struct flights *all, unsigned n, int64_t ms)
{
	int64_t until = clock_now_ms() + ms;
	struct flight *f;

	TAILQ_FOREACH(f, &all->list, link) {
		int64_t left = until - clock_now_ms();
		int rc;

		if (n-- == 0)
			break;
		if (f->put == NULL || left <= 0)
			continue;
		f->awaited = true;
		rc = await_store_put_rest(f->put, left);
		f->awaited = false;
		if (rc < 0)
			return rc;
	}
	return 0;
}
