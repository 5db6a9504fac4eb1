/*
 * libzmq on the loop.
 *
 * ZMQ_FD is edge-triggered, and any send or receive may eat the edge. So there is one rule:
 * after every wake-up and after every burst of sends, a pass over ZMQ_EVENTS is due, and a pass
 * that stops early (fairness) makes another one due in the next turn. `pass` is that deferred
 * call.
 *
 * Links of a DEALER are seen through a monitor socket (PAIR over inproc), which has an
 * edge-triggered fd of its own and the same rule.
 *
 * A received payload frame lives on in its zmq_msg_t, moved into a small heap block that the
 * buf releases; a sent buf is given to ZeroMQ with a free function that drops the reference
 * from whatever I/O thread it runs on.
 */
#include "proto/base/zsock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "proto/base/address.h"
#include "proto/base/log.h"

#define MESSAGES_A_PASS	     64
#define RECONNECT_MIN_MS     50
#define RECONNECT_MAX_MS     1000
#define HEARTBEAT_MS	     5000
#define HEARTBEAT_TIMEOUT_MS 20000
#define HANDSHAKE_MS	     5000

struct zsock {
	struct loop *loop;
	struct buf_pool *pool;
	struct zsock_handler handler;
	void *arg;
	void *socket;
	void *monitor;
	bool router;
	bool up;
	bool paused;
	bool blocked; /* a send failed: tell when it works again */
	struct watch watch;
	struct watch monitor_watch;
	struct deferred pass;
	char endpoint[ADDRESS_TEXT_MAX];
};

static void *context;

void zsock_setup(int io_threads)
{
	assert(context == NULL);
	context = zmq_ctx_new();
	if (context == NULL || zmq_ctx_set(context, ZMQ_IO_THREADS, io_threads) < 0 ||
	    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 8192) < 0)
		fatal("cannot start ZeroMQ: %s", zmq_strerror(zmq_errno()));
}

void zsock_teardown(void)
{
	if (context == NULL)
		return;
	while (zmq_ctx_term(context) < 0 && zmq_errno() == EINTR)
		;
	context = NULL;
}

static void set_int(struct zsock *z, int option, int value)
{
	if (zmq_setsockopt(z->socket, option, &value, sizeof(value)) < 0)
		fatal("cannot set a socket option of ZeroMQ: %s", zmq_strerror(zmq_errno()));
}

static int get_int(void *socket, int option)
{
	int value = 0;
	size_t size = sizeof(value);

	if (zmq_getsockopt(socket, option, &value, &size) < 0)
		fatal("cannot read a socket option of ZeroMQ: %s", zmq_strerror(zmq_errno()));
	return value;
}

