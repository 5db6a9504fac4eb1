/*
 * PULL: a keeper tells this daemon to fetch a pair from a peer.
 *
 * A task: room for the whole chunk, a connection, one piece after the other, and then the same
 * way as a PUT: SHA-256, group commit, answer. Pieces are not checked one by one, the digest of
 * the whole is. Only the pair itself is fetched: bytes of another gen would be good, but the
 * keeper must hear that the pair is missing there.
 */
#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "storage/daemon/peers.h"
#include "storage/daemon/server.h"

struct fetch {
	struct call call;
	struct waiter waiter;
	uint64_t gen;
	uint32_t total;
	struct buf *part;
};

static void on_piece(struct call *c, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct fetch *f = (struct fetch *)((char *)c - offsetof(struct fetch, call));

	if (rc == 0)
		rc = reply->status;
	if (rc == 0) {
		f->gen = reply->got.gen;
		f->total = reply->got.total;
		if (msg->parts == 1) {
			f->part = msg->part[0];
			msg->part[0] = NULL;
		}
	}
	waiter_done(&f->waiter, rc);
}

static int64_t time_left(const struct job *j)
{
	int64_t left = j->deadline_ms - clock_now_ms();

	return left > 0 ? left : 1;
}

/* The next piece becomes the job's next part. */
static int await_piece(struct job *j, struct link *k, uint32_t offset, uint32_t length)
{
	struct wire_request req = {.op = WIRE_GET, .epoch = j->server->epoch};
	const struct wire_pair *pair = &j->req.pull.pair;
	struct fetch f = {.part = NULL};
	int rc;

	snprintf(req.rq, sizeof(req.rq), "%s", j->req.rq);
	req.get = (struct wire_get){.pair = *pair, .offset = offset, .length = length};
	waiter_init(&f.waiter);
	rc = link_call(k, &f.call, &req, NULL, 0, time_left(j), on_piece);
	if (rc < 0)
		return ERR_UNAVAILABLE;
	rc = task_wait(&f.waiter, "a piece from a peer", time_left(j));
	link_cancel(k, &f.call);
	if (rc == 0 && f.gen != pair->gen)
		rc = ERR_NOT_FOUND;
	else if (rc == 0 && (f.part == NULL || f.part->len != length || f.total != pair->len))
		rc = ERR_CORRUPT;
	if (rc < 0)
		buf_unref(f.part);
	else
		j->part[j->parts++] = f.part;
	return rc;
}

static int await_pieces(struct job *j)
{
	const struct wire_pull *pull = &j->req.pull;
	struct buf_pool *pool = j->server->pool;
	uint32_t done = 0, len = pull->pair.len;
	struct peer *peer;
	int rc;

	if (len == 0)
		return 0;
	rc = await_reserve(pool, len, time_left(j));
	if (rc < 0)
		return rc;
	rc = await_peer(j->server->peers, pull->bulk, time_left(j), &peer);
	if (rc == 0) {
		while (rc == 0 && done < len) {
			uint32_t left = len - done;
			uint32_t length = left < WIRE_PIECE_MAX ? left : WIRE_PIECE_MAX;

			rc = await_piece(j, peer_link(peer), done, length);
			if (rc < 0)
				break;
			/* It is charged by itself now. */
			buf_unreserve(pool, length);
			done += length;
		}
		peer_put(peer);
	}
	buf_unreserve(pool, len - done);
	return rc;
}

TASK_ENTRY static void pull_main(void *arg)
{
	struct job *j = arg;
	int rc;

	await_failpoint(FP_PULL_BEGUN);
	rc = await_pieces(j);
	await_failpoint(FP_PULL_FETCHED);
	if (rc == 0)
		put_bytes(j, &j->req.pull.pair);
	else
		job_status(j, rc, "could not be fetched from the peer");
}

void on_pull(struct job *j)
{
	if (task_spawn(j->server->loop, "pull", j->req.rq, pull_main, j) == NULL)
		job_status(j, ERR_UNAVAILABLE, "too many tasks");
}
