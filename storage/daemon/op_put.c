/*
 * RESERVE, RELEASE and PUT: from promised bytes to durable ones.
 *
 *   RESERVE ─▶ room ─▶ ticket ─▶ RELEASE, or
 *   PUT (ticket or inline) ─▶ worker: SHA-256, CRCs ─▶ committer: one group ─▶ answer
 *
 * A PUT of a good copy that exists is committed as well: the store sees that and answers 0
 * without writing. One of a copy that was dropped as bad is written anew. PULL (pull.c) ends in
 * the same way, with bytes that came from a peer.
 */
#include <string.h>

#include "proto/base/failpoint.h"
#include "proto/base/metrics.h"
#include "proto/model/digest.h"
#include "storage/daemon/server.h"

static void on_room(void *arg, int rc, uint64_t ticket)
{
	struct job *j = arg;
	struct wire_reply reply = {.status = rc};

	if (rc < 0) {
		job_drop(j);
		return;
	}
	reply.reserved.ticket = ticket;
	job_reply(j, &reply, NULL);
}

/* Why this disk takes no new bytes; 0: it does. */
static int disk_refuses(const struct server *s)
{
	unsigned state = server_state(s);

	if (state & WIRE_POISONED)
		return ERR_POISONED;
	return state & WIRE_FULL ? ERR_FULL : 0;
}

void on_reserve(struct job *j)
{
	struct server *s = j->server;
	int rc = disk_refuses(s);

	if (rc < 0)
		job_status(j, rc, "takes no new bytes");
	else if (j->req.reserve.len == 0)
		job_status(j, ERR_PROTOCOL, "nothing to reserve");
	else
		room_ask(s->room, &j->wait, j->req.reserve.len, j->deadline_ms, on_room, j);
}

void on_release(struct job *j)
{
	room_release(j->server->room, j->req.release.ticket);
	job_status(j, 0, "");
}

struct put_state {
	struct wire_pair pair;
	struct iovec parts[ZMSG_PARTS];
	uint32_t crcs[CHUNK_BLOCKS_MAX];
	struct store_op op;
};

static void run_verify(struct work *work)
{
	struct job *j = (struct job *)((char *)work - offsetof(struct job, work));
	struct put_state *p = j->state;
	struct hasher hasher;
	struct digest digest;

	if (job_late(j)) {
		j->rc = -ETIMEDOUT;
		return;
	}
	hasher_init(&hasher, DIGEST_SHA256);
	for (unsigned i = 0; i < j->parts; i++)
		hasher_add(&hasher, p->parts[i].iov_base, p->parts[i].iov_len);
	hasher_digest(&hasher, &digest);
	if (memcmp(digest.bytes, p->pair.digest, SHA256_BYTES) != 0) {
		j->rc = ERR_BAD_DIGEST;
		return;
	}
	store_block_crcs(p->parts, (int)j->parts, p->crcs);
	failpoint(FP_PUT_VERIFIED);
	j->rc = 0;
}

static void on_committed(struct commit *c)
{
	struct job *j = (struct job *)((char *)c - offsetof(struct job, commit));
	struct put_state *p = j->state;

	/* Nothing reads the payload any more: its room is free before the answer goes out. */
	job_release_parts(j);
	if (p->op.result == 0)
		metric_add(M_STORAGE_BYTES_IN, p->op.len);
	job_status(j, p->op.result, p->op.result < 0 ? "not written" : "");
}

static void on_verified(struct work *work)
{
	struct job *j = (struct job *)((char *)work - offsetof(struct job, work));
	struct put_state *p = j->state;

	if (j->rc == -ETIMEDOUT || job_late(j)) {
		job_drop(j);
		return;
	}
	if (j->rc < 0) {
		job_status(j, j->rc, "the bytes have another digest");
		return;
	}
	p->op = (struct store_op){.kind = STORE_PUT,
				  .key = job_key(&p->pair),
				  .parts = p->parts,
				  .part_count = (int)j->parts,
				  .len = p->pair.len,
				  .crcs = p->crcs};
	j->commit = (struct commit){
		.ops = &p->op, .count = 1, .bytes = p->op.len, .done = on_committed};
	committer_submit(j->server->committer, &j->commit);
}

void put_bytes(struct job *j, const struct wire_pair *pair)
{
	struct put_state *p = arena_alloc(j->arena, sizeof(*p));
	size_t len = 0;
	int rc;

	for (unsigned i = 0; i < j->parts; i++) {
		p->parts[i] = (struct iovec){j->part[i]->data, j->part[i]->len};
		len += j->part[i]->len;
	}
	if (len != pair->len) {
		job_status(j, ERR_PROTOCOL, "payload and header differ in length");
		return;
	}
	rc = disk_refuses(j->server);
	if (rc < 0) {
		job_status(j, rc, "takes no new bytes");
		return;
	}
	p->pair = *pair;
	j->state = p;
	j->work = (struct work){.run = run_verify, .done = on_verified};
	workers_submit(j->server->workers, &j->work);
}

void on_put(struct job *j)
{
	const struct wire_put *put = &j->req.put;

	if (put->ticket != 0 && room_take(j->server->room, put->ticket, put->pair.len) < 0)
		job_status(j, ERR_UNAVAILABLE, "the reservation ran out");
	else
		put_bytes(j, &put->pair);
}
