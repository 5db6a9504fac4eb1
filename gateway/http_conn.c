/*
 * A connection's states, on the loop's stack.
 *
 *            first bytes            whole head              task done, keep-alive
 *   IDLE ───────────────▶ HEAD ───────────────▶ BUSY ───────────────────────────▶ IDLE
 *    │ idle time             │ head time, bad       │ answered, but to be closed
 *    ▼                       ▼ head: an error       ▼
 *   closed ◀── client closed, or time ─────────── LINGER
 *
 * A head usually comes in one read, into the front's scratch memory; only what is left over (a
 * part of a head, body bytes, the next requests) is kept with the connection. While a task runs
 * and its body is read, reading goes on, so that a client that goes away is noticed: then the
 * task's wait on the connection fails, or the task is cancelled where it waits for something
 * else.
 *
 * A connection whose handshake chose HTTP/2 is http2_conn.c's from there on, until it
 * lingers.
 *
 * LINGER: closing a socket with unread bytes makes the kernel send RST, which can destroy the
 * answer on its way to the client; so we send FIN and throw away what comes for a while.
 *
 * The timer is lazy: a request moves `deadline`; the timer, when it fires early, is set again.
 */
#include "gateway/http_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http2.h"
#include "gateway/http_conn_private.h"
#include "gateway/http_print.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"

#define LINGER_MS	  5000
#define LINGER_DRAIN_MS	  1000
#define IDLE_DRAIN_MS	  2000
#define LINGER_TURN_BYTES ((size_t)512 * 1024)

static void on_ready(void *arg, int ready);
static void on_timer(void *arg);
static void on_again(void *arg);

static void check(const struct http_conn *c)
{
	assert(c->magic == HTTP_CONN_MAGIC);
}

void conn_set_deadline(struct http_conn *c, int64_t ms)
{
	if (ms == 0) {
		c->deadline = 0;
		return;
	}
	c->deadline = clock_now_ms() + ms;
	if (c->timer_due == 0 || c->timer_due > c->deadline) {
		timer_start(&c->timer, ms);
		c->timer_due = c->deadline;
	}
}

/*
 * While draining, an idle connection gets a little time for a request that may be on its way:
 * it is answered and told to close. Closing at once would make that request fail.
 */
static int64_t idle_ms(const struct http_front *f)
{
	if (f->draining && f->limits.idle_ms > IDLE_DRAIN_MS)
		return IDLE_DRAIN_MS;
	return f->limits.idle_ms;
}

struct http_conn *conn_new(struct http_front *f, struct transport *t, const char *remote)
{
	struct http_conn *c = xcalloc(1, sizeof(*c));

	c->magic = HTTP_CONN_MAGIC;
	c->state = CONN_IDLE;
	c->front = f;
	c->transport = t;
	snprintf(c->remote, sizeof(c->remote), "%s", remote);
	timer_init(&c->timer, f->loop, on_timer, c);
	deferred_init(&c->again, f->loop, on_again, c);
	t->on_ready = on_ready;
	t->arg = c;
	/* A client that connects and says nothing gets the time of a head, not of a pause. */
	conn_set_deadline(c, f->limits.head_ms);
	conn_want(c, WATCH_READ);
	return c;
}

void conn_drop_transport(struct http_conn *c)
{
	if (c->transport != NULL)
		c->transport->ops->close(c->transport);
	c->transport = NULL;
	c->wanted = 0;
}

void conn_free(struct http_conn *c)
{
	check(c);
	assert(c->stream.task == NULL && c->waiter == NULL);
	conn_drop_transport(c);
	timer_fini(&c->timer);
	deferred_cancel(&c->again);
	conn_in_drop(c);
	free(c->held);
	front_forget(c->front, c);
	c->magic = 0;
	free(c);
}

void conn_want(struct http_conn *c, int what)
{
	if (c->transport == NULL || c->wanted == what)
		return;
	c->wanted = what;
	c->transport->ops->want(c->transport, what);
}

