/*
 * A connection of HTTP/2: reading, writing, time-outs, draining, its end.
 *
 *   begun ──▶ streams come and go ──▶ GOAWAY sent ──▶ over ──client closes, or time──▶ freed
 *               │ transport fails                               ▲
 *               ▼                                               │ the last task is done
 *              lost ────────────────────────────────────────────┘
 *
 * Time-outs: a head that has begun gets the time of a head; a connection without streams that
 * of an idle one, whatever else its client sends; a stream's task has those of its waits.
 *
 * When it is over we say FIN and throw away what comes for a while, as HTTP/1 does, so that the
 * client gets our last frames; http_conn.c does that once no task is left.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http2_private.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"

#define READ_SIZE	((size_t)64 * 1024)
#define TURN_READS	4 /* of one connection before others have their turn */
#define LINGER_MS	5000
#define LINGER_SHORT_MS 1000
#define DRAIN_MS	2000 /* between the notice and the end of taking streams */

static TAILQ_HEAD(, http2) held = TAILQ_HEAD_INITIALIZER(held);
static size_t unread_all;

/* Writing */

static void drop_out(struct http2 *h)
{
	http2_out_free(h->out);
	h->out = NULL;
}

/* Until the last frames are out nothing is read; then what still comes is thrown away. */
static void watch(struct http2 *h)
{
	bool reads = h->over || (!h->held && h->ending_since_ms == 0);

	if (!h->lost)
		conn_want(h->conn, (reads ? WATCH_READ : 0) | (h->out ? WATCH_WRITE : 0));
}

/* The transport has failed: streams are told, their tasks unwind. */
static void lose(struct http2 *h)
{
	struct http2_stream *s, *next;

	if (h->lost)
		return;
	h->lost = true;
	drop_out(h);
	conn_drop_transport(h->conn);
	for (s = TAILQ_FIRST(&h->streams); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		s->open = false;
		http2_stream_lost(s);
		if (s->stream.task == NULL)
			http2_stream_free(s);
	}
}

/* One batch: 1 when there may be another, 0 when there is none or the transport is full. */
static int write_batch(struct http2 *h)
{
	int rc;

	if (h->out == NULL)
		h->out = http2_out_new();
	if (h->out->first == h->out->count)
		http2_session_gather(h);
	if (h->out->first == h->out->count) {
		drop_out(h);
		return 0;
	}
	rc = http2_out_write(h->out, h->conn->transport);
	if (rc == -EAGAIN)
		return 0;
	if (rc < 0)
		lose(h);
	else
		h->wrote_ms = clock_now_ms();
	return rc == 0;
}

void http2_flush(struct http2 *h)
{
	if (h->lost)
		return;
	if (h->out != NULL || http2_session_wants(h))
		while (write_batch(h) > 0)
			;
	watch(h);
	/* Whoever called may be a task, which must not see h freed. */
	if (!h->lost && !h->over && h->out == NULL && http2_session_over(h))
		deferred_queue(&h->soon);
}

void http2_flush_soon(struct http2 *h)
{
	deferred_queue(&h->soon);
}

/* Reading */

static void hold(struct http2 *h)
{
	if (h->held || unread_all <= HTTP2_UNREAD_MAX || h->unread <= HTTP2_WINDOW_CLOSED)
		return;
	h->held = true;
	TAILQ_INSERT_TAIL(&held, h, held_link);
}

static void release(struct http2 *h)
{
	if (!h->held)
		return;
	h->held = false;
	TAILQ_REMOVE(&held, h, held_link);
	watch(h);
}

void http2_unread(struct http2 *h, int64_t bytes)
{
	h->unread += (size_t)bytes;
	unread_all += (size_t)bytes;
	if (bytes > 0)
		hold(h);
	else if (h->held && h->unread <= HTTP2_WINDOW_CLOSED)
		release(h);
	/* Room again: for whoever has waited longest, who is held again if it was too early. */
	if (bytes < 0 && unread_all <= HTTP2_UNREAD_MAX / 2 && !TAILQ_EMPTY(&held))
		release(TAILQ_FIRST(&held));
}

