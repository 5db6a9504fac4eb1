/*
 * A get walks down the list of candidates. Each answer that is no good, and each hedging delay
 * that passes, asks the next one; at most GET_TRIES are asked at once. The first good answer
 * ends it, the other asks are cancelled and their answers dropped when they come.
 *
 * "Nobody has it" is said only when every node of the map was up, asked, and said so.
 */
#include "storage/client/get.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/crc32c.h"
#include "proto/base/metrics.h"
#include "storage/client/choose.h"
#include "storage/client/state.h"

#define GET_TRIES 3

struct
try {
	struct ask ask;
	struct store_get *get;
	uint16_t node;
};

struct store_get {
	struct store_client *client;
	struct wire_pair chunk;
	uint32_t offset;
	uint32_t length;
	char rq[LOG_RQ_MAX];
	int64_t deadline_ms;
	uint16_t *order;
	size_t candidates;
	size_t next;
	bool unsure; /* somebody could not be asked */
	bool finished;
	struct try tries[GET_TRIES];
	struct timer hedge;
	struct timer deadline;
	struct deferred give_up; /* nobody to ask: say so later */
	store_get_fn *done;
	void *arg;
};

static void advance(struct store_get *g);

/* Somebody else was faster: all we learn of this node is that it takes longer than this. */
static void give_up(struct try *t)
{
	struct node *n = t->ask.node;
	int64_t us = clock_now_us() - t->ask.sent_us;

	if (t->ask.state == ASK_SENT && us > n->latency_us)
		node_note_latency(n, us);
	ask_cancel(&t->ask);
}

static void finish(struct store_get *g, int rc, struct buf *piece)
{
	assert(!g->finished);
	g->finished = true;
	timer_stop(&g->hedge);
	timer_stop(&g->deadline);
	for (unsigned i = 0; i < GET_TRIES; i++)
		give_up(&g->tries[i]);
	g->done(g->arg, rc, piece);
}

static bool is_member(const struct store_get *g, uint16_t node)
{
	return g->client->map.table != NULL &&
	       map_is_member(&g->client->map, partition_of(g->chunk.digest), node);
}

/* The payload is what was asked for, whole and unharmed. */
static int check_piece(const struct store_get *g, const struct wire_got *got,
		       const struct zmsg *msg)
{
	uint32_t blocks = (g->length + WIRE_BLOCK - 1) / WIRE_BLOCK;
	const struct buf *b;

	if (msg->parts != 1 || got->crcs != blocks || got->total != g->chunk.len)
		return ERR_CORRUPT;
	b = msg->part[0];
	if (b->len != g->length)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < blocks; i++) {
		size_t at = (size_t)i * WIRE_BLOCK;
		size_t len = b->len - at < WIRE_BLOCK ? b->len - at : WIRE_BLOCK;

		if (crc32c_add(0, b->data + at, len) != got->crc[i])
			return ERR_CORRUPT;
	}
	return 0;
}

/* A notice to the daemon of a bad copy: nobody waits for the answer. */
static void on_verified(struct ask *a, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	(void)rc;
	(void)reply;
	(void)msg;
	free(a);
}

#define VERIFY_TIMEOUT_MS 10000

static void notify_bad(struct store_get *g, struct node *n)
{
	struct ask *a = xcalloc(1, sizeof(*a));

	client_request(g->client, WIRE_VERIFY, &a->req);
	a->req.verify.pair = g->chunk;
	if (ask_start(a, n, NULL, 0, clock_now_ms() + VERIFY_TIMEOUT_MS, on_verified) < 0)
		free(a);
}

/* found_here: the daemon believes that its bytes are good. */
static void note_failure(struct store_get *g, uint16_t node, int rc, bool found_here)
{
	struct node *n = client_node(g->client, node);

	if (rc != ERR_NOT_FOUND)
		g->unsure = true;
	if (n == NULL || (rc != ERR_NOT_FOUND && rc != ERR_CORRUPT))
		return;
	if (rc == ERR_CORRUPT)
		client_trouble(g->client, STORE_COPY_BAD, n, &g->chunk);
	else if (is_member(g, node))
		client_trouble(g->client, STORE_COPY_MISSING, n, &g->chunk);
	if (found_here)
		notify_bad(g, n);
}

static void on_answer(struct ask *a, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct try *t = (struct try *)((char *)a - offsetof(struct try, ask));
	struct store_get *g = t->get;
	struct node *n = client_node(g->client, t->node);
	struct buf *piece;
	bool answered;

	if (rc == 0)
		rc = reply->status;
	answered = rc == 0;
	if (answered)
		rc = check_piece(g, &reply->got, msg);
	if (rc < 0) {
		metric_inc(M_STORE_GET_NEXT);
		note_failure(g, t->node, rc, answered);
		advance(g);
		return;
	}
	if (n != NULL) {
		node_note_latency(n, clock_now_us() - a->sent_us);
		/* Good bytes, but the instance's own copy is not there: it counts as missing.
		 */
		if (reply->got.gen != g->chunk.gen && is_member(g, t->node))
			client_trouble(g->client, STORE_COPY_MISSING, n, &g->chunk);
	}
	piece = msg->part[0];
	msg->part[0] = NULL;
	finish(g, 0, piece);
}