void conn_in_reserve(struct http_conn *c, size_t size)
{
	struct conn_in *in = &c->in;

	if (in->capacity - in->end >= size)
		return;
	if (in->start > 0) {
		memmove(in->data, in->data + in->start, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
	}
	if (in->capacity - in->end < size) {
		in->capacity = in->end + size;
		in->data = xrealloc(in->data, in->capacity);
	}
}

void conn_in_drop(struct http_conn *c)
{
	free(c->in.data);
	c->in = (struct conn_in){0};
}

/* Let `in` hold these bytes only; they may lie in it already. */
static void in_keep(struct http_conn *c, const char *data, size_t len)
{
	if (len == 0) {
		c->in.start = c->in.end = 0;
	} else if (c->in.data != NULL && data >= c->in.data &&
		   data <= c->in.data + c->in.capacity) {
		c->in.start = (size_t)(data - c->in.data);
		c->in.end = c->in.start + len;
	} else {
		assert(conn_in_len(c) == 0);
		c->in.start = c->in.end = 0;
		conn_in_reserve(c, len);
		memcpy(c->in.data, data, len);
		c->in.end = len;
	}
}

void conn_linger(struct http_conn *c, int64_t ms)
{
	c->state = CONN_LINGER;
	conn_in_drop(c);
	c->transport->ops->shutdown(c->transport);
	conn_set_deadline(c, ms);
	conn_want(c, WATCH_READ);
}

/* An answer without a request: one attempt to write it, then linger. */
static void refuse_head(struct http_conn *c, int status, const char *why)
{
	static const struct reply_field fields[] = {
		{"Content-Type", "application/json"},
		{"Retry-After", "5"}, /* last: with 503 only */
	};
	char body[256];
	int len = snprintf(body, sizeof(body),
			   "{\"errors\":[{\"code\":\"%s\",\"message\":\"%s\"}]}\n",
			   status == 503 ? "UNAVAILABLE" : "REQUEST_INVALID", why);
	struct reply_head head = {
		.status = status,
		.length = len,
		.fields = fields,
		.count = status == 503 ? 2 : 1,
	};
	struct http_print p = {.head = &head, .minor = 1, .keep = false};
	int head_len = http_print_head(&p, c->front->print, HTTP_PRINT_MAX);
	struct iovec iov[2] = {{c->front->print, (size_t)head_len}, {body, (size_t)len}};

	assert(head_len > 0);
	if (status != 503) /* which comes in masses, and who found no task has told */
		log_info("request refused unread", "status=%d why=\"%s\" remote=%s", status,
			 why, c->remote);
	metric_inc(M_HTTP_REFUSED);
	if (c->transport->ops->writev(c->transport, iov, 2) < 0)
		conn_free(c);
	else
		conn_linger(c, LINGER_MS);
}

static void start_request(struct http_conn *c, const struct http_head *parsed)
{
	struct arena *a = arena_new();
	struct http_head *head = arena_alloc(a, sizeof(*head));

	*head = *parsed;
	http_head_keep(head, a);
	c->state = CONN_BUSY;
	c->deadline = 0;
	c->scanned = 0;
	deferred_cancel(&c->again);
	body_init(&c->body, head);
	c->minor = head->minor;
	c->client_keeps = head->keep_alive;
	c->continue_due = head->expect_continue;
	c->more_likely = c->broken = c->head_sent = c->keep = c->cut = false;
	c->stream = (struct http_stream){
		.ops = &conn_stream_ops,
		.remote = c->remote,
		.secure = c->front->tls != NULL,
	};
	if (!c->front->service.on_request(c->front->service.arg, &c->stream, a, head)) {
		arena_free(a);
		c->stream.task = NULL;
		refuse_head(c, 503, "too many requests at once; try again");
	}
}

/* Bytes that begin with a head, all there are: in scratch memory or in `in`. */
static void take_head(struct http_conn *c, const char *data, size_t len)
{
	struct http_head head;
	const char *why = NULL;
	size_t end;
	int status;

	/* Empty lines before a request are tolerated (RFC 9112 §2.2). */
	while (c->scanned == 0 && len >= 2 && data[0] == '\r' && data[1] == '\n') {
		data += 2;
		len -= 2;
	}
	if (http_head_is_tls(data, len)) {
		refuse_head(c, 400, "this port speaks plain HTTP, not TLS");
		return;
	}
	/* Half of such an empty line is not looked at yet. */
	end = 0;
	if (len != 1 || data[0] != '\r')
		end = http_head_end(data, len, &c->scanned);
	if (end == 0 && len >= HTTP_HEAD_MAX) {
		refuse_head(c, 431, "the header fields are too large");
		return;
	}
	if (end == 0) {
		in_keep(c, data, len);
		if (c->state == CONN_IDLE && len > 0) {
			c->state = CONN_HEAD;
			conn_set_deadline(c, c->front->limits.head_ms);
		}
		return;
	}
	status = http_head_parse(data, end, c->front->fields, &head, &why);
	if (status != 0) {
		refuse_head(c, status, why);
		return;
	}
	/* The head itself is copied by start_request(), before `in` can move. */
	in_keep(c, data + end, len - end);
	start_request(c, &head);
}

static bool chose_http2(const struct http_conn *c)
{
	const struct transport_ops *ops = c->transport->ops;

	return ops->speaks_http2 != NULL && ops->speaks_http2(c->transport);
}

static void read_head(struct http_conn *c)
{
	struct iovec iov = {c->front->scratch, HTTP_READ_SIZE};
	bool kept = conn_in_len(c) > 0;
	ssize_t n;

	if (kept) {
		conn_in_reserve(c, HTTP_READ_SIZE / 8);
		iov.iov_base = c->in.data + c->in.end;
		iov.iov_len = c->in.capacity - c->in.end;
	} else {
		conn_in_drop(c);
	}
	n = c->transport->ops->readv(c->transport, &iov, 1);
	if (c->opening && c->transport->ops->opened(c->transport)) {
		front_opened(c->front, c);
		if (chose_http2(c)) {
			http2_begin(c, c->front->scratch, n);
			return;
		}
	}
	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n == ERR_PROTOCOL) {
		refuse_head(c, 400, "this port speaks TLS: use https");
		return;
	}
	if (n <= 0) {
		conn_free(c);
		return;
	}
	if (kept) {
		c->in.end += (size_t)n;
		take_head(c, c->in.data + c->in.start, conn_in_len(c));
	} else {
		take_head(c, c->front->scratch, (size_t)n);
	}
}

