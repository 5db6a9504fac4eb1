/*
 * Calls that wait for their replies: ids, deadlines, matching.
 *
 * One struct calls belongs to one connection. A call ends exactly once: with its reply, with
 * -ETIMEDOUT, with ERR_PEER_GONE when the connection is lost, or silently when its owner
 * cancels it. A reply whose call has ended is dropped. No sockets in here: proto/wire/link.h
 * sends. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/base/loop.h"
#include "proto/base/zsock.h"
#include "proto/wire/wire.h"

struct call;

/*
 * rc: 0 when there is a reply (its status may still be an error), otherwise see above; reply
 * and msg are NULL then. Payload: the callee takes what it wants out of msg->part[] and sets
 * those to NULL; the rest is released. Reply and msg live during the call. New calls may be
 * started inside.
 */
typedef void call_done_fn(struct call *c, int rc, const struct wire_reply *reply,
			  struct zmsg *msg);

/* Embedded in its owner. */
struct call {
	uint64_t id;
	enum wire_op op;
	int64_t deadline_ms; /* on the clock of clock_now_ms() */
	int64_t started_ms;
	call_done_fn *done;
	bool waiting;
	LIST_ENTRY(call) hash;
	TAILQ_ENTRY(call) link;
};

#define CALL_BUCKETS 64

struct calls {
	struct loop *loop;
	struct timer timer;
	uint64_t next_id;
	unsigned waiting;
	LIST_HEAD(, call) bucket[CALL_BUCKETS];
	TAILQ_HEAD(calls_list, call) list; /* by deadline */
};

void calls_init(struct calls *t, struct loop *l);
/* No call may wait. */
void calls_fini(struct calls *t);

/* Begin to wait; returns the id to send. */
uint64_t call_begin(struct calls *t, struct call *c, enum wire_op op, int64_t now_ms,
		    int64_t timeout_ms, call_done_fn *done);
/* Its done is not called any more. A call that does not wait is fine. */
void call_cancel(struct calls *t, struct call *c);

/*
 * A reply came: true when a call waited for it (one of another operation ends it with
 * ERR_PROTOCOL). Parts nobody took are released either way.
 */
bool calls_match(struct calls *t, const struct wire_reply *reply, struct zmsg *msg);
/* The connection is lost: end all calls with rc. */
void calls_fail_all(struct calls *t, int rc);
/* End those whose deadline has passed; done by a timer, and by tests. */
void calls_expire(struct calls *t, int64_t now_ms);
