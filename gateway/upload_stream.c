/*
 *   filling ──close──▶ flight (put under way) ──quorum──▶ durable ──append──▶ row
 *   chunk_fill.c       upload_flights.c                                metadb/uploads.h
 *
 * Recorded is the flights' durable prefix; a chunk behind one that is still open waits.
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
#include "gateway/upload_flights.h"
#include "gateway/worker.h"
#include "metadb/rights_kept.h"
#include "proto/base/failpoint.h"
#include "proto/base/log.h"

/* Recorded at the latest when so much is durable and not in a row. */
#define RECORD_BYTES  (64u * 1024 * 1024)
#define RECORD_CHUNKS 64
/* And when this is longer ago: what a killed gateway's client has to send again. */
#define RECORD_MS 2000
/* How long the last append waits for members that have not acknowledged. */
#define STRAGGLER_MS 250
/* How often stalled uploads are looked at while somebody waits for memory. */
#define RELIEF_MS 100

/* The request's hold on its stream: released with the arena, or given up by leave(). */
struct holder {
	struct upload_stream *s;
};

struct upload_stream {
	struct worker *worker;
	struct request *rq; /* NULL once the stream was left to a task of its own */
	struct holder *holder;
	struct upload *u;
	struct upload left; /* what u points to then */
	struct rights_proof left_proof;
	const struct rights_proof *proof; /* of a stream that was left: what an append needs */
	struct chunk_fill fill;
	struct hasher recorded; /* the blob's hash at the row's size */
	uint64_t size;		/* received, with what u->size counts */
	bool begun;
	bool reading;	     /* the socket is being read into the last block: do not cut */
	uint32_t chunks;     /* of the blob, those that are not recorded included */
	unsigned unsure;     /* of the first flights nobody knows whether they were recorded */
	int64_t recorded_ms; /* the last time */
	struct flights flights;
	TAILQ_ENTRY(upload_stream) link;
};

/* All streams of this process, and what makes room when one of them should. */
static TAILQ_HEAD(, upload_stream) streams = TAILQ_HEAD_INITIALIZER(streams);
static struct timer relief;

static void stream_free(struct upload_stream *s)
{
	flights_drop(&s->flights, UINT_MAX);
	chunk_fill_fini(&s->fill);
	TAILQ_REMOVE(&streams, s, link);
	if (TAILQ_EMPTY(&streams))
		timer_fini(&relief);
	free(s);
}

static void release(void *arg)
{
	struct holder *h = arg;

	if (h->s != NULL)
		stream_free(h->s);
}

bool upload_streams_open(void)
{
	return !TAILQ_EMPTY(&streams);
}

/* Send a closed chunk to its members; does not wait. */
static void launch(struct upload_stream *s, struct chunk_closed *c)
{
	flights_launch(&s->flights, s->worker, (uint64_t)s->u->gen, c);
	s->chunks++;
}

/*
 * Let go of what is durable; then, unless much is under way and soon comes back by itself, cut
 * the fullest unfinished chunk of the process and send it.
 */
