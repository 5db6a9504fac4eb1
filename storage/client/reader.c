/*
 * A ring of pieces. Pieces are planned in order; each goes through
 *
 *   PLANNED ──room in the pool──▶ ASKED ──bytes──▶ READY ──taken──▶ free
 *
 * and reservations are made one at a time and in order, so that the piece that the owner waits
 * for is never behind a later one. Pieces grow: the first bytes come soon, and a long read
 * costs fewer messages. The plan rounds the range out to whole 64 KiB blocks (they carry the
 * checksums) and trims when a piece is taken.
 */
#include "storage/client/reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/client/get.h"
#include "storage/client/reader_engine.h"
#include "storage/client/state.h"

/* A reader's first piece, and every one while the pool is contended; then they double. */
#define PIECE_FIRST ((uint32_t)256 * 1024)

enum piece_state { PIECE_PLANNED, PIECE_ASKED, PIECE_READY };

struct piece {
	struct store_reader *reader;
	enum piece_state state;
	const struct wire_pair *chunk;
	uint32_t offset; /* in the chunk, and how much, in whole blocks */
	uint32_t length;
	uint32_t trim; /* of it, before the range */
	uint32_t want; /* bytes of the range in it */
	struct store_get *get;
	struct buf *buf;
	int rc;
};

struct store_reader {
	struct store_client *client;
	const struct wire_pair *chunks;
	size_t chunk_count;
	size_t chunk;	 /* of the next piece to plan */
	uint32_t offset; /* in that chunk: of the next byte wanted */
	uint32_t most;	 /* bytes of the next piece */
	uint64_t left;	 /* bytes not yet planned */
	int64_t timeout_ms;
	char rq[LOG_RQ_MAX];
	struct piece ring[STORE_READER_WINDOW];
	unsigned first, count;
	unsigned asked; /* of those, from the first: not PLANNED */
	struct buf_claim claim;
	bool claiming;
	int failure;
	const struct wire_pair *failed;
	void (*notify)(void *arg);
	void *arg;
};

static void fill(struct store_reader *r);

static struct piece *at(struct store_reader *r, unsigned i)
{
	return &r->ring[(r->first + i) % STORE_READER_WINDOW];
}

static void notify(struct store_reader *r)
{
	if (r->notify != NULL)
		r->notify(r->arg);
}

static void on_piece(void *arg, int rc, struct buf *buf)
{
	struct piece *p = arg;
	struct store_reader *r = p->reader;

	buf_unreserve(r->client->pool, p->length);
	p->state = PIECE_READY;
	p->rc = rc;
	p->buf = buf;
	if (p == at(r, 0))
		notify(r);
}

static void on_room(void *arg)
{
	struct store_reader *r = arg;
	struct piece *p = at(r, r->asked);
	const char *running = log_rq();

	r->claiming = false;
	p->state = PIECE_ASKED;
	r->asked++;
	/* Asked by the loop, on behalf of the request that reads. */
	log_set_rq(r->rq);
	p->get = store_get_start(r->client, p->chunk, p->offset, p->length, r->timeout_ms,
				 on_piece, p);
	log_set_rq(running);
	fill(r);
}

static void plan(struct store_reader *r)
{
	struct piece *p = at(r, r->count);
	const struct wire_pair *chunk;
	uint32_t end, limit;

	while (r->offset >= r->chunks[r->chunk].len) {
		r->offset = 0;
		r->chunk++;
		assert(r->chunk < r->chunk_count);
	}
	chunk = &r->chunks[r->chunk];
	*p = (struct piece){.reader = r, .chunk = chunk};
	p->offset = r->offset - r->offset % WIRE_BLOCK;
	p->trim = r->offset - p->offset;

	/* The last byte wanted of this piece, then rounded up to its block. */
	limit = p->offset + r->most < chunk->len ? p->offset + r->most : chunk->len;
	end = r->left < limit - r->offset ? r->offset + (uint32_t)r->left : limit;
	p->want = end - r->offset;
	end = (end + WIRE_BLOCK - 1) / WIRE_BLOCK * WIRE_BLOCK;
	p->length = (end < chunk->len ? end : chunk->len) - p->offset;

	r->offset += p->want;
	r->left -= p->want;
	r->most = 2 * r->most < WIRE_PIECE_MAX ? 2 * r->most : WIRE_PIECE_MAX;
	r->count++;
}

/* Plan and ask for more, within the window. */
static void fill(struct store_reader *r)
{
	bool contended = buf_contended(r->client->pool);
	unsigned window = contended ? 1 : STORE_READER_WINDOW;

	if (contended)
		r->most = PIECE_FIRST;
	while (r->failure == 0 && r->left > 0 && r->count < window)
		plan(r);
	if (r->claiming || r->failure != 0 || r->asked == r->count)
		return;
	r->claiming = true;
	buf_claim_queue(r->client->pool, &r->claim, at(r, r->asked)->length, on_room, r);
}

struct store_reader *store_reader_start(struct store_client *c, const struct wire_pair *chunks,
					size_t count, uint64_t offset, uint64_t length,
					int64_t timeout_ms)
{
	struct store_reader *r = xcalloc(1, sizeof(*r));

	r->client = c;
	r->chunks = chunks;
	r->chunk_count = count;
	r->left = length;
	r->most = PIECE_FIRST;
	r->timeout_ms = timeout_ms;
	snprintf(r->rq, sizeof(r->rq), "%s", log_rq());
	while (r->chunk < count && offset >= chunks[r->chunk].len)
		offset -= chunks[r->chunk++].len;
	r->offset = (uint32_t)offset;
	assert(length == 0 || r->chunk < count);
	fill(r);
	return r;
}

void reader_on_change(struct store_reader *r, void (*fn)(void *arg), void *arg)
{
	r->notify = fn;
	r->arg = arg;
}

int reader_take(struct store_reader *r, struct store_bytes *out)
{
	struct piece *p = at(r, 0);

	*out = (struct store_bytes){0};
	if (r->failure != 0)
		return r->failure;
	if (r->count == 0) {
		assert(r->left == 0);
		return 0;
	}
	if (p->state != PIECE_READY)
		return 1;
	store_get_end(p->get);
	p->get = NULL;
	if (p->rc < 0) {
		r->failure = p->rc;
		r->failed = p->chunk;
		return p->rc;
	}
	*out = (struct store_bytes){.buf = p->buf, .offset = p->trim, .len = p->want};
	r->first = (r->first + 1) % STORE_READER_WINDOW;
	r->count--;
	r->asked--;
	fill(r);
	return 0;
}

int64_t reader_patience_ms(const struct store_reader *r)
{
	return 2 * r->timeout_ms;
}

const struct wire_pair *store_reader_failed(const struct store_reader *r)
{
	return r->failed;
}

void store_reader_end(struct store_reader *r)
{
	if (r == NULL)
		return;
	buf_claim_cancel(r->client->pool, &r->claim);
	for (unsigned i = 0; i < r->count; i++) {
		struct piece *p = at(r, i);

		store_get_end(p->get);
		if (p->state == PIECE_ASKED)
			buf_unreserve(r->client->pool, p->length);
		if (p->state == PIECE_READY)
			buf_unref(p->buf);
	}
	free(r);
}
