/*
 *   idle ──ask_start──▶ QUEUED ──fits──▶ SENT ──reply, error──▶ idle
 *                         ▲ │ large PUT   ▲
 *                         │ └──────────▶ ROOM: waits for RESERVE's answer
 *                         └─ the pipe was full ─┘ (keeps its ticket)
 *
 * Leaving a lane lets the next ones in. A request that finds a full pipe goes back to the head
 * of its queue and is tried again when the socket is writable, and at every tick.
 */
#include "storage/client/ask.h"

#include <assert.h>
#include <string.h>

#include "storage/client/state.h"

static enum lane_kind lane_of(const struct wire_request *req)
{
	switch (req->op) {
	case WIRE_PUT:
		return req->put.pair.len > WIRE_INLINE_MAX ? LANE_CHUNK : LANE_SMALL;
	case WIRE_GET:
		return LANE_PIECE;
	default:
		return LANE_CONTROL;
	}
}

static size_t bytes_of(const struct wire_request *req)
{
	switch (req->op) {
	case WIRE_PUT:
		return req->put.pair.len;
	case WIRE_GET:
		return req->get.length;
	default:
		return 0;
	}
}

static void pump_lane(struct node *n, struct lane *lane);

static void enter(struct ask *a, enum ask_state state)
{
	struct lane *lane = &a->node->lane[a->lane];

	TAILQ_REMOVE(&lane->queue, a, queue);
	lane->used += a->bytes;
	lane->asks++;
	a->state = state;
}

static void exit_lane(struct ask *a)
{
	struct lane *lane = &a->node->lane[a->lane];

	lane->used -= a->bytes;
	lane->asks--;
}

/* Out of its lane and its node. */
static void leave(struct ask *a)
{
	struct node *n = a->node;

	if (a->state == ASK_QUEUED)
		TAILQ_REMOVE(&n->lane[a->lane].queue, a, queue);
	else
		exit_lane(a);
	if (a->req.op == WIRE_GET)
		n->pieces--;
	TAILQ_REMOVE(&n->asks, a, link);
	a->state = ASK_IDLE;
	a->node = NULL;
}

static void finish(struct ask *a, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct node *n = a->node;
	struct lane *lane = &n->lane[a->lane];

	leave(a);
	a->done(a, rc, reply, msg);
	pump_lane(n, lane);
}

static void note_reply(struct node *n, const struct wire_reply *reply)
{
	n->heard_ms = clock_now_ms();
	client_hear_epoch(n->client, reply->epoch);
}

static void on_reply(struct call *c, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct ask *a = (struct ask *)((char *)c - offsetof(struct ask, call));

	if (rc == 0)
		note_reply(a->node, reply);
	finish(a, rc, reply, msg);
}

static int send_payload(struct ask *a, int64_t left_ms);

static void on_room(struct call *c, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct ask *a = (struct ask *)((char *)c - offsetof(struct ask, call));
	int64_t left = a->deadline_ms - clock_now_ms();
	struct wire_reply refused;

	if (rc < 0) {
		finish(a, rc, NULL, NULL);
		return;
	}
	note_reply(a->node, reply);
	if (reply->status < 0) {
		/* To the owner it is the PUT that was refused. */
		refused = *reply;
		refused.op = WIRE_PUT;
		finish(a, 0, &refused, msg);
		return;
	}
	if (left <= 0) {
		finish(a, -ETIMEDOUT, NULL, NULL);
		return;
	}
	a->req.put.ticket = reply->reserved.ticket;
	if (send_payload(a, left) < 0) {
		exit_lane(a);
		a->state = ASK_QUEUED;
		TAILQ_INSERT_HEAD(&a->node->lane[a->lane].queue, a, queue);
	} else {
		a->state = ASK_SENT;
	}
}

static int ask_room(struct ask *a, int64_t left_ms)
{
	struct wire_request req;

	client_request(a->node->client, WIRE_RESERVE, &req);
	memcpy(req.rq, a->req.rq, sizeof(req.rq));
	req.epoch = a->req.epoch;
	req.reserve.len = a->req.put.pair.len;
	return link_call(a->node->control, &a->call, &req, NULL, 0, left_ms, on_room);
}