bool http2_read(struct http2 *h)
{
	static char scratch[READ_SIZE]; /* used within one call only */
	struct iovec iov = {scratch, sizeof(scratch)};
	ssize_t n;

	h->read_full = false;
	if (h->lost || h->over || h->ending_since_ms != 0 || h->held)
		return false;
	n = h->conn->transport->ops->readv(h->conn->transport, &iov, 1);
	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n <= 0) {
		lose(h);
		return false;
	}
	h->read_full = n == READ_SIZE;
	http2_session_feed(h, scratch, (size_t)n);
	http2_flush(h);
	return true;
}

/* An answer that needs no task. */
static void answer_unread(struct http2_stream *s, int status, const char *why)
{
	static const struct reply_field fields[] = {
		{"Content-Type", "application/json"},
		{"Retry-After", "5"}, /* last: with 503 only */
	};
	int len = snprintf(s->text, sizeof(s->text),
			   "{\"errors\":[{\"code\":\"%s\",\"message\":\"%s\"}]}\n",
			   status == 503 ? "UNAVAILABLE" : "REQUEST_INVALID", why);
	struct reply_head head = {
		.status = status,
		.length = len,
		.fields = fields,
		.count = status == 503 ? 2 : 1,
	};

	if (status != 503) /* which comes in masses, and who found no task has told */
		log_info("request refused unread", "status=%d why=\"%s\" remote=%s", status,
			 why, s->stream.remote);
	metric_inc(M_HTTP_REFUSED);
	s->stream.task = NULL;
	s->text_part = (struct iovec){s->text, (size_t)len};
	s->parts = &s->text_part;
	s->part_count = 1;
	s->parts_len = s->body_less ? 0 : (size_t)len;
	if (http2_session_respond(s, &head) < 0)
		http2_session_reset(s, true);
}

static void start_request(struct http2_stream *s, bool body_follows)
{
	struct http2 *h = s->http2;
	const struct http_service *service = &h->conn->front->service;
	struct http_head *head;
	struct arena *a = http2_head_take(&h->head, &head);

	s->body_less = head->method == METHOD_HEAD;
	s->ended = !body_follows;
	s->unseen = body_follows ? head->content_length : 0;
	s->continue_due = head->expect_continue;
	if (!service->on_request(service->arg, &s->stream, a, head)) {
		arena_free(a);
		answer_unread(s, 503, "too many requests at once; try again");
	}
}

static bool is_head(const struct http_head *head)
{
	return head->method_text.len == 4 && memcmp(head->method_text.data, "HEAD", 4) == 0;
}

void http2_request(struct http2 *h, int32_t id, bool body_follows)
{
	struct http2_stream *s;
	int status;

	/*
	 * Tasks of streams that were reset count until they are done. Twice as many as streams:
	 * the client may know of the end of an answer before its task does.
	 */
	if (h->live >= 2 * h->conn->front->limits.streams) {
		http2_session_turn_away(h, id);
		return;
	}
	s = http2_stream_new(h, id);
	http2_session_bind(s);
	status = http2_head_finish(&h->head, body_follows);
	if (status == 0) {
		start_request(s, body_follows);
	} else {
		s->body_less = is_head(h->head.head);
		s->ended = !body_follows;
		answer_unread(s, status, h->head.why);
	}
}

/* Life */

static int64_t idle_ms(const struct http2 *h)
{
	const struct http_limits *limits = &h->conn->front->limits;

	if (!h->greeted)
		return limits->head_ms;
	return limits->idle_ms;
}

static void arm(struct http2 *h)
{
	int64_t since, ms;

	if (h->ending_since_ms != 0) {
		since = h->ending_since_ms;
		ms = LINGER_MS;
	} else if (h->head_since_ms != 0) {
		since = h->head_since_ms;
		ms = h->conn->front->limits.head_ms;
	} else if (h->draining && !h->refusing) {
		since = h->draining_since_ms;
		ms = DRAIN_MS;
	} else if (h->live == 0) {
		since = h->idle_since_ms;
		ms = idle_ms(h);
	} else {
		conn_set_deadline(h->conn, 0);
		return;
	}
	ms -= clock_now_ms() - since;
	conn_set_deadline(h->conn, ms > 0 ? ms : 1);
}

