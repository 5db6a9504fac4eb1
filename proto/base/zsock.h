/*
 * A ZeroMQ socket on the loop. The only file that knows zmq.h.
 *
 * A message is an optional peer id (ROUTER side), one header frame and 0…ZMSG_PARTS payload
 * frames; payload is struct buf both ways, never copied. ZeroMQ is a lossy transport here:
 * success of zsock_send() means queued, never delivered. All sends are DONTWAIT.
 * The edge-triggered ZMQ_FD is handled inside: after every burst the events are read again.
 * Loop thread only, but for the release of sent bufs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/base/loop.h"

#define ZMSG_PARTS    16
#define ZMSG_HEAD_MAX ((size_t)256 * 1024)
#define ZPEER_MAX     32

/* Identity that a ROUTER gave to a connection; valid while that connection lives. */
struct zpeer {
	uint8_t len;
	unsigned char id[ZPEER_MAX];
};

struct zmsg {
	struct zpeer peer; /* ROUTER: from whom, to whom; DEALER: len 0 */
	const void *head;
	size_t head_len;
	struct buf *part[ZMSG_PARTS];
	unsigned parts;
};

struct zsock;

struct zsock_handler {
	/* A whole message. The callee takes over msg->part[…] references; head lives during the
	 * call. Messages with a wrong shape (too many or too large frames) are dropped before.
	 */
	void (*on_message)(void *arg, struct zmsg *msg);
	/* DEALER: connected (true) or lost (false). ROUTER: NULL. */
	void (*on_link)(void *arg, bool up);
	/* A send failed with -EAGAIN before and may work now. May be NULL. */
	void (*on_writable)(void *arg);
};

struct zsock_options {
	int send_hwm; /* messages */
	int recv_hwm;
	size_t max_frame; /* larger frames cut the connection */
};

/* Once a process, before the first socket and after any fork. */
void zsock_setup(int io_threads);
/* After the last socket is closed; waits for frames in ZeroMQ's hands to be released. */
void zsock_teardown(void);

/* Listen on "ADDR:PORT" (port 0: any). The address really bound is zsock_endpoint(). */
int zsock_router(struct loop *l, struct buf_pool *pool, const char *address,
		 const struct zsock_options *o, const struct zsock_handler *h, void *arg,
		 struct zsock **out) MUST_CHECK;
/* Connect to "ADDR:PORT" and keep reconnecting; queues nothing without a connection. */
int zsock_dealer(struct loop *l, struct buf_pool *pool, const char *address,
		 const struct zsock_options *o, const struct zsock_handler *h, void *arg,
		 struct zsock **out) MUST_CHECK;
void zsock_close(struct zsock *z);
const char *zsock_endpoint(const struct zsock *z); /* "ADDR:PORT" */
bool zsock_up(const struct zsock *z);		   /* DEALER: connected */

/*
 * Queue a message: 0; -EAGAIN when the pipe is full or (DEALER) not connected; ERR_PEER_GONE
 * when a ROUTER does not know the peer. On success the references of the parts are taken over,
 * on failure they stay with the caller.
 */
int zsock_send(struct zsock *z, const struct zmsg *msg) MUST_CHECK;

/* Stop and resume reading (back-pressure): messages stay in ZeroMQ's bounded queue. */
void zsock_pause(struct zsock *z);
void zsock_resume(struct zsock *z);
