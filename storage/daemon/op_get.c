/*
 * GET: one piece of a chunk, read on a worker, sent without a copy.
 *
 * Room for the piece is claimed first, in the same queue as reservations. A copy that fails its
 * check leaves the index at once (whoever writes it next really writes), and the read is tried
 * again: another gen of the digest may be there and is as good.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "storage/daemon/server.h"

#define READ_TRIES 3

struct get_state {
	unsigned char *bytes;
	uint32_t len; /* asked for, in whole blocks: what is claimed */
	struct store_piece piece;
};

static void run_read(struct work *work)
{
	struct job *j = (struct job *)((char *)work - offsetof(struct job, work));
	struct chunk_key key = job_key(&j->req.get.pair);
	struct get_state *g = j->state;
	bool bad = false;

	if (job_late(j)) {
		j->rc = -ETIMEDOUT;
		return;
	}
	failpoint(FP_GET_BEFORE);
	g->bytes = xmalloc(g->len);
	for (unsigned i = 0; i < READ_TRIES; i++) {
		j->rc = store_read(j->server->store, &key, true, j->req.get.offset, g->len,
				   g->bytes, &g->piece);
		if (j->rc == 0 || j->rc == ERR_NOT_FOUND || j->rc == ERR_LIMIT)
			break;
		bad = true;
		metric_inc(M_STORAGE_BAD);
		log_warn("a copy fails its check", "rq=%s gen=%llu segment=%llu err=\"%s\"",
			 j->req.rq, (unsigned long long)g->piece.key.gen,
			 (unsigned long long)g->piece.place.segment, err_text(j->rc));
		store_drop_bad(j->server->store, &g->piece.key, &g->piece.place);
	}
	/* "Not there" would hide that it should be. */
	if (j->rc == ERR_NOT_FOUND && bad)
		j->rc = ERR_CORRUPT;
}

static void fill_reply(const struct get_state *g, struct wire_reply *reply)
{
	reply->got.gen = g->piece.key.gen;
	reply->got.total = g->piece.chunk_len;
	reply->got.crcs = g->piece.blocks;
	memcpy(reply->got.crc, g->piece.crcs, g->piece.blocks * sizeof(uint32_t));
}

static void on_read(struct work *work)
{
	struct job *j = (struct job *)((char *)work - offsetof(struct job, work));
	struct get_state *g = j->state;
	struct wire_reply reply = {.status = j->rc};
	struct buf_pool *pool = j->server->pool;
	struct buf *part = NULL;

	buf_unreserve(pool, g->len);
	if (j->rc == 0 && g->piece.len > 0) {
		part = buf_wrap(pool, g->bytes, g->piece.len, free, g->bytes);
		metric_add(M_STORAGE_BYTES_OUT, g->piece.len);
	} else {
		free(g->bytes);
	}
	if (j->rc == -ETIMEDOUT) {
		job_drop(j);
		return;
	}
	if (j->rc == 0)
		fill_reply(g, &reply);
	job_reply(j, &reply, part);
}

static void on_claim(void *arg)
{
	struct job *j = arg;

	if (job_late(j)) {
		buf_unreserve(j->server->pool, j->claim.bytes);
		job_drop(j);
		return;
	}
	j->work = (struct work){.run = run_read, .done = on_read};
	workers_submit(j->server->workers, &j->work);
}

void on_get(struct job *j)
{
	struct get_state *g = arena_alloc(j->arena, sizeof(*g));

	g->len = (j->req.get.length + CHUNK_BLOCK - 1) / CHUNK_BLOCK * CHUNK_BLOCK;
	if (g->len == 0 || j->parts > 0) {
		job_status(j, ERR_PROTOCOL, "not a read");
		return;
	}
	j->state = g;
	buf_claim_queue(j->server->pool, &j->claim, g->len, on_claim, j);
}