static void free_all(struct http2 *h, bool linger)
{
	struct http_conn *c = h->conn;
	bool short_linger = h->angry || h->draining;

	assert(h->live == 0);
	release(h);
	deferred_cancel(&h->soon);
	http2_session_close(h);
	drop_out(h);
	metric_set(M_HTTP2_CONNECTIONS, --c->front->http2_count);
	c->http2 = NULL;
	free(h);
	if (linger)
		conn_linger(c, short_linger ? LINGER_SHORT_MS : LINGER_MS);
	else
		conn_free(c);
}

/* No more frames either way: who still has a stream that is not whole will get no more of it.
 */
static void end(struct http2 *h)
{
	struct http2_stream *s, *next;

	h->over = true;
	conn_set_deadline(h->conn, LINGER_MS);
	h->conn->transport->ops->shutdown(h->conn->transport);
	release(h);
	for (s = TAILQ_FIRST(&h->streams); s != NULL; s = next) {
		next = TAILQ_NEXT(s, link);
		if (!s->open)
			continue;
		http2_session_forget(s);
		http2_stream_lost(s);
		if (s->stream.task == NULL)
			http2_stream_free(s);
	}
}

void http2_settle(struct http2 *h)
{
	if (!h->lost && !h->over && h->out == NULL && http2_session_over(h))
		end(h);
	if (h->live == 0 && (h->lost || h->over))
		free_all(h, !h->lost);
	else if (!h->lost && !h->over)
		arm(h);
}

static void on_soon(void *arg)
{
	http2_flush(arg);
	http2_settle(arg);
}

void http2_on_ready(struct http2 *h, int ready)
{
	if (h->over) {
		if (!conn_swallow(h->conn))
			lose(h);
	} else {
		if ((ready & WATCH_WRITE) != 0)
			http2_flush(h);
		for (int i = 0; i < TURN_READS && (ready & WATCH_READ) != 0; i++)
			if (!http2_read(h) || !h->read_full)
				break;
	}
	http2_settle(h);
}

void http2_on_time(struct http2 *h)
{
	if (h->over || h->ending_since_ms != 0) {
		lose(h);
	} else if (h->head_since_ms != 0) {
		log_info("request refused unread",
			 "why=\"it took too long to arrive\" remote=%s", h->conn->remote);
		metric_inc(M_HTTP_REFUSED);
		http2_session_end(h, false);
	} else if (h->draining && !h->refusing) {
		h->refusing = true;
		http2_session_refuse(h);
	} else {
		http2_session_end(h, false);
	}
	http2_flush(h);
	http2_settle(h);
}

void http2_hurry(struct http2 *h)
{
	if (h->draining || h->lost)
		return;
	h->draining = true;
	h->draining_since_ms = clock_now_ms();
	http2_session_notice(h);
	http2_flush_soon(h);
}

void http2_abort(struct http2 *h)
{
	struct http2_stream *s;

	/* The tasks first: their waits must not end as if the client alone were gone. */
	TAILQ_FOREACH(s, &h->streams, link)
		if (s->stream.task != NULL)
			task_cancel(s->stream.task);
	lose(h);
	http2_settle(h);
}

void http2_begin(struct http_conn *c, const char *data, ssize_t n)
{
	struct http2 *h = xcalloc(1, sizeof(*h));

	h->conn = c;
	TAILQ_INIT(&h->streams);
	h->idle_since_ms = clock_now_ms();
	calm_init(&h->calm, h->idle_since_ms);
	deferred_init(&h->soon, c->front->loop, on_soon, h);
	c->http2 = h;
	c->state = CONN_HTTP2;
	metric_set(M_HTTP2_CONNECTIONS, ++c->front->http2_count);
	http2_session_open(h, c->front->limits.streams);
	if (n > 0)
		http2_session_feed(h, data, (size_t)n);
	else if (n != -EAGAIN && n != -EINTR)
		lose(h);
	http2_flush(h);
	if (c->front->draining)
		http2_hurry(h);
	http2_settle(h);
}