static void apply_options(struct zsock *z, const struct zsock_options *o)
{
	int64_t max = (int64_t)o->max_frame;

	set_int(z, ZMQ_LINGER, 0);
	set_int(z, ZMQ_SNDHWM, o->send_hwm);
	set_int(z, ZMQ_RCVHWM, o->recv_hwm);
	set_int(z, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
	set_int(z, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
	set_int(z, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS);
	set_int(z, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
	set_int(z, ZMQ_IPV6, 1);
	if (zmq_setsockopt(z->socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) < 0)
		fatal("cannot bound the messages of ZeroMQ: %s", zmq_strerror(zmq_errno()));
	if (z->router) {
		set_int(z, ZMQ_ROUTER_MANDATORY, 1);
	} else {
		set_int(z, ZMQ_IMMEDIATE, 1);
		set_int(z, ZMQ_RECONNECT_IVL, RECONNECT_MIN_MS);
		set_int(z, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
	}
}

static void release_frame(void *hint)
{
	zmq_msg_t *frame = hint;

	zmq_msg_close(frame);
	free(frame);
}

/* Moves the frame out. */
static struct buf *buf_of_frame(struct zsock *z, zmq_msg_t *frame)
{
	zmq_msg_t *kept = xmalloc(sizeof(*kept));

	zmq_msg_init(kept);
	zmq_msg_move(kept, frame);
	return buf_wrap(z->pool, zmq_msg_data(kept), zmq_msg_size(kept), release_frame, kept);
}

static int receive_frame(struct zsock *z, zmq_msg_t *frame)
{
	int rc;

	zmq_msg_init(frame);
	do {
		rc = zmq_msg_recv(frame, z->socket, ZMQ_DONTWAIT);
	} while (rc < 0 && zmq_errno() == EINTR);
	if (rc < 0)
		zmq_msg_close(frame);
	return rc;
}

static void drop_parts(struct zmsg *msg)
{
	while (msg->parts > 0)
		buf_unref(msg->part[--msg->parts]);
}

/* The payload frames behind the header; true when the message has a shape we know. */
static bool receive_parts(struct zsock *z, struct zmsg *msg, bool more)
{
	bool sound = true;

	while (more) {
		zmq_msg_t frame;

		if (receive_frame(z, &frame) < 0)
			return false;
		more = zmq_msg_more(&frame);
		if (msg->parts < ZMSG_PARTS && zmq_msg_size(&frame) > 0)
			msg->part[msg->parts++] = buf_of_frame(z, &frame);
		else
			sound = false;
		zmq_msg_close(&frame);
	}
	return sound;
}

/* 1: got one; 0: none there. Messages are atomic: once the first frame is here, all are. */
static int receive_message(struct zsock *z)
{
	struct zmsg msg = {0};
	zmq_msg_t frame;
	bool more = true, sound = true;

	if (receive_frame(z, &frame) < 0)
		return 0;
	if (z->router) {
		sound = zmq_msg_size(&frame) <= ZPEER_MAX;
		msg.peer.len = sound ? (uint8_t)zmq_msg_size(&frame) : 0;
		memcpy(msg.peer.id, zmq_msg_data(&frame), msg.peer.len);
		more = zmq_msg_more(&frame);
		zmq_msg_close(&frame);
		if (!more || receive_frame(z, &frame) < 0)
			return 1;
	}
	more = zmq_msg_more(&frame);
	sound = receive_parts(z, &msg, more) && sound && zmq_msg_size(&frame) <= ZMSG_HEAD_MAX;
	msg.head = zmq_msg_data(&frame);
	msg.head_len = zmq_msg_size(&frame);
	if (sound)
		z->handler.on_message(z->arg, &msg);
	else
		drop_parts(&msg);
	zmq_msg_close(&frame);
	return 1;
}

static void on_pass(void *arg)
{
	struct zsock *z = arg;
	int events;

	for (int n = 0; n < MESSAGES_A_PASS; n++) {
		events = get_int(z->socket, ZMQ_EVENTS);
		if ((events & ZMQ_POLLOUT) && z->blocked) {
			z->blocked = false;
			if (z->handler.on_writable != NULL)
				z->handler.on_writable(z->arg);
		}
		if (!(events & ZMQ_POLLIN) || z->paused || receive_message(z) == 0)
			return;
	}
	deferred_queue(&z->pass);
}

static void on_ready(void *arg, int ready)
{
	(void)ready;
	on_pass(arg);
}

static void set_link(struct zsock *z, bool up)
{
	if (z->up == up)
		return;
	z->up = up;
	if (z->handler.on_link != NULL)
		z->handler.on_link(z->arg, up);
	deferred_queue(&z->pass);
}

/* An event is two frames: number and value, then the endpoint. 0: none there. */
static int receive_event(struct zsock *z)
{
	zmq_msg_t frame;
	uint16_t event = 0;

	zmq_msg_init(&frame);
	if (zmq_msg_recv(&frame, z->monitor, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&frame);
		return 0;
	}
	if (zmq_msg_size(&frame) >= sizeof(event))
		memcpy(&event, zmq_msg_data(&frame), sizeof(event));
	while (zmq_msg_more(&frame) && zmq_msg_recv(&frame, z->monitor, ZMQ_DONTWAIT) >= 0)
		;
	zmq_msg_close(&frame);
	if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
		set_link(z, true);
	else if (event == ZMQ_EVENT_DISCONNECTED)
		set_link(z, false);
	return 1;
}

static void on_monitor(void *arg, int ready)
{
	struct zsock *z = arg;

	(void)ready;
	/* Replies that came before the link went are delivered before it is reported. */
	on_pass(z);
	while (receive_event(z))
		;
}

static void watch_socket(struct zsock *z, void *socket, struct watch *w,
			 void (*fn)(void *, int))
{
	int fd = get_int(socket, ZMQ_FD);

	watch_init(w, z->loop, fd, fn, z);
	watch_want(w, WATCH_READ);
}

static struct zsock *zsock_new(struct loop *l, struct buf_pool *pool, int type,
			       const struct zsock_options *o, const struct zsock_handler *h,
			       void *arg)
{
	struct zsock *z = xcalloc(1, sizeof(*z));

	assert(context != NULL);
	z->loop = l;
	z->pool = pool;
	z->handler = *h;
	z->arg = arg;
	z->router = type == ZMQ_ROUTER;
	z->socket = zmq_socket(context, type);
	if (z->socket == NULL)
		fatal("cannot make a socket of ZeroMQ: %s", zmq_strerror(zmq_errno()));
	apply_options(z, o);
	deferred_init(&z->pass, l, on_pass, z);
	return z;
}

static void start(struct zsock *z)
{
	watch_socket(z, z->socket, &z->watch, on_ready);
	deferred_queue(&z->pass);
}

/* A name is never used again: ZeroMQ's own thread gives it free some time after the close. */
static void start_monitor(struct zsock *z)
{
	static atomic_ulong monitors;
	char name[64];

	snprintf(name, sizeof(name), "inproc://monitor-%lu", atomic_fetch_add(&monitors, 1));
	z->monitor = zmq_socket(context, ZMQ_PAIR);
	if (z->monitor == NULL ||
	    zmq_socket_monitor(z->socket, name,
			       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) < 0 ||
	    zmq_connect(z->monitor, name) < 0)
		fatal("cannot watch the links of ZeroMQ: %s", zmq_strerror(zmq_errno()));
	watch_socket(z, z->monitor, &z->monitor_watch, on_monitor);
	/* The fd tells of new events only once somebody has found the pipe empty. */
	while (receive_event(z))
		;
}

/* ZeroMQ's last endpoint is tcp://HOST:PORT. */
static void note_endpoint(struct zsock *z)
{
	char text[ADDRESS_TEXT_MAX + 8];
	size_t size = sizeof(text);

	if (zmq_getsockopt(z->socket, ZMQ_LAST_ENDPOINT, text, &size) < 0)
		fatal("cannot read an endpoint of ZeroMQ: %s", zmq_strerror(zmq_errno()));
	snprintf(z->endpoint, sizeof(z->endpoint), "%.*s", (int)sizeof(z->endpoint) - 1,
		 strncmp(text, "tcp://", 6) == 0 ? text + 6 : text);
}

static int open_at(struct zsock *z, const char *address, int (*open)(void *, const char *))
{
	char url[ADDRESS_TEXT_MAX + 8];
	struct address parsed;
	int rc;

	rc = address_parse(address, &parsed);
	if (rc < 0)
		return rc;
	snprintf(url, sizeof(url), "tcp://%s", address);
	return open(z->socket, url) < 0 ? -zmq_errno() : 0;
}

int zsock_router(struct loop *l, struct buf_pool *pool, const char *address,
		 const struct zsock_options *o, const struct zsock_handler *h, void *arg,
		 struct zsock **out)
{
	struct zsock *z = zsock_new(l, pool, ZMQ_ROUTER, o, h, arg);
	int rc = open_at(z, address, zmq_bind);

	if (rc < 0) {
		zmq_close(z->socket);
		free(z);
		return rc;
	}
	note_endpoint(z);
	start(z);
	*out = z;
	return 0;
}

int zsock_dealer(struct loop *l, struct buf_pool *pool, const char *address,
		 const struct zsock_options *o, const struct zsock_handler *h, void *arg,
		 struct zsock **out)
{
	struct zsock *z = zsock_new(l, pool, ZMQ_DEALER, o, h, arg);
	int rc;

	start_monitor(z);
	start(z);
	rc = open_at(z, address, zmq_connect);
	if (rc < 0) {
		zsock_close(z);
		return rc;
	}
	snprintf(z->endpoint, sizeof(z->endpoint), "%s", address);
	*out = z;
	return 0;
}

void zsock_close(struct zsock *z)
{
	if (z == NULL)
		return;
	deferred_cancel(&z->pass);
	watch_fini(&z->watch);
	if (z->monitor != NULL) {
		watch_fini(&z->monitor_watch);
		zmq_socket_monitor(z->socket, NULL, 0);
		zmq_close(z->monitor);
	}
	zmq_close(z->socket);
	free(z);
}

const char *zsock_endpoint(const struct zsock *z)
{
	return z->endpoint;
}

bool zsock_up(const struct zsock *z)
{
	return z->up;
}

static void drop_buf(void *data, void *hint)
{
	(void)data;
	buf_unref(hint);
}

static int send_copy(struct zsock *z, const void *data, size_t len, bool more)
{
	int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
	int rc;

	do {
		rc = zmq_send(z->socket, data, len, flags);
	} while (rc < 0 && zmq_errno() == EINTR);
	return rc < 0 ? -zmq_errno() : 0;
}

/* With a reference of its own, which goes with the frame, sent or not. */
static int send_buf(struct zsock *z, struct buf *b, bool more)
{
	zmq_msg_t frame;
	int rc;

	if (zmq_msg_init_data(&frame, b->data, b->len, drop_buf, buf_ref(b)) < 0)
		fatal("out of memory sending a frame");
	do {
		rc = zmq_msg_send(&frame, z->socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
	} while (rc < 0 && zmq_errno() == EINTR);
	if (rc >= 0)
		return 0;
	zmq_msg_close(&frame);
	return ERR_PEER_GONE;
}

static int failed(struct zsock *z, int rc)
{
	if (rc == -EHOSTUNREACH)
		rc = ERR_PEER_GONE;
	if (rc == -EAGAIN)
		z->blocked = true;
	deferred_queue(&z->pass);
	return rc;
}

int zsock_send(struct zsock *z, const struct zmsg *msg)
{
	int rc;

	assert(z->router == (msg->peer.len > 0));
	assert(msg->parts <= ZMSG_PARTS && msg->head_len <= ZMSG_HEAD_MAX);
	if (z->router) {
		rc = send_copy(z, msg->peer.id, msg->peer.len, true);
		if (rc < 0)
			return failed(z, rc);
	}
	rc = send_copy(z, msg->head, msg->head_len, msg->parts > 0);
	if (rc < 0)
		return failed(z, rc);
	/*
	 * The first frame found room, so the others have it. A connection that ends in between
	 * makes a later frame fail; the rest is still offered, since ZeroMQ skips up to the
	 * message's last one.
	 */
	for (unsigned i = 0; i < msg->parts; i++) {
		int part_rc = send_buf(z, msg->part[i], i + 1 < msg->parts);

		rc = rc < 0 ? rc : part_rc;
	}
	if (rc < 0)
		return failed(z, rc);
	for (unsigned i = 0; i < msg->parts; i++)
		buf_unref(msg->part[i]);
	deferred_queue(&z->pass);
	return 0;
}

void zsock_pause(struct zsock *z)
{
	z->paused = true;
}

void zsock_resume(struct zsock *z)
{
	z->paused = false;
	deferred_queue(&z->pass);
}
