/*
 * Three queues of chunks, oldest first, all linked by one list:
 *
 *   filling ──close──▶ flight (put under way) ──quorum──▶ durable ──append──▶ row
 *
 * The list's durable prefix is what may be recorded; a chunk behind one that is still open
 * waits. A flight keeps its put until it is recorded, so that members which acknowledge late
 * are not written down as owing; under memory pressure that is given up first (settle()),
 * because a put holds its chunk's bytes until the last member has them.
 *
 * Whoever finds the budget used up makes room (relieve()) and then sleeps in the pool's fair
 * queue; a timer does the same while others (readers) wait and the uploads' clients say
 * nothing. Sleeping tasks hold no pointer into their filling chunk: await_body_ready() comes
 * before a block is taken, so that it may be cut meanwhile.
 */
#include "gateway/upload_stream.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "gateway/auth.h"
#include "gateway/chunk_fill.h"
#include "gateway/worker.h"
#include "storage/client/put.h"

/* Recorded at the latest when so much is durable and not in a row. */
#define RECORD_BYTES  (64u * 1024 * 1024)
#define RECORD_CHUNKS 64
/* How long the last append waits for members that have not acknowledged. */
#define STRAGGLER_MS 250
/* How often stalled uploads are looked at while somebody waits for memory. */
#define RELIEF_MS 100

struct flight {
	struct store_put *put; /* NULL once settled */
	bool awaited;	       /* its stream's task sleeps on the put: it must stay */
	struct upload_chunk row;
	struct hasher after;
	TAILQ_ENTRY(flight) link;
};

struct upload_stream {
	struct request *rq;
	struct upload *u;
	struct chunk_fill fill;
	struct hasher recorded; /* the blob's hash at the row's size */
	uint64_t size;		/* received, with what u->size counts */
	bool begun;
	bool reading; /* the socket is being read into the last block: do not cut */
	int failed;   /* of storage, sticky */
	TAILQ_HEAD(, flight) flights;
	TAILQ_ENTRY(upload_stream) link;
};

/* All streams of this process, and what makes room when one of them should. */
static TAILQ_HEAD(, upload_stream) streams = TAILQ_HEAD_INITIALIZER(streams);
static struct timer relief;

static struct worker *worker_of(struct upload_stream *s)
{
	return s->rq->worker;
}

static void flight_free(struct flight *f)
{
	if (f->put != NULL)
		store_put_end(f->put);
	free(f);
}

static void drop_flights(struct upload_stream *s)
{
	struct flight *f;

	while ((f = TAILQ_FIRST(&s->flights)) != NULL) {
		TAILQ_REMOVE(&s->flights, f, link);
		flight_free(f);
	}
}

static void stream_free(void *arg)
{
	struct upload_stream *s = arg;

	drop_flights(s);
	chunk_fill_fini(&s->fill);
	TAILQ_REMOVE(&streams, s, link);
	if (TAILQ_EMPTY(&streams))
		timer_fini(&relief);
}

