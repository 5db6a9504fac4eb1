/*
 * One request to one node, waiting for its place in the node's window first.
 *
 * ZeroMQ's limits count messages and are per pipe, so the real limits are ours: each node has
 * lanes with so many bytes under way at most, and an ask waits in its lane's queue until it
 * fits. A PUT of more than WIRE_INLINE_MAX bytes asks the daemon for room first and then sends;
 * it holds its place in the lane over both. An ask ends once: with the reply, with an error of
 * proto/wire/call.h, with ERR_PEER_GONE when the node goes down, or silently by ask_cancel().
 */
#pragma once

#include "proto/wire/link.h"

struct node;
struct ask;

enum lane_kind { LANE_CONTROL, LANE_SMALL, LANE_CHUNK, LANE_PIECE, LANES };

#define LANE_SMALL_BYTES ((size_t)1 << 20)
#define LANE_CHUNK_BYTES ((size_t)16 << 20)
#define LANE_PIECE_BYTES ((size_t)4 << 20)
#define LANE_ASKS	 64
/* Twice what the lanes of a connection let out, so that ZeroMQ's own limit is never met: a
 * ROUTER that met it would drop replies. */
#define NODE_HWM (2 * LANES * LANE_ASKS)

struct lane {
	size_t limit; /* bytes under way; SIZE_MAX: none */
	size_t used;
	unsigned asks; /* under way, at most LANE_ASKS */
	TAILQ_HEAD(, ask) queue;
};

enum ask_state { ASK_IDLE, ASK_QUEUED, ASK_ROOM, ASK_SENT };

/* Like call_done_fn: reply and msg are there when rc is 0. The ask is idle again. */
typedef void ask_done_fn(struct ask *a, int rc, const struct wire_reply *reply,
			 struct zmsg *msg);

/* Embedded in its owner; zeroed is idle. */
struct ask {
	struct call call;
	struct node *node;
	enum ask_state state;
	enum lane_kind lane;
	size_t bytes;
	int64_t deadline_ms;
	int64_t sent_us;
	struct wire_request req;
	struct buf *const *parts;
	unsigned count;
	ask_done_fn *done;
	TAILQ_ENTRY(ask) queue; /* in its lane, while ASK_QUEUED */
	TAILQ_ENTRY(ask) link;	/* of its node, while not idle */
};

/*
 * Ask a->req of the node. `parts` must live until the ask ends; references are taken when it is
 * sent. The owner watches the deadline of what is queued; the daemon is told what is left of
 * it. ERR_PEER_GONE when the node is down: nothing was begun. done is never called inside.
 */
int ask_start(struct ask *a, struct node *n, struct buf *const *parts, unsigned count,
	      int64_t deadline_ms, ask_done_fn *done) MUST_CHECK;
void ask_cancel(struct ask *a);
/* Nothing of its payload was sent yet. */
bool ask_unsent(const struct ask *a);

/* For the node: try again what waits; end all. */
void ask_pump(struct node *n);
void ask_fail_all(struct node *n, int rc);