/* What was kept from before may hold a whole request. */
static void on_again(void *arg)
{
	struct http_conn *c = arg;

	check(c);
	if ((c->state == CONN_IDLE || c->state == CONN_HEAD) && conn_in_len(c) > 0)
		take_head(c, c->in.data + c->in.start, conn_in_len(c));
}

/* The task is at work and does not read: next requests, or the client's farewell. */
static void read_early(struct http_conn *c)
{
	struct iovec iov;
	ssize_t n;

	if (!body_done(&c->body) || conn_in_len(c) >= HTTP_PIPELINE_MAX) {
		conn_want(c, c->wanted & ~WATCH_READ);
		return;
	}
	conn_in_reserve(c, HTTP_READ_SIZE / 8);
	iov = (struct iovec){c->in.data + c->in.end, c->in.capacity - c->in.end};
	n = c->transport->ops->readv(c->transport, &iov, 1);
	if (n > 0)
		c->in.end += (size_t)n;
	else if (n != -EAGAIN && n != -EINTR)
		conn_lost(c);
}

static void on_busy(struct http_conn *c, int ready)
{
	struct waiter *w = c->waiter;

	if (w != NULL && (ready & c->waiting_for) != 0) {
		c->waiter = NULL;
		waiter_done(w, 0);
		ready &= ~c->waiting_for;
	}
	/* What nobody waits for is not watched any longer: the next wait will ask again. */
	if ((ready & WATCH_WRITE) != 0)
		conn_want(c, c->wanted & ~WATCH_WRITE);
	if ((ready & WATCH_READ) != 0)
		read_early(c);
}

