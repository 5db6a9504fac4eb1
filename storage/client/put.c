/*
 * A put is one copy state machine for each entry of the map row, and one rule, advance(), run
 * after every event: start what choose_writer() says, then see whether the quorum is decided.
 *
 *   copy:  IDLE ──start──▶ BUSY ──reply 0──▶ ACKED
 *                            └──anything else──▶ FAILED
 *   put:   open ──W acked──▶ 0          ──▶ rest: nothing BUSY any more
 *             └──W impossible──▶ error
 *
 * Refused for a stale epoch, an open put that cannot succeed waits for the owner's new map and
 * goes on once under it: a node that acknowledged before still holds its copy, so it counts if
 * it is in the new row as well.
 *
 * A put lives until its owner has ended it and nothing is under way. What its owner has asked
 * for stands on its own: nothing is reported through the handle after store_put_end().
 */
#include "storage/client/put.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/metrics.h"
#include "storage/client/choose.h"
#include "storage/client/state.h"

/* A quorum still open after so long gets spares for the copies that are under way. */
#define PUT_SLOW_MS 1000
/* How long a put waits for the new map that a daemon's refusal calls for. */
#define PUT_MAP_WAIT_MS 5000

struct listener {
	void (*fn)(void *arg, int rc);
	void *arg;
};

struct target {
	struct ask ask;
	struct store_put *put;
};

struct store_put {
	struct store_client *client;
	struct wire_pair chunk;
	char rq[LOG_RQ_MAX];
	struct buf *blocks[ZMSG_PARTS];
	unsigned block_count;
	int64_t epoch;
	int64_t deadline_ms;
	unsigned replicas;
	unsigned count;
	struct copy copies[COPIES_MAX];
	struct target targets[COPIES_MAX];
	int result; /* 1: open */
	int failure;
	bool settled; /* nothing is under way, and nothing will be */
	bool stale, retried, waits_for_map;
	bool impatient;
	bool ended;
	bool told_quorum, told_rest;
	struct listener on_quorum, on_rest;
	struct timer timer;
	struct deferred tell;
	TAILQ_ENTRY(store_put) link;
};

static void advance(struct store_put *p);

static void put_free(struct store_put *p)
{
	TAILQ_REMOVE(&p->client->puts, p, link);
	p->client->operations--;
	timer_fini(&p->timer);
	deferred_cancel(&p->tell);
	for (unsigned i = 0; i < p->block_count; i++)
		buf_unref(p->blocks[i]);
	free(p);
}

/* Listeners run on the loop's stack, never inside start; an ended put ends here when settled.
 */
static void on_tell(void *arg)
{
	struct store_put *p = arg;

	if (!p->ended && p->result != 1 && !p->told_quorum && p->on_quorum.fn != NULL) {
		p->told_quorum = true;
		p->on_quorum.fn(p->on_quorum.arg, p->result);
	}
	if (!p->ended && p->settled && !p->told_rest && p->on_rest.fn != NULL) {
		p->told_rest = true;
		p->on_rest.fn(p->on_rest.arg, 0);
	}
	if (p->ended && p->settled)
		put_free(p);
}

static bool is_busy(const struct store_put *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->copies[i].state == COPY_BUSY)
			return true;
	return false;
}

static void note_failure(struct store_put *p, int rc)
{
	if (rc == ERR_STALE_EPOCH)
		p->stale = true;
	/* What says most about why wins. */
	if (p->failure != ERR_BAD_DIGEST)
		p->failure = rc;
}

static void on_copy(struct ask *a, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct target *t = (struct target *)((char *)a - offsetof(struct target, ask));
	struct store_put *p = t->put;
	struct copy *c = &p->copies[t - p->targets];

	(void)msg;
	if (rc == 0)
		rc = reply->status;
	if (rc == 0) {
		c->state = COPY_ACKED;
	} else {
		c->state = COPY_FAILED;
		note_failure(p, rc);
		metric_inc(M_STORE_PUT_FAILED);
		if (rc != ERR_STALE_EPOCH && rc != ERR_PEER_GONE)
			log_warn("a copy was not written",
				 "rq=%s node=%u err=\"%s\" text=\"%s\"", p->rq, c->node,
				 err_text(rc), reply == NULL ? "" : reply->text);
	}
	advance(p);
}