static struct try *idle_try(struct store_get *g)
{
	for (unsigned i = 0; i < GET_TRIES; i++)
		if (g->tries[i].ask.state == ASK_IDLE)
			return &g->tries[i];
	return NULL;
}

static bool is_busy(const struct store_get *g)
{
	for (unsigned i = 0; i < GET_TRIES; i++)
		if (g->tries[i].ask.state != ASK_IDLE)
			return true;
	return false;
}

/* False: no candidate or no slot is left. */
static bool ask_next(struct store_get *g)
{
	struct try *t = idle_try(g);

	while (t != NULL && g->next < g->candidates) {
		struct node *n = client_node(g->client, g->order[g->next++]);

		if (n == NULL || !n->up) {
			g->unsure = true;
			continue;
		}
		t->get = g;
		t->node = n->self.id;
		client_request(g->client, WIRE_GET, &t->ask.req);
		memcpy(t->ask.req.rq, g->rq, sizeof(g->rq));
		t->ask.req.get.pair = g->chunk;
		t->ask.req.get.offset = g->offset;
		t->ask.req.get.length = g->length;
		if (ask_start(&t->ask, n, NULL, 0, g->deadline_ms, on_answer) == 0) {
			timer_start(&g->hedge, node_hedge_ms(n));
			return true;
		}
		g->unsure = true;
	}
	return false;
}

static void advance(struct store_get *g)
{
	if (!ask_next(g) && !is_busy(g))
		deferred_queue(&g->give_up);
}

static void on_give_up(void *arg)
{
	struct store_get *g = arg;

	if (!g->finished)
		finish(g, g->unsure ? ERR_UNAVAILABLE : ERR_NOT_FOUND, NULL);
}

static void on_hedge(void *arg)
{
	struct store_get *g = arg;

	if (ask_next(g))
		metric_inc(M_STORE_GET_HEDGED);
}

static void on_deadline(void *arg)
{
	struct store_get *g = arg;

	finish(g, -ETIMEDOUT, NULL);
}

static void order_candidates(struct store_get *g)
{
	struct store_client *c = g->client;
	struct choice *choices = xcalloc(c->node_count + 1, sizeof(*choices));
	int64_t now = clock_now_ms();
	struct node *n;
	size_t count = 0;

	TAILQ_FOREACH(n, &c->nodes, link)
		choices[count++] = (struct choice){.id = n->self.id,
						   .up = n->up,
						   .latency_us = node_latency_us(n, now),
						   .in_flight = n->pieces};
	g->order = xcalloc(count + 1, sizeof(*g->order));
	g->candidates = choose_readers(client_row(c, &g->chunk), c->map.replicas, choices,
				       count, g->order);
	g->unsure = g->candidates < count || count == 0;
	free(choices);
}

struct store_get *store_get_start(struct store_client *c, const struct wire_pair *chunk,
				  uint32_t offset, uint32_t length, int64_t timeout_ms,
				  store_get_fn *done, void *arg)
{
	struct store_get *g = xcalloc(1, sizeof(*g));

	assert(offset % WIRE_BLOCK == 0 && length >= 1 && length <= WIRE_PIECE_MAX);
	assert(offset < chunk->len && length <= chunk->len - offset);
	assert(length % WIRE_BLOCK == 0 || offset + length == chunk->len);
	assert(timeout_ms > 0);
	g->client = c;
	g->chunk = *chunk;
	g->offset = offset;
	g->length = length;
	g->deadline_ms = clock_now_ms() + timeout_ms;
	g->done = done;
	g->arg = arg;
	snprintf(g->rq, sizeof(g->rq), "%s", log_rq());
	timer_init(&g->hedge, c->loop, on_hedge, g);
	timer_init(&g->deadline, c->loop, on_deadline, g);
	deferred_init(&g->give_up, c->loop, on_give_up, g);
	timer_start(&g->deadline, timeout_ms);
	order_candidates(g);
	c->operations++;
	advance(g);
	return g;
}

void store_get_end(struct store_get *g)
{
	if (g == NULL)
		return;
	for (unsigned i = 0; i < GET_TRIES; i++)
		ask_cancel(&g->tries[i].ask);
	timer_fini(&g->hedge);
	timer_fini(&g->deadline);
	deferred_cancel(&g->give_up);
	g->client->operations--;
	free(g->order);
	free(g);
}
