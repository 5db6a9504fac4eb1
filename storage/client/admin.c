/*
 * One ask and one waiter each: the answer is copied into the caller's struct by the callback,
 * since a reply lives no longer than that.
 */
#include "storage/client/admin.h"

#include <assert.h>
#include <string.h>

#include "storage/client/state.h"

struct question {
	struct ask ask;
	struct waiter waiter;
	struct arena *arena;
	struct store_listing *listing;
	bool *dropped;
};

static void copy_listing(struct question *q, const struct wire_listed *from)
{
	struct store_listing *to = q->listing;

	to->count = from->pairs.count;
	to->more = from->more;
	to->partitions = from->partitions;
	to->incarnation = from->incarnation;
	to->chunks = arena_alloc(q->arena, to->count * sizeof(to->chunks[0]));
	for (unsigned i = 0; i < from->pairs.count; i++)
		to->chunks[i] = wire_pair_at(&from->pairs, i);
}

static void on_answer(struct ask *a, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct question *q = (struct question *)((char *)a - offsetof(struct question, ask));

	(void)msg;
	if (rc == ERR_PEER_GONE)
		rc = ERR_UNAVAILABLE;
	else if (rc == 0)
		rc = reply->status;
	if (rc == 0 && q->listing != NULL)
		copy_listing(q, &reply->listed);
	if (rc == 0 && q->dropped != NULL)
		*q->dropped = reply->verified.dropped;
	waiter_done(&q->waiter, rc);
}

/* Ask q->ask.req of the node and wait. */
static int await_answer(struct store_client *c, uint16_t node, struct question *q,
			int64_t timeout_ms)
{
	struct node *n = client_node(c, node);
	int rc;

	waiter_init(&q->waiter);
	if (n == NULL ||
	    ask_start(&q->ask, n, NULL, 0, clock_now_ms() + timeout_ms, on_answer) < 0)
		return ERR_UNAVAILABLE;
	rc = task_wait(&q->waiter, wire_op_name(q->ask.req.op), timeout_ms);
	ask_cancel(&q->ask);
	return rc;
}

int await_store_list(struct store_client *c, uint16_t node, unsigned first, unsigned count,
		     const struct wire_pair *after, unsigned limit, int64_t timeout_ms,
		     struct arena *a, struct store_listing *out)
{
	struct question q = {.arena = a, .listing = out};
	int rc;

	assert(first + count <= PARTITIONS && count >= 1);
	assert(limit >= 1 && limit <= WIRE_PAIRS_MAX);
	client_request(c, WIRE_LIST, &q.ask.req);
	q.ask.req.list.partition = first;
	q.ask.req.list.partitions = count;
	q.ask.req.list.limit = limit;
	if (after != NULL)
		q.ask.req.list.after = *after;
	rc = await_answer(c, node, &q, timeout_ms);
	if (rc == 0 && (out->partitions > count || (out->more && out->count == 0)))
		rc = ERR_PROTOCOL;
	return rc;
}

int await_store_del(struct store_client *c, uint16_t node, const struct wire_pair *chunks,
		    size_t count, int64_t timeout_ms)
{
	struct arena *a = arena_new();
	struct question q = {.arena = a};
	unsigned char *packed;
	int rc;

	assert(count <= WIRE_PAIRS_MAX);
	packed = arena_alloc(a, count * WIRE_PAIR_BYTES + 1);
	for (unsigned i = 0; i < count; i++)
		wire_pair_pack(packed, i, &chunks[i]);
	client_request(c, WIRE_DEL, &q.ask.req);
	q.ask.req.del.pairs = (struct wire_pairs){packed, (unsigned)count};
	rc = await_answer(c, node, &q, timeout_ms);
	arena_free(a);
	return rc;
}

int await_store_pull(struct store_client *c, uint16_t node, uint16_t source,
		     const struct wire_pair *chunk, int64_t timeout_ms)
{
	struct node *from = client_node(c, source);
	struct question q = {0};

	if (from == NULL)
		return ERR_UNAVAILABLE;
	client_request(c, WIRE_PULL, &q.ask.req);
	q.ask.req.pull.pair = *chunk;
	memcpy(q.ask.req.pull.bulk, from->self.bulk, sizeof(q.ask.req.pull.bulk));
	return await_answer(c, node, &q, timeout_ms);
}

int await_store_verify(struct store_client *c, uint16_t node, const struct wire_pair *chunk,
		       int64_t timeout_ms, bool *dropped)
{
	struct question q = {.dropped = dropped};

	client_request(c, WIRE_VERIFY, &q.ask.req);
	q.ask.req.verify.pair = *chunk;
	return await_answer(c, node, &q, timeout_ms);
}