static void start_copy(struct store_put *p, int i)
{
	struct node *n = client_node(p->client, p->copies[i].node);
	struct ask *a = &p->targets[i].ask;

	client_request(p->client, WIRE_PUT, &a->req);
	memcpy(a->req.rq, p->rq, sizeof(p->rq));
	a->req.epoch = p->epoch;
	a->req.put.pair = p->chunk;
	p->copies[i].state = COPY_BUSY;
	if (ask_start(a, n, p->blocks, p->block_count, p->deadline_ms, on_copy) < 0)
		p->copies[i].state = COPY_FAILED;
}

/* The row of the map in use; copies acknowledged under an older one are kept by node. */
static void take_row(struct store_put *p)
{
	const uint16_t *row = client_row(p->client, &p->chunk);
	struct copy old[COPIES_MAX];
	unsigned old_count = p->count;

	memcpy(old, p->copies, sizeof(old));
	p->epoch = p->client->map.epoch;
	p->replicas = p->client->map.replicas;
	p->count = 0;
	for (unsigned i = 0; i < p->replicas + MAP_SPARES; i++) {
		struct copy *c = &p->copies[p->count];

		if (row[i] == MAP_NODE_NONE) {
			assert(i >= p->replicas);
			continue;
		}
		*c = (struct copy){.node = row[i]};
		p->targets[p->count].put = p;
		for (unsigned k = 0; k < old_count; k++)
			if (old[k].node == row[i] && old[k].state == COPY_ACKED)
				c->state = COPY_ACKED;
		p->count++;
	}
}

/* The timer at `ms` from now, but not after the deadline. */
static void set_timer(struct store_put *p, int64_t ms)
{
	int64_t left = p->deadline_ms - clock_now_ms();

	if (ms > left)
		ms = left;
	timer_start(&p->timer, ms > 0 ? ms : 0);
}

static void decide(struct store_put *p, int result)
{
	p->result = result;
	p->waits_for_map = false;
	set_timer(p, INT64_MAX);
	deferred_queue(&p->tell);
}

static int failure_of(const struct store_put *p)
{
	return p->failure == ERR_BAD_DIGEST ? ERR_BAD_DIGEST : ERR_UNAVAILABLE;
}

/* Once more under the new map, as soon as there is one. */
static void retry(struct store_put *p)
{
	p->retried = true;
	p->waits_for_map = p->client->map.epoch <= p->epoch;
	set_timer(p, p->waits_for_map ? PUT_MAP_WAIT_MS : PUT_SLOW_MS);
	if (!p->waits_for_map)
		take_row(p);
}

static void start_copies(struct store_put *p)
{
	int i;

	for (unsigned k = 0; k < p->count; k++) {
		struct node *n = client_node(p->client, p->copies[k].node);

		p->copies[k].usable = n != NULL && node_writable(n);
	}
	/* Spares replace what failed only while somebody still wants to know. */
	while ((i = choose_writer(p->copies, p->count, p->replicas, p->impatient)) >= 0 &&
	       !(p->ended && (unsigned)i >= p->replicas))
		start_copy(p, i);
}

static void advance(struct store_put *p)
{
	if (p->settled || p->waits_for_map)
		return;
	if (p->result == 1 || p->result == 0)
		start_copies(p);
	if (p->result == 1) {
		int outcome =
			choose_outcome(p->copies, p->count, map_write_quorum(p->replicas));
		bool again = outcome < 0 && p->stale && !p->retried;

		if (again && !is_busy(p)) {
			retry(p);
			advance(p);
			return;
		}
		if (outcome <= 0 && !again)
			decide(p, outcome == 0 ? 0 : failure_of(p));
	}
	if (p->result != 1 && !is_busy(p)) {
		p->settled = true;
		timer_stop(&p->timer);
		deferred_queue(&p->tell);
	}
}

/* End what is under way; what was acknowledged stays so. */
static void give_up(struct store_put *p, bool unsent_only)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct ask *a = &p->targets[i].ask;

		if (p->copies[i].state != COPY_BUSY || (unsent_only && !ask_unsent(a)))
			continue;
		ask_cancel(a);
		p->copies[i].state = COPY_FAILED;
	}
}

static void on_timer(void *arg)
{
	struct store_put *p = arg;

	if (!p->waits_for_map && !p->impatient && p->result == 1 &&
	    clock_now_ms() < p->deadline_ms) {
		p->impatient = true;
		set_timer(p, INT64_MAX);
		advance(p);
		return;
	}
	/* No new map came, or the deadline passed. */
	give_up(p, false);
	if (p->result == 1)
		decide(p, p->waits_for_map ? failure_of(p) : -ETIMEDOUT);
	p->settled = true;
	timer_stop(&p->timer);
	deferred_queue(&p->tell);
}