static void relieve(struct buf_pool *pool)
{
	struct upload_stream *s, *fullest = NULL;
	struct chunk_closed closed;
	size_t flying = 0;

	TAILQ_FOREACH(s, &streams, link) {
		flying += flights_let_go(&s->flights);
		if (s->begun && !s->reading && s->flights.failed == 0 && s->fill.count > 0 &&
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
	struct upload_stream *s = xcalloc(1, sizeof(*s));
	int64_t most_ms = rq->worker->set->gateway_upload_timeout;

	if (TAILQ_EMPTY(&streams)) {
		timer_init(&relief, rq->worker->loop, on_relief, rq->worker);
		timer_start(&relief, RELIEF_MS);
	}
	s->worker = rq->worker;
	s->rq = rq;
	s->u = u;
	s->size = u->size;
	s->chunks = u->chunks;
	s->recorded_ms = clock_now_ms();
	if (most_ms > 0)
		rq->stream->read_until_ms = rq->started_us / 1000 + most_ms;
	flights_init(&s->flights);
	TAILQ_INSERT_TAIL(&streams, s, link);
	s->holder = arena_alloc(rq->arena, sizeof(*s->holder));
	s->holder->s = s;
	arena_defer(rq->arena, release, s->holder);
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
	struct buf_pool *pool = s->worker->bufs;
	size_t want = BUF_BLOCK;
	struct buf *b;
	int rc;

	if (rest + CHUNK_ALIGN < want)
		want = rest + CHUNK_ALIGN;
	b = buf_get(pool, want);
	if (b == NULL) {
		relieve(pool);
		rc = await_buf(pool, want, s->worker->set->gateway_storage_timeout, &b);
		if (rc < 0)
			return rc == -ETIMEDOUT ? ERR_UNAVAILABLE : rc;
	}
	chunk_fill_block(&s->fill, b);
	return 0;
}

/* Rows of the first n flights and the hash behind them; the flights are settled. */
static struct upload_chunk *rows_of(struct upload_stream *s, unsigned n, struct arena *a,
				    struct hasher *after)
{
	struct upload_chunk *rows = arena_alloc(a, (n + 1) * sizeof(*rows));

	*after = s->recorded;
	flights_rows(&s->flights, n, rows, after);
	return rows;
}

/* The first n flights have rows now. */
static void note_recorded(struct upload_stream *s, unsigned n, const struct hasher *after)
{
	flights_drop(&s->flights, n);
	s->recorded = *after;
	s->recorded_ms = clock_now_ms();
	s->unsure = 0;
}

/*
 * An append was sent and its answer not awaited, and now another one came too late: if the
 * session stands where the first would have brought it, that was it. 0: and the flights are
 * dropped.
 */
static int await_catch_up(struct upload_stream *s)
{
	struct arena *a = arena_new();
	struct hasher after;
	struct upload now;
	int rc;

	rows_of(s, s->unsure, a, &after);
	arena_free(a);
	rc = await_upload_load(s->worker->metadb, s->u->id, s->u->package_id, s->u->account_id,
			       &now);
	if (rc == 0 && (now.version != s->u->version + 1 || now.size != after.total))
		rc = ERR_CONFLICT;
	if (rc < 0)
		return rc;
	*s->u = now;
	note_recorded(s, s->unsure, &after);
	return 0;
}

/* What the next statement has to prove, if anything. */
static const struct rights_proof *proof_of(const struct upload_stream *s)
{
	return s->rq != NULL ? s->rq->proof : s->proof;
}

/* A statement said of the session itself how it stands: so the rights hold. */
static void note_proof(struct upload_stream *s, int rc)
{
	if (rc != 0 && rc != ERR_CONFLICT)
		return;
	if (s->rq != NULL)
		auth_proved(s->rq);
	s->proof = NULL;
}

static int await_append(struct upload_stream *s, unsigned n)
{
	struct arena *a = arena_new();
	unsigned char state[HASHER_SAVED_MAX];
	struct hasher after;
	struct upload_chunk *rows = rows_of(s, n, a, &after);
	size_t len = hasher_save(&after, state);
	int rc;

	rc = await_failpoint(FP_APPEND_BEFORE);
	if (rc == 0)
		rc = await_upload_append(s->worker->metadb, s->u, rows, n, state, len,
					 proof_of(s));
	note_proof(s, rc);
	await_failpoint(FP_APPEND_DONE);
	arena_free(a);
	if (rc == 0) {
		note_recorded(s, n, &after);
	} else if (rc == -ECANCELED) {
		s->unsure = n;
	} else if (rc != ERR_STALE_RIGHTS && (rc != ERR_CONFLICT || s->unsure == 0)) {
		/* These chunks have no rows: what comes after them must get none either. */
		s->flights.failed = rc;
		flights_drop(&s->flights, UINT_MAX);
	}
	return rc;
}

/*
 * The client went away while its request waited for storage or for the database. What it sent
 * is not lost: a task of its own brings it to the end and records it.
 */
static void TASK_ENTRY record_rest(void *arg)
{
	struct upload_stream *s = arg;
	int rc = await_upload_stream_record(s);

	if (rc == ERR_CONFLICT && s->unsure > 0) {
		rc = await_catch_up(s);
		if (rc == 0)
			rc = await_upload_stream_record(s);
	}
	log_info("what a lost client has sent", "upload=%s size=%llu recorded=\"%s\"", s->u->id,
		 (unsigned long long)s->u->size, rc < 0 ? err_text(rc) : "all");
	stream_free(s);
}

/* rc is what ends the request: when it is a cancel, the stream is left to record_rest(). */
static int leave(struct upload_stream *s, int rc)
{
	if (rc != -ECANCELED || s->rq == NULL)
		return rc;
	if (task_spawn(s->worker->loop, "upload-rest", s->rq->id, record_rest, s) == NULL)
		return rc;
	if (s->rq->proof != NULL) {
		s->left_proof = *s->rq->proof;
		s->proof = &s->left_proof;
	}
	s->left = *s->u;
	s->u = &s->left;
	s->rq = NULL;
	s->holder->s = NULL;
	return rc;
}

/* Close the chunk and send it, unless the blob has as many as it may. */
static int send_filled(struct upload_stream *s)
{
	struct chunk_closed closed;

	if (chunk_fill_pending(&s->fill) == 0)
		return 0;
	if (s->chunks >= (uint32_t)s->worker->set->gateway_blob_chunks)
		return ERR_LIMIT;
	if (chunk_fill_close(&s->fill, &closed))
		launch(s, &closed);
	return 0;
}

/* Close what is filled, wait for room among the flights, record when there is a batch. */
static int await_send_chunk(struct upload_stream *s)
{
	uint64_t bytes;
	unsigned n;
	int rc;

	await_failpoint(FP_UPLOAD_PUT);
	rc = send_filled(s);
	if (rc == 0)
		rc = await_flights_credit(&s->flights, UPLOAD_FLIGHTS);
	if (rc < 0)
		return rc;
	n = flights_durable(&s->flights, &bytes);
	if (n == 0 || (bytes < RECORD_BYTES && n < RECORD_CHUNKS &&
		       clock_now_ms() - s->recorded_ms < RECORD_MS))
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

	/* A client that always has a byte ready never waits for the time to be over. */
	if (s->rq->stream->read_until_ms != 0 &&
	    clock_now_ms() >= s->rq->stream->read_until_ms) {
		s->rq->fault = -ETIMEDOUT;
		return -ETIMEDOUT;
	}
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
			rc = await_flights_credit(&s->flights, UINT_MAX);
		if (rc < 0)
			break;
	}
	return leave(s, rc);
}

/* All received bytes durable. */
static int await_all_durable(struct upload_stream *s)
{
	int rc;

	if (s->fill.carried > 0 && s->fill.count == 0) {
		rc = await_block(s, 0);
		if (rc < 0)
			return rc;
	}
	await_failpoint(FP_UPLOAD_PUT);
	rc = send_filled(s);
	return rc < 0 ? rc : await_flights_credit(&s->flights, 1);
}

int await_upload_stream_record(struct upload_stream *s)
{
	int stored = s->flights.failed == 0 ? await_all_durable(s) : s->flights.failed;
	uint64_t bytes;
	unsigned n = flights_durable(&s->flights, &bytes);
	int rc;

	if (stored == -ECANCELED)
		return leave(s, stored);
	await_failpoint(FP_UPLOAD_DURABLE);
	rc = await_flights_rest(&s->flights, n, STRAGGLER_MS);
	if (rc == 0 && n > 0)
		rc = await_append(s, n);
	if (rc < 0)
		return leave(s, rc);
	return stored;
}

static int await_commit(struct upload_stream *s, const struct digest *digest,
			struct upload_commit *done)
{
	struct actor who = auth_actor(s->rq);
	struct upload_chunk *rows;
	struct hasher after;
	uint64_t bytes;
	unsigned n = flights_durable(&s->flights, &bytes);
	int rc;

	rc = await_flights_rest(&s->flights, n, STRAGGLER_MS);
	if (rc < 0)
		return rc;
	rows = rows_of(s, n, s->rq->arena, &after);
	rc = await_failpoint(FP_COMMIT_BEFORE);
	if (rc == 0)
		rc = await_upload_commit(s->worker->metadb, &who, s->u, rows, n, digest,
					 proof_of(s), done);
	note_proof(s, rc);
	if (rc == 0)
		rc = await_failpoint(FP_COMMIT_DONE);
	/* Whether that was done or not: an append would find nothing of it, or be first. */
	if (rc == -ECANCELED)
		s->unsure = n;
	return rc;
}

int await_upload_stream_commit(struct upload_stream *s, const struct digest *digest,
			       struct digest *actual, struct upload_commit *done)
{
	int rc = await_all_durable(s);

	if (rc < 0)
		return leave(s, rc);
	hasher_digest(&s->fill.blob, actual);
	if (!digest_equal(actual, digest))
		return ERR_BAD_DIGEST;
	return leave(s, await_commit(s, digest, done));
}