/* Send a closed chunk to its members; does not wait. */
static void launch(struct upload_stream *s, struct chunk_closed *c)
{
	struct flight *f = xcalloc(1, sizeof(*f));
	struct wire_pair pair = {.gen = (uint64_t)s->u->gen, .len = c->len};

	memcpy(pair.digest, c->sha256, SHA256_BYTES);
	memcpy(f->row.digest, c->sha256, SHA256_BYTES);
	f->row.len = c->len;
	f->after = c->blob;
	f->put = store_put_start(worker_of(s)->store, &pair, c->block, c->count,
				 worker_of(s)->set->gateway_storage_timeout);
	for (unsigned i = 0; i < c->count; i++)
		buf_unref(c->block[i]);
	TAILQ_INSERT_TAIL(&s->flights, f, link);
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

/*
 * Let go of what is durable; then, unless much is under way and soon comes back by itself, cut
 * the fullest unfinished chunk of the process and send it.
 */
static void relieve(struct buf_pool *pool)
{
	struct upload_stream *s, *fullest = NULL;
	struct chunk_closed closed;
	struct flight *f;
	size_t flying = 0;

	TAILQ_FOREACH(s, &streams, link)
	{
		TAILQ_FOREACH(f, &s->flights, link)
		{
			int state = flight_state(f);

			if (state == 0)
				settle(f);
			else if (state == 1)
				flying += f->row.len;
		}
		if (s->begun && !s->reading && s->failed == 0 && s->fill.count > 0 &&
		    (fullest == NULL || s->fill.len > fullest->fill.len))
			fullest = s;
	}
	if (fullest != NULL && flying < buf_budget(pool) / 4 &&
	    chunk_fill_cut(&fullest->fill, &closed))
		launch(fullest, &closed);
}

static void on_relief(void *arg)
{
	struct worker *w = arg;

	if (buf_contended(w->bufs))
		relieve(w->bufs);
	timer_start(&relief, RELIEF_MS);
}

struct upload_stream *upload_stream_new(struct request *rq, struct upload *u)
{
	struct upload_stream *s = arena_alloc(rq->arena, sizeof(*s));

	if (TAILQ_EMPTY(&streams)) {
		timer_init(&relief, rq->worker->loop, on_relief, rq->worker);
		timer_start(&relief, RELIEF_MS);
	}
	s->rq = rq;
	s->u = u;
	s->size = u->size;
	TAILQ_INIT(&s->flights);
	TAILQ_INSERT_TAIL(&streams, s, link);
	arena_defer(rq->arena, stream_free, s);
	return s;
}

int upload_stream_begin(struct upload_stream *s, enum digest_algorithm algorithm)
{
	if (s->u->state_len == 0 || s->u->size == 0) {
		hasher_init(&s->recorded, algorithm);
	} else {
		int rc = hasher_load(&s->recorded, s->u->state, s->u->state_len);

		if (rc < 0)
			return rc;
		if (s->recorded.total != s->u->size || s->recorded.algorithm != algorithm)
			return ERR_CORRUPT;
	}
	chunk_fill_init(&s->fill, &s->recorded);
	s->begun = true;
	return 0;
}

uint64_t upload_stream_size(const struct upload_stream *s)
{
	return s->size;
}

/* A block for the filling chunk, as large as the rest of the body needs. */
static int await_block(struct upload_stream *s, uint64_t rest)
{
	struct buf_pool *pool = worker_of(s)->bufs;
	size_t want = BUF_BLOCK;
	struct buf *b;
	int rc;

	if (rest + CHUNK_ALIGN < want)
		want = rest + CHUNK_ALIGN;
	b = buf_get(pool, want);
	if (b == NULL) {
		relieve(pool);
		rc = await_buf(pool, want, worker_of(s)->set->gateway_storage_timeout, &b);
		if (rc < 0)
			return rc == -ETIMEDOUT ? ERR_UNAVAILABLE : rc;
	}
	chunk_fill_block(&s->fill, b);
	return 0;
}

/* Until fewer than `most` puts are open; a failed one is reported, and for ever. */
static int await_credit(struct upload_stream *s, unsigned most)
{
	for (;;) {
		struct flight *f, *oldest = NULL;
		unsigned open = 0;
		int rc;

		TAILQ_FOREACH(f, &s->flights, link)
		{
			int state = flight_state(f);

			if (state < 0)
				s->failed = state;
			if (state == 1 && open++ == 0)
				oldest = f;
		}
		if (s->failed != 0)
			return s->failed;
		if (open < most)
			return 0;
		oldest->awaited = true;
		rc = await_store_put(oldest->put);
		oldest->awaited = false;
		if (rc < 0) {
			s->failed = rc;
			return rc;
		}
	}
}

/* Longest durable prefix of the flights, in chunks and bytes. */
static unsigned durable_prefix(const struct upload_stream *s, uint64_t *bytes)
{
	const struct flight *f;
	unsigned n = 0;

	*bytes = 0;
	TAILQ_FOREACH(f, &s->flights, link)
	{
		if (flight_state(f) != 0)
			break;
		*bytes += f->row.len;
		n++;
	}
	return n;
}

/* Give members a moment to acknowledge what is about to be recorded. */
static int await_stragglers(struct upload_stream *s, unsigned n)
{
	int64_t until = clock_now_us() / 1000 + STRAGGLER_MS;
	struct flight *f;

	TAILQ_FOREACH(f, &s->flights, link)
	{
		int64_t left = until - clock_now_us() / 1000;
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

/* Rows of the first n flights, in the request's arena; the flights are settled and dropped. */
static struct upload_chunk *take_rows(struct upload_stream *s, unsigned n)
{
	struct upload_chunk *rows = arena_alloc(s->rq->arena, (n + 1) * sizeof(*rows));

	for (unsigned i = 0; i < n; i++) {
		struct flight *f = TAILQ_FIRST(&s->flights);

		settle(f);
		rows[i] = f->row;
		s->recorded = f->after;
		TAILQ_REMOVE(&s->flights, f, link);
		flight_free(f);
	}
	return rows;
}

static int await_append(struct upload_stream *s, unsigned n)
{
	struct upload_chunk *rows = take_rows(s, n);
	unsigned char state[HASHER_SAVED_MAX];
	size_t len = hasher_save(&s->recorded, state);
	int rc;

	rc = await_upload_append(worker_of(s)->metadb, s->u, rows, n, state, len);
	if (rc < 0) {
		/* These chunks have no rows: what comes after them must get none either. */
		s->failed = rc;
		drop_flights(s);
	}
	return rc;
}

/* Close what is filled, wait for room among the flights, record when there is a batch. */
static int await_send_chunk(struct upload_stream *s)
{
	struct chunk_closed closed;
	uint64_t bytes;
	unsigned n;
	int rc;

	if (chunk_fill_close(&s->fill, &closed))
		launch(s, &closed);
	rc = await_credit(s, UPLOAD_FLIGHTS);
	if (rc < 0)
		return rc;
	n = durable_prefix(s, &bytes);
	if (bytes < RECORD_BYTES && n < RECORD_CHUNKS)
		return 0;
	return await_append(s, n);
}

/* One read from the socket: 1, 0 at the end of the body, or an error. */
static int await_piece(struct upload_stream *s, uint64_t limit)
{
	int64_t length = request_body_length(s->rq);
	uint64_t rest = UINT64_MAX - CHUNK_ALIGN;
	unsigned char *at;
	size_t room;
	int64_t n;
	int rc;

	rc = await_body_ready(s->rq);
	if (rc <= 0)
		return rc;
	if (length >= 0)
		rest = (uint64_t)(length - s->rq->stream->bytes_in);
	while (chunk_fill_room(&s->fill, &at) == 0) {
		rc = await_block(s, rest);
		if (rc < 0)
			return rc;
	}
	room = chunk_fill_room(&s->fill, &at);
	s->reading = true;
	n = await_body_read(s->rq, at, room);
	s->reading = false;
	if (n <= 0)
		return (int)n;
	s->size += (uint64_t)n;
	if (s->size > limit)
		return ERR_LIMIT;
	chunk_fill_add(&s->fill, (size_t)n);
	return 1;
}

int await_upload_stream_body(struct upload_stream *s, uint64_t limit)
{
	int rc;

	while ((rc = await_piece(s, limit)) > 0) {
		/* Credit without bound never waits: it only tells what has failed. */
		if (chunk_fill_full(&s->fill))
			rc = await_send_chunk(s);
		else
			rc = await_credit(s, UINT_MAX);
		if (rc < 0)
			break;
	}
	return rc;
}

/* All received bytes durable. */
static int await_all_durable(struct upload_stream *s)
{
	struct chunk_closed closed;
	int rc;

	if (s->fill.carried > 0 && s->fill.count == 0) {
		rc = await_block(s, 0);
		if (rc < 0)
			return rc;
	}
	if (chunk_fill_close(&s->fill, &closed))
		launch(s, &closed);
	return await_credit(s, 1);
}

int await_upload_stream_record(struct upload_stream *s)
{
	int stored = s->failed == 0 ? await_all_durable(s) : s->failed;
	uint64_t bytes;
	unsigned n = durable_prefix(s, &bytes);
	int rc;

	if (stored == -ECANCELED)
		return stored;
	rc = await_stragglers(s, n);
	if (rc == 0 && n > 0)
		rc = await_append(s, n);
	return stored < 0 ? stored : rc;
}

int await_upload_stream_commit(struct upload_stream *s, const struct digest *digest,
			       struct digest *actual, struct upload_commit *done)
{
	struct actor who = auth_actor(s->rq);
	struct upload_chunk *rows;
	uint64_t bytes;
	unsigned n;
	int rc;

	rc = await_all_durable(s);
	if (rc < 0)
		return rc;
	hasher_digest(&s->fill.blob, actual);
	if (!digest_equal(actual, digest))
		return ERR_BAD_DIGEST;
	n = durable_prefix(s, &bytes);
	rc = await_stragglers(s, n);
	if (rc < 0)
		return rc;
	rows = take_rows(s, n);
	assert(TAILQ_EMPTY(&s->flights));
	return await_upload_commit(worker_of(s)->metadb, &who, s->u, rows, n, digest, done);
}