struct store_put *store_put_start(struct store_client *c, const struct wire_pair *chunk,
				  struct buf *const *blocks, unsigned count, int64_t timeout_ms)
{
	struct store_put *p = xcalloc(1, sizeof(*p));
	size_t len = 0;

	assert(count <= ZMSG_PARTS && timeout_ms > 0);
	p->client = c;
	p->chunk = *chunk;
	snprintf(p->rq, sizeof(p->rq), "%s", log_rq());
	for (unsigned i = 0; i < count; i++) {
		assert(blocks[i]->len > 0 && (i + 1 == count || blocks[i]->len == BUF_BLOCK));
		p->blocks[i] = buf_ref(blocks[i]);
		len += blocks[i]->len;
	}
	assert(len == chunk->len);
	p->block_count = count;
	p->deadline_ms = clock_now_ms() + timeout_ms;
	p->result = 1;
	c->operations++;
	TAILQ_INSERT_TAIL(&c->puts, p, link);
	timer_init(&p->timer, c->loop, on_timer, p);
	deferred_init(&p->tell, c->loop, on_tell, p);
	if (client_row(c, chunk) != NULL) {
		take_row(p);
		set_timer(p, PUT_SLOW_MS);
	} else {
		decide(p, ERR_UNAVAILABLE);
	}
	advance(p);
	return p;
}

void store_put_on_quorum(struct store_put *p, void (*fn)(void *arg, int rc), void *arg)
{
	p->on_quorum = (struct listener){fn, arg};
	p->told_quorum = false;
	deferred_queue(&p->tell);
}

void store_put_on_rest(struct store_put *p, void (*fn)(void *arg, int rc), void *arg)
{
	p->on_rest = (struct listener){fn, arg};
	p->told_rest = false;
	deferred_queue(&p->tell);
}

int store_put_result(const struct store_put *p)
{
	return p->result;
}

bool store_put_settled(const struct store_put *p)
{
	return p->settled;
}

int64_t store_put_epoch(const struct store_put *p)
{
	return p->epoch;
}

unsigned store_put_acked(const struct store_put *p)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < p->replicas; i++)
		bits |= (unsigned)(p->copies[i].state == COPY_ACKED) << i;
	return bits;
}

unsigned store_put_owed(const struct store_put *p, uint16_t nodes[MAP_REPLICAS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->replicas; i++)
		if (p->copies[i].state != COPY_ACKED)
			nodes[n++] = p->copies[i].node;
	return n;
}

void store_put_end(struct store_put *p)
{
	if (p == NULL)
		return;
	assert(!p->ended);
	p->ended = true;
	p->on_quorum.fn = NULL;
	p->on_rest.fn = NULL;
	if (p->result == 1) {
		/* Nobody will write a row for it. */
		give_up(p, false);
		p->result = -ECANCELED;
		p->waits_for_map = false;
		p->settled = true;
	}
	if (p->settled)
		put_free(p);
}

void put_on_map(struct store_client *c)
{
	struct store_put *p, *next;

	for (p = TAILQ_FIRST(&c->puts); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (!p->waits_for_map || c->map.epoch <= p->epoch)
			continue;
		p->waits_for_map = false;
		take_row(p);
		set_timer(p, PUT_SLOW_MS);
		advance(p);
	}
}

void put_on_tick(struct store_client *c, int64_t now_ms)
{
	struct store_put *p, *next;

	if (!buf_contended(c->pool))
		return;
	/* Somebody waits for memory: copies beyond the quorum that a stalled node keeps us from
	 * sending do not hold it any longer. They are owed, as any that is not acknowledged. */
	for (p = TAILQ_FIRST(&c->puts); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->result != 0 || p->settled)
			continue;
		for (unsigned i = 0; i < p->count; i++) {
			struct ask *a = &p->targets[i].ask;

			if (p->copies[i].state != COPY_BUSY || !ask_unsent(a) ||
			    !node_stalled(a->node, now_ms))
				continue;
			ask_cancel(a);
			p->copies[i].state = COPY_FAILED;
		}
		advance(p);
	}
}

void put_drop_all(struct store_client *c)
{
	struct store_put *p;

	while ((p = TAILQ_FIRST(&c->puts)) != NULL) {
		assert(p->ended);
		give_up(p, false);
		put_free(p);
	}
}
