/*
 * A connection to one peer on which calls are made: a DEALER and its calls.
 *
 * ZeroMQ is lossy here: a call that was sent is known to have arrived when it is answered and
 * not before. When the connection breaks, all calls on it end at once with ERR_PEER_GONE; a new
 * connection is made in the background. Addresses are numeric (nothing is resolved). Loop
 * thread only.
 */
#pragma once

#include <stdbool.h>

#include "proto/wire/call.h"

struct link;

struct link_options {
	size_t max_frame; /* of what the peer sends; larger ones cut the connection */
	int hwm;	  /* messages, each way */
	void (*on_change)(void *arg,
			  bool up); /* may be NULL; also called inside link_open's loop turn */
	/* A reply came whose call has ended; may be NULL. */
	void (*on_late)(void *arg, const struct wire_reply *reply);
	void (*on_writable)(void *arg); /* a full pipe has room again; may be NULL */
	void *arg;
};

/* Connect to "ADDR:PORT" and keep connecting. -EINVAL for an address that is not numeric. */
int link_open(struct loop *l, struct buf_pool *pool, const char *address,
	      const struct link_options *o, struct link **out) MUST_CHECK;
/* Calls still waiting end with ERR_PEER_GONE before this returns. */
void link_close(struct link *k);
bool link_up(const struct link *k);
const char *link_address(const struct link *k);

/*
 * Send a request (its id and deadline_ms are filled in here) and wait for the reply. On 0 the
 * references of the parts are taken over; on -EAGAIN (no connection, or its pipe is full) the
 * call does not wait and the parts stay with the caller.
 */
int link_call(struct link *k, struct call *c, struct wire_request *req,
	      struct buf *const *parts, unsigned count, int64_t timeout_ms,
	      call_done_fn *done) MUST_CHECK;
void link_cancel(struct link *k, struct call *c);