static int send_payload(struct ask *a, int64_t left_ms)
{
	bool bulk = a->req.op == WIRE_PUT || a->req.op == WIRE_GET;
	struct link *k = bulk ? a->node->bulk : a->node->control;
	int rc;

	for (unsigned i = 0; i < a->count; i++)
		buf_ref(a->parts[i]);
	rc = link_call(k, &a->call, &a->req, a->parts, a->count, left_ms, on_reply);
	if (rc < 0)
		for (unsigned i = 0; i < a->count; i++)
			buf_unref(a->parts[i]);
	else
		a->sent_us = clock_now_us();
	return rc;
}

/* False: the pipe is full. */
static bool send_one(struct ask *a, int64_t now_ms)
{
	int64_t left = a->deadline_ms - now_ms;
	bool room = a->lane == LANE_CHUNK && a->req.put.ticket == 0;

	/* Too late: its owner's timer is about to say so. */
	if (left <= 0)
		left = 1;
	if ((room ? ask_room(a, left) : send_payload(a, left)) < 0)
		return false;
	enter(a, room ? ASK_ROOM : ASK_SENT);
	return true;
}

static void pump_lane(struct node *n, struct lane *lane)
{
	int64_t now = clock_now_ms();
	struct ask *a;

	if (!n->up)
		return;
	while ((a = TAILQ_FIRST(&lane->queue)) != NULL) {
		bool fits = lane->used == 0 || lane->used + a->bytes <= lane->limit;

		if (!fits || lane->asks == LANE_ASKS || !send_one(a, now))
			return;
	}
}

void ask_pump(struct node *n)
{
	for (unsigned i = 0; i < LANES; i++)
		pump_lane(n, &n->lane[i]);
}

int ask_start(struct ask *a, struct node *n, struct buf *const *parts, unsigned count,
	      int64_t deadline_ms, ask_done_fn *done)
{
	struct lane *lane;

	assert(a->state == ASK_IDLE);
	if (!n->up)
		return ERR_PEER_GONE;
	/* Silence is counted from the first thing that waits for an answer. */
	if (TAILQ_EMPTY(&n->asks))
		n->heard_ms = clock_now_ms();
	a->node = n;
	a->lane = lane_of(&a->req);
	a->bytes = bytes_of(&a->req);
	a->parts = parts;
	a->count = count;
	a->deadline_ms = deadline_ms;
	a->sent_us = clock_now_us();
	a->done = done;
	a->state = ASK_QUEUED;
	if (a->req.op == WIRE_GET)
		n->pieces++;
	lane = &n->lane[a->lane];
	TAILQ_INSERT_TAIL(&n->asks, a, link);
	TAILQ_INSERT_TAIL(&lane->queue, a, queue);
	pump_lane(n, lane);
	return 0;
}

void ask_cancel(struct ask *a)
{
	struct node *n = a->node;
	enum lane_kind lane = a->lane;

	if (a->state == ASK_IDLE)
		return;
	if (a->state == ASK_ROOM)
		link_cancel(n->control, &a->call);
	else if (a->state == ASK_SENT)
		link_cancel(lane == LANE_CONTROL ? n->control : n->bulk, &a->call);
	leave(a);
	pump_lane(n, &n->lane[lane]);
}

bool ask_unsent(const struct ask *a)
{
	return a->state == ASK_QUEUED || a->state == ASK_ROOM;
}

void ask_fail_all(struct node *n, int rc)
{
	struct ask *a;

	assert(!n->up);
	while ((a = TAILQ_FIRST(&n->asks)) != NULL) {
		if (a->state == ASK_ROOM)
			link_cancel(n->control, &a->call);
		else if (a->state == ASK_SENT)
			link_cancel(a->lane == LANE_CONTROL ? n->control : n->bulk, &a->call);
		finish(a, rc, NULL, NULL);
	}
}