bool conn_swallow(struct http_conn *c)
{
	struct iovec iov = {c->front->scratch, HTTP_READ_SIZE};
	size_t total = 0;
	ssize_t n;

	do {
		n = c->transport->ops->readv(c->transport, &iov, 1);
		total += n > 0 ? (size_t)n : 0;
	} while (n > 0 && total < LINGER_TURN_BYTES);
	return n > 0 || n == -EAGAIN || n == -EINTR;
}

static void on_ready(void *arg, int ready)
{
	struct http_conn *c = arg;

	check(c);
	switch (c->state) {
	case CONN_IDLE:
	case CONN_HEAD:
		read_head(c);
		break;
	case CONN_BUSY:
		on_busy(c, ready);
		break;
	case CONN_HTTP2:
		http2_on_ready(c->http2, ready);
		break;
	case CONN_LINGER:
		if (!conn_swallow(c))
			conn_free(c);
		break;
	}
}

static void on_timer(void *arg)
{
	struct http_conn *c = arg;
	int64_t now = clock_now_ms();

	check(c);
	c->timer_due = 0;
	if (c->deadline == 0)
		return;
	if (c->deadline > now) {
		conn_set_deadline(c, c->deadline - now);
		return;
	}
	if (c->state == CONN_HTTP2)
		http2_on_time(c->http2);
	else if (c->state == CONN_HEAD)
		refuse_head(c, 408, "the request took too long to arrive");
	else if (c->state == CONN_IDLE && c->front->draining)
		conn_linger(c, LINGER_DRAIN_MS);
	else
		conn_free(c);
}

void conn_hurry(struct http_conn *c)
{
	if (c->state == CONN_IDLE)
		conn_set_deadline(c, idle_ms(c->front));
	else if (c->state == CONN_HTTP2)
		http2_hurry(c->http2);
}

void conn_lost(struct http_conn *c)
{
	struct waiter *w = c->waiter;

	conn_drop_transport(c);
	if (c->state != CONN_BUSY) {
		conn_free(c);
		return;
	}
	c->waiter = NULL;
	if (w != NULL)
		waiter_done(w, ERR_PEER_GONE);
	else if (c->stream.task != NULL && c->stream.task != task_self())
		task_cancel(c->stream.task);
}

void conn_abort(struct http_conn *c)
{
	struct task *task = c->stream.task;

	if (c->state == CONN_HTTP2) {
		http2_abort(c->http2);
		return;
	}
	/* The task first: its wait must not end as if the client alone were gone. */
	if (c->state == CONN_BUSY)
		task_cancel(task);
	conn_lost(c);
}

void conn_finish(struct http_conn *c)
{
	bool unread = !body_done(&c->body) || conn_in_len(c) > 0;

	check(c);
	assert(c->state == CONN_BUSY && c->waiter == NULL);
	c->stream.task = NULL;
	if (c->transport == NULL || c->cut) {
		conn_free(c);
	} else if (!c->keep) {
		/* With nothing unread a plain close keeps the answer whole. */
		if (unread)
			conn_linger(c, LINGER_MS);
		else
			conn_free(c);
	} else {
		c->state = CONN_IDLE;
		conn_want(c, WATCH_READ);
		conn_set_deadline(c, idle_ms(c->front));
		if (conn_in_len(c) > 0)
			deferred_queue(&c->again);
		else
			conn_in_drop(c);
	}
}
