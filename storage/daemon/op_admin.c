/*
 * PING, LIST, DEL and VERIFY: what keepers ask, and what keeps links alive.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/model/digest.h"
#include "storage/daemon/server.h"

void on_ping(struct job *j)
{
	struct server *s = j->server;
	struct wire_reply reply = {.status = 0};

	memcpy(reply.pong.uuid, s->uuid, sizeof(s->uuid));
	memcpy(reply.pong.cluster_uuid, s->cluster_uuid, sizeof(s->cluster_uuid));
	reply.pong.state = server_state(s);
	reply.pong.used = s->stats.segment_bytes;
	reply.pong.free = s->stats.room_bytes;
	reply.pong.total = s->stats.segment_bytes + s->stats.free_bytes;
	reply.pong.incarnation = s->incarnation;
	job_reply(j, &reply, NULL);
}

struct list_state {
	struct store_entry *entries;
	size_t count;
};

static void run_list(struct work *work)
{
	struct job *j = (struct job *)((char *)work - offsetof(struct job, work));
	const struct wire_list *list = &j->req.list;
	struct chunk_key after = job_key(&list->after);
	static const struct chunk_key start;
	struct list_state *l = j->state;

	if (job_late(j)) {
		j->rc = -ETIMEDOUT;
		return;
	}
	j->rc = store_list(j->server->store, list->partition,
			   list->partition + list->partitions - 1,
			   chunk_key_equal(&after, &start) ? NULL : &after, l->entries,
			   list->limit, &l->count);
	failpoint(FP_LIST_READ);
}

static void on_listed(struct work *work)
{
	struct job *j = (struct job *)((char *)work - offsetof(struct job, work));
	struct list_state *l = j->state;
	struct wire_reply reply = {.status = j->rc};
	unsigned char *packed;

	if (j->rc < 0) {
		job_status(j, j->rc, "the index cannot be read");
		return;
	}
	packed = arena_alloc(j->arena, l->count * WIRE_PAIR_BYTES + 1);
	for (size_t i = 0; i < l->count; i++) {
		struct wire_pair pair = {.gen = l->entries[i].key.gen,
					 .len = l->entries[i].len};

		memcpy(pair.digest, l->entries[i].key.digest, sizeof(pair.digest));
		wire_pair_pack(packed, (unsigned)i, &pair);
	}
	reply.listed.pairs = (struct wire_pairs){packed, (unsigned)l->count};
	reply.listed.partitions = j->req.list.partitions;
	reply.listed.more = l->count == j->req.list.limit;
	reply.listed.incarnation = j->server->incarnation;
	job_reply(j, &reply, NULL);
}

void on_list(struct job *j)
{
	struct list_state *l = arena_alloc(j->arena, sizeof(*l));

	l->entries = arena_alloc(j->arena, j->req.list.limit * sizeof(l->entries[0]));
	j->state = l;
	j->work = (struct work){.run = run_list, .done = on_listed};
	workers_submit(j->server->workers, &j->work);
}

struct del_state {
	unsigned next; /* pair */
	struct store_op ops[STORE_GROUP_MAX];
};

static void submit_deletes(struct job *j);

static void on_deleted(struct commit *c)
{
	struct job *j = (struct job *)((char *)c - offsetof(struct job, commit));
	struct del_state *d = j->state;

	for (size_t i = 0; i < c->count; i++) {
		if (d->ops[i].result < 0) {
			job_status(j, d->ops[i].result, "not deleted");
			return;
		}
	}
	if (d->next < j->req.del.pairs.count) {
		submit_deletes(j);
		return;
	}
	failpoint(FP_DEL_DONE);
	job_status(j, 0, "");
}

static void submit_deletes(struct job *j)
{
	struct del_state *d = j->state;
	size_t count = 0;

	while (count < STORE_GROUP_MAX && d->next < j->req.del.pairs.count) {
		struct wire_pair pair = wire_pair_at(&j->req.del.pairs, d->next++);

		d->ops[count++] = (struct store_op){.kind = STORE_DEL, .key = job_key(&pair)};
	}
	j->commit = (struct commit){.ops = d->ops, .count = count, .done = on_deleted};
	committer_submit(j->server->committer, &j->commit);
}

void on_del(struct job *j)
{
	if (j->req.del.pairs.count == 0) {
		job_status(j, 0, "");
		return;
	}
	j->state = arena_alloc(j->arena, sizeof(struct del_state));
	submit_deletes(j);
}

struct verify_state {
	bool dropped;
};

/* Reads and hashes the whole copy; its place in *piece. */
static int check_copy(struct store *s, const struct chunk_key *key, struct store_piece *piece)
{
	unsigned char *bytes = xmalloc(WIRE_PIECE_MAX);
	struct hasher hasher;
	struct digest digest;
	uint32_t offset = 0;
	int rc;

	hasher_init(&hasher, DIGEST_SHA256);
	do {
		rc = store_read(s, key, false, offset, WIRE_PIECE_MAX, bytes, piece);
		if (rc < 0)
			break;
		hasher_add(&hasher, bytes, piece->len);
		offset += piece->len;
	} while (piece->len > 0 && offset < piece->chunk_len);
	free(bytes);
	if (rc < 0)
		return rc;
	hasher_digest(&hasher, &digest);
	return memcmp(digest.bytes, key->digest, SHA256_BYTES) == 0 ? 0 : ERR_CORRUPT;
}

static void run_check(struct work *work)
{
	struct job *j = (struct job *)((char *)work - offsetof(struct job, work));
	struct chunk_key key = job_key(&j->req.verify.pair);
	struct verify_state *v = j->state;
	struct store_piece piece;

	j->rc = check_copy(j->server->store, &key, &piece);
	if (j->rc == 0 || j->rc == ERR_NOT_FOUND)
		return;
	metric_inc(M_STORAGE_BAD);
	log_warn("a copy was found bad when asked to verify it",
		 "rq=%s gen=%llu segment=%llu err=\"%s\"", j->req.rq,
		 (unsigned long long)key.gen, (unsigned long long)piece.place.segment,
		 err_text(j->rc));
	store_drop_bad(j->server->store, &key, &piece.place);
	v->dropped = true;
	j->rc = 0;
}

static void on_checked(struct work *work)
{
	struct job *j = (struct job *)((char *)work - offsetof(struct job, work));
	struct verify_state *v = j->state;
	struct wire_reply reply = {.status = j->rc};

	if (j->rc == 0)
		reply.verified.dropped = v->dropped;
	job_reply(j, &reply, NULL);
}

void on_verify(struct job *j)
{
	j->state = arena_alloc(j->arena, sizeof(struct verify_state));
	j->work = (struct work){.run = run_check, .done = on_checked};
	workers_submit(j->server->workers, &j->work);
}
