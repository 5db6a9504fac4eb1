/*
 * What a request's task does with its stream: read the body, send the answer.
 *
 * Body bytes that come while await_read() waits, or that it reads from the transport itself,
 * go straight from the decrypted frame to the reader's memory; what comes while the task does
 * something else waits in the inbox. Only what was used is given back to the client's window.
 *
 * The answer's bytes are lent: await_write() returns when the transport has taken them.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/http2_private.h"

#define SMALL	    ((size_t)4 * 1024)	 /* bytes of an answer */
#define SWALLOW_MAX ((int64_t)64 * 1024) /* of an unread body; of more the rest is refused */

static struct http2_stream *stream_of(struct http_stream *st)
{
	struct http2_stream *s = (struct http2_stream *)st;

	assert(s->magic == HTTP2_STREAM_MAGIC && st->task == task_self());
	return s;
}

struct http2_stream *http2_stream_new(struct http2 *h, int32_t id)
{
	struct http2_stream *s = xcalloc(1, sizeof(*s));

	s->magic = HTTP2_STREAM_MAGIC;
	s->id = id;
	s->http2 = h;
	s->open = true;
	s->unseen = -1;
	s->stream.ops = &http2_stream_ops;
	s->stream.remote = h->conn->remote;
	s->stream.secure = h->conn->front->tls != NULL;
	inbox_init(&s->inbox);
	TAILQ_INSERT_TAIL(&h->streams, s, link);
	h->live++;
	return s;
}

void http2_stream_free(struct http2_stream *s)
{
	struct http2 *h = s->http2;

	assert(!s->open && s->in_out == 0 && s->waiter == NULL);
	http2_unread(h, -(int64_t)s->inbox.len);
	inbox_drop(&s->inbox);
	TAILQ_REMOVE(&h->streams, s, link);
	h->live--;
	if (h->live == 0)
		h->idle_since_ms = clock_now_ms();
	s->magic = 0;
	free(s);
}

void http2_stream_wake(struct http2_stream *s)
{
	struct waiter *w = s->waiter;

	s->waiter = NULL;
	if (w != NULL)
		waiter_done(w, 0);
}

void http2_stream_lost(struct http2_stream *s)
{
	s->gone = true;
	if (s->waiter != NULL)
		http2_stream_wake(s);
	else if (s->stream.task != NULL && s->stream.task != task_self())
		task_cancel(s->stream.task);
}

void http2_stream_data(struct http2_stream *s, const void *data, size_t len)
{
	size_t direct = s->dest_room - s->dest_len;

	if (direct > len)
		direct = len;
	if (s->unseen > 0)
		s->unseen -= (int64_t)len;
	if (s->dest != NULL && direct > 0) {
		memcpy(s->dest + s->dest_len, data, direct);
		s->dest_len += direct;
		http2_session_consumed(s, direct);
		data = (const char *)data + direct;
		len -= direct;
	}
	if (len > 0) {
		inbox_add(&s->inbox, data, len);
		http2_unread(s->http2, (int64_t)len);
	}
	http2_stream_wake(s);
}

void http2_stream_written(struct http2_stream *s, size_t n)
{
	s->in_out -= n;
	s->stream.bytes_out += (int64_t)n;
	if (s->in_out > 0)
		return;
	http2_stream_wake(s);
	if (s->stream.task == NULL && !s->open)
		http2_stream_free(s);
}

/* The client's time to make progress; less when the task has set an end to its reading. */
static int64_t patience(const struct http2_stream *s, bool reading)
{
	int64_t ms = s->http2->conn->front->limits.progress_ms, left;

	if (!reading || s->stream.read_until_ms == 0)
		return ms;
	left = s->stream.read_until_ms - clock_now_ms();
	return left < 0 ? 0 : left < ms ? left : ms;
}

/* Until something changes: 0, -ETIMEDOUT, -ECANCELED. */
static int await_change(struct http2_stream *s, bool reading, const char *name)
{
	struct waiter w;
	int rc;

	waiter_init(&w);
	s->waiter = &w;
	rc = task_wait(&w, name, patience(s, reading));
	s->waiter = NULL;
	return rc;
}

/* The task reads: more may come at once. */
static void widen(struct http2_stream *s)
{
	if (s->widened)
		return;
	s->widened = true;
	if (http2_session_widen(s))
		http2_flush(s->http2);
}

static void say_continue(struct http2_stream *s)
{
	if (!s->continue_due)
		return;
	s->continue_due = false;
	if (s->head_given)
		return;
	http2_session_say_continue(s);
	http2_flush(s->http2);
}

/* Bytes may be there: 1. None will come: 0, or ERR_PEER_GONE. */
static int body_comes(struct http2_stream *s)
{
	if (s->inbox.len > 0)
		return 1;
	if (s->ended)
		return 0;
	return s->gone ? ERR_PEER_GONE : 1;
}

/* The last read ended, for want of room, within this stream's bytes. */
static bool more_likely(const struct http2_stream *s)
{
	return s->http2->read_full && s->http2->last_data == s->id && !s->http2->held;
}

/* Body bytes that come go straight here: until take_back(), which says how many did. */
static void lend(struct http2_stream *s, void *data, size_t capacity)
{
	s->dest = data;
	s->dest_room = capacity;
	s->dest_len = 0;
}

static int64_t take_back(struct http2_stream *s)
{
	s->dest = NULL;
	s->dest_room = 0;
	return (int64_t)s->dest_len;
}

/* With an empty inbox: > 0 bytes, 0 none came, or an error. */
static int64_t await_direct(struct http2_stream *s, void *data, size_t capacity)
{
	int64_t n;
	int rc = 0;

	lend(s, data, capacity);
	if (!http2_read(s->http2) && s->dest_len == 0 && !s->gone && !s->ended)
		rc = await_change(s, true, "the client to send bytes");
	n = take_back(s);
	return n > 0 ? n : rc;
}

/* What waits in the inbox, and what is likely to be there behind it. */
static int64_t read_waiting(struct http2_stream *s, char *data, size_t capacity)
{
	size_t n = inbox_take(&s->inbox, data, capacity);

	if (n == 0)
		return 0;
	http2_unread(s->http2, -(int64_t)n);
	http2_session_consumed(s, n);
	if (n < capacity && more_likely(s)) {
		lend(s, data + n, capacity - n);
		(void)http2_read(s->http2);
		n += (size_t)take_back(s);
	}
	http2_flush(s->http2);
	return (int64_t)n;
}

static int64_t await_read(struct http_stream *st, void *data, size_t capacity)
{
	struct http2_stream *s = stream_of(st);
	int64_t n = 0;

	assert(capacity > 0);
	widen(s);
	while (n == 0) {
		n = body_comes(s);
		if (n <= 0)
			return n;
		n = read_waiting(s, data, capacity);
		if (n > 0)
			break;
		say_continue(s);
		n = await_direct(s, data, capacity);
	}
	if (n > 0)
		st->bytes_in += n;
	return n;
}

static int await_ready(struct http_stream *st)
{
	struct http2_stream *s = stream_of(st);
	int rc;

	while ((rc = body_comes(s)) > 0 && s->inbox.len == 0 && !more_likely(s)) {
		widen(s);
		say_continue(s);
		if (http2_read(s->http2))
			continue;
		rc = await_change(s, true, "the client to send bytes");
		if (rc < 0)
			return rc;
	}
	return rc;
}

static bool all_out(const struct http2_stream *s)
{
	return s->head_out && s->parts_len == 0 && s->in_out == 0 &&
	       (s->left > 0 || s->end_out);
}

/*
 * No byte of this stream went for as long as a client may take. It is not this one's fault when
 * the client has room for it and the connection is at work for others.
 */
static bool others_are_served(const struct http2_stream *s)
{
	const struct http2 *h = s->http2;

	return !h->lost && !http2_session_shut(s) &&
	       clock_now_ms() - h->wrote_ms < h->conn->front->limits.progress_ms;
}

static int await_out(struct http2_stream *s)
{
	int rc = 0;

	while (!all_out(s)) {
		if (s->gone)
			return ERR_PEER_GONE;
		rc = await_change(s, false, "the client to take bytes");
		if (rc < 0 && !all_out(s) && !(rc == -ETIMEDOUT && others_are_served(s)))
			return rc;
	}
	return 0;
}

static int await_write(struct http_stream *st, const struct reply_head *head,
		       const struct iovec *iov, int count)
{
	struct http2_stream *s = stream_of(st);
	struct iovec parts[SEND_PARTS];
	int rc = 0;

	assert(count >= 0 && count <= SEND_PARTS);
	if (s->gone)
		return ERR_PEER_GONE;
	memcpy(parts, iov, (size_t)count * sizeof(*iov));
	s->parts = parts;
	s->part_count = count;
	s->parts_len = 0;
	for (int i = 0; i < count; i++)
		s->parts_len += iov[i].iov_len;
	if (head->length < 0 && s->parts_len == 0)
		s->left = 0;
	if (!s->head_given)
		rc = http2_session_respond(s, head);
	else
		http2_session_resume(s);
	/* Small answers of several streams go out in one record, with one system call. */
	if (rc == 0 && s->http2->live > 1 && s->parts_len <= SMALL)
		http2_flush_soon(s->http2);
	else if (rc == 0)
		http2_flush(s->http2);
	if (rc == 0)
		rc = await_out(s);
	s->parts = NULL;
	s->part_count = 0;
	s->parts_len = 0;
	if (s->in_out > 0)
		http2_out_rescue(s->http2->out, s);
	if (rc < 0)
		s->cut = true;
	return rc;
}

/* A small rest of the body is read past: many clients do not like to be stopped. */
static void await_end(struct http_stream *st)
{
	struct http2_stream *s = stream_of(st);
	char rest[4096];

	if (s->unseen > SWALLOW_MAX || s->unseen < 0 || s->continue_due)
		return;
	while (!s->cut && !s->ended)
		if (await_read(st, rest, sizeof(rest)) < 0)
			return;
}

static void cut(struct http_stream *st)
{
	stream_of(st)->cut = true;
}

static void done(struct http_stream *st)
{
	struct http2_stream *s = stream_of(st);
	struct http2 *h = s->http2;

	st->task = NULL;
	if (s->open && (s->cut || !s->end_out))
		http2_session_reset(s, true);
	else if (s->open && !s->ended)
		http2_session_reset(s, false);
	http2_session_forget(s);
	http2_stream_free(s);
	http2_flush(h);
	http2_settle(h);
}

const struct http_stream_ops http2_stream_ops = {
	.await_read = await_read,
	.await_ready = await_ready,
	.await_write = await_write,
	.await_end = await_end,
	.cut = cut,
	.done = done,
};
