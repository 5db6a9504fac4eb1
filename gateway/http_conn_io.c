/*
 * What a request's task does with its connection: read the body, send the answer.
 *
 * Body bytes go from the socket straight into the reader's memory. With chunked framing one
 * readv(2) asks for the rest of the chunk into the reader's memory and for a few bytes more,
 * the framing that follows, into the connection's buffer:
 *
 *   socket:  …rest of this chunk… │ CR LF 8 0 0 0 CR LF │ …next chunk…
 *   readv:   [ reader's memory   ] [ conn->in           ]
 *
 * so that large chunks cost one system call and no copy. All functions run on the task's stack;
 * the transport never blocks; the only place that sleeps is await_transport().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http_conn_private.h"
#include "gateway/http_print.h"
#include "proto/base/log.h"

#define DRAIN_MAX      ((int64_t)64 * 1024) /* of an unread body; more closes the connection */
#define IN_CHUNKED     ((size_t)4 * 1024)
#define IN_LARGE_CHUNK ((size_t)128) /* framing between two large chunks fits */
#define LARGE_CHUNK    ((int64_t)16 * 1024)

static struct http_conn *conn_of(struct http_stream *s)
{
	struct http_conn *c = (struct http_conn *)s;

	assert(c->magic == HTTP_CONN_MAGIC && c->state == CONN_BUSY && s->task == task_self());
	return c;
}

/* The client's time to make progress; less when the task has set an end to its reading. */
static int64_t patience(const struct http_conn *c, int what)
{
	int64_t ms = c->front->limits.progress_ms, left;

	if (what != WATCH_READ || c->stream.read_until_ms == 0)
		return ms;
	left = c->stream.read_until_ms - clock_now_ms();
	return left < 0 ? 0 : left < ms ? left : ms;
}

/* Until the transport is ready; -ETIMEDOUT when the client makes no progress. */
static int await_transport(struct http_conn *c, int what, const char *name)
{
	struct waiter w;
	int rc;

	waiter_init(&w);
	c->waiter = &w;
	c->waiting_for = what;
	conn_want(c, c->wanted | what);
	rc = task_wait(&w, name, patience(c, what));
	c->waiter = NULL;
	c->waiting_for = 0;
	return c->transport == NULL ? ERR_PEER_GONE : rc;
}

/* The client's end of the connection failed or was closed while the task used it. */
static int lost(struct http_conn *c)
{
	conn_lost(c);
	return ERR_PEER_GONE;
}

/* Bytes still to be written: parts of a list that is used up from its front. */
struct unsent {
	struct iovec *iov;
	int count;
};

static void advance(struct unsent *u, size_t n)
{
	while (u->count > 0 && n >= u->iov->iov_len) {
		n -= u->iov->iov_len;
		u->iov->iov_len = 0;
		u->iov++;
		u->count--;
	}
	if (u->count > 0) {
		u->iov->iov_base = (char *)u->iov->iov_base + n;
		u->iov->iov_len -= n;
	}
}

/* 0: all is written; -EAGAIN; ERR_PEER_GONE. */
static int write_some(struct http_conn *c, struct unsent *u)
{
	ssize_t n;

	advance(u, 0);
	while (u->count > 0) {
		n = c->transport->ops->writev(c->transport, u->iov, u->count);
		if (n == -EAGAIN)
			return -EAGAIN;
		if (n < 0 && n != -EINTR)
			return lost(c);
		if (n > 0) {
			c->stream.bytes_out += n;
			advance(u, (size_t)n);
		}
	}
	return 0;
}

static int await_write_all(struct http_conn *c, struct unsent *u)
{
	int rc;

	while ((rc = write_some(c, u)) == -EAGAIN) {
		rc = await_transport(c, WATCH_WRITE, "the client to take bytes");
		if (rc < 0)
			break;
	}
	return rc;
}

static int await_say_continue(struct http_conn *c)
{
	static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = {text, sizeof(text) - 1};

	if (!c->continue_due)
		return 0;
	c->continue_due = false;
	/* Body bytes that are here already say that the client did not wait. */
	if (conn_in_len(c) > 0 || c->head_sent)
		return 0;
	return await_write_all(c, &(struct unsent){&iov, 1});
}

/* From what was received before: body bytes moved, 0 when there are none, ERR_SYNTAX. */
static int64_t take_buffered(struct http_conn *c, char *data, size_t capacity)
{
	struct conn_in *in = &c->in;
	int64_t total = 0;

	while (conn_in_len(c) > 0 && !body_done(&c->body)) {
		int64_t n = body_frame(&c->body, in->data + in->start, conn_in_len(c));

		if (n < 0) {
			c->broken = true;
			return ERR_SYNTAX;
		}
		in->start += (size_t)n;
		n = body_data(&c->body);
		if (n > (int64_t)conn_in_len(c))
			n = (int64_t)conn_in_len(c);
		if (n > (int64_t)capacity - total)
			n = (int64_t)capacity - total;
		memcpy(data + total, in->data + in->start, (size_t)n);
		in->start += (size_t)n;
		body_take(&c->body, n);
		total += n;
		if (total == (int64_t)capacity)
			break;
	}
	if (conn_in_len(c) == 0)
		in->start = in->end = 0;
	return total;
}

/* From the transport: > 0 (bytes came, maybe framing only: *moved tells), or an error. */
static int64_t read_direct(struct http_conn *c, char *data, size_t capacity, int64_t *moved)
{
	int64_t want = body_data(&c->body);
	struct iovec iov[2];
	int count = 0;
	ssize_t n;

	*moved = 0;
	if (want > (int64_t)capacity)
		want = (int64_t)capacity;
	if (want > 0)
		iov[count++] = (struct iovec){data, (size_t)want};
	if (c->body.chunked && want == body_data(&c->body)) {
		assert(conn_in_len(c) == 0);
		conn_in_reserve(c, IN_CHUNKED);
		iov[count++] = (struct iovec){
			c->in.data + c->in.end,
			want >= LARGE_CHUNK ? IN_LARGE_CHUNK : IN_CHUNKED,
		};
	}
	n = c->transport->ops->readv(c->transport, iov, count);
	if (n <= 0)
		return n == 0 ? ERR_PEER_GONE : n;
	c->more_likely = n >= want;
	*moved = n < want ? n : want;
	body_take(&c->body, *moved);
	c->in.end += (size_t)(n - *moved);
	return n;
}

static int64_t await_read(struct http_stream *s, void *data, size_t capacity)
{
	struct http_conn *c = conn_of(s);
	int64_t n, moved;
	int rc;

	assert(capacity > 0);
	for (;;) {
		if (c->transport == NULL)
			return ERR_PEER_GONE;
		if (c->broken)
			return ERR_SYNTAX;
		n = take_buffered(c, data, capacity);
		if (n != 0 || body_done(&c->body))
			break;
		rc = await_say_continue(c);
		if (rc < 0)
			return rc;
		n = read_direct(c, data, capacity, &moved);
		if (n > 0 && moved > 0) {
			n = moved;
			break;
		}
		if (n == -EAGAIN) {
			rc = await_transport(c, WATCH_READ, "the client to send bytes");
			if (rc < 0)
				return rc;
		} else if (n < 0 && n != -EINTR) {
			return lost(c);
		}
	}
	s->bytes_in += n > 0 ? n : 0;
	return n;
}

static int await_ready(struct http_stream *s)
{
	struct http_conn *c = conn_of(s);
	int rc;

	if (c->transport == NULL)
		return ERR_PEER_GONE;
	if (body_done(&c->body))
		return 0;
	if (c->broken || c->more_likely || conn_in_len(c) > 0)
		return 1;
	rc = await_say_continue(c);
	if (rc == 0)
		rc = await_transport(c, WATCH_READ, "the client to send bytes");
	return rc < 0 ? rc : 1;
}

/* Does the connection go on after this answer? An unread body must be small enough to swallow.
 */
static bool decide_keep(const struct http_conn *c)
{
	if (!c->client_keeps || c->front->draining || c->broken || c->continue_due)
		return false;
	return body_done(&c->body) || (!c->body.chunked && c->body.left <= DRAIN_MAX);
}

/*
 * The head is printed into memory of the front that the next answer will use as well: what the
 * socket does not take at once is moved to memory of the connection's own.
 */
static int print_head(struct http_conn *c, const struct reply_head *head, struct iovec *out)
{
	struct http_print p = {.head = head, .minor = c->minor, .keep = decide_keep(c)};
	int len;

	if (head->length < 0 && c->minor == 0) /* the connection's end is the body's */
		p.keep = false;
	len = http_print_head(&p, c->front->print, HTTP_PRINT_MAX);
	if (len < 0) {
		log_error("head of an answer is too large", "status=%d", head->status);
		return len;
	}
	c->keep = p.keep;
	c->head_sent = true;
	*out = (struct iovec){c->front->print, (size_t)len};
	return 0;
}

#define CHUNK_HEAD_MAX 24

/* A chunk around the parts, or without any the last one. */
static int add_chunk(struct iovec *out, char head[CHUNK_HEAD_MAX], const struct iovec *iov,
		     int count)
{
	size_t len = 0;

	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	out[0] = (struct iovec){head,
				(size_t)snprintf(head, CHUNK_HEAD_MAX,
						 len > 0 ? "%zx\r\n" : "%zx\r\n\r\n", len)};
	if (len == 0)
		return 1;
	memcpy(out + 1, iov, (size_t)count * sizeof(*iov));
	out[1 + count] = (struct iovec){(void *)(uintptr_t) "\r\n", 2};
	return count + 2;
}

static int await_write_parts(struct http_conn *c, const struct reply_head *head,
			     const struct iovec *iov, int count)
{
	struct iovec all[SEND_PARTS + 3];
	char chunk[CHUNK_HEAD_MAX];
	struct unsent u = {all, 0};
	bool prints = !c->head_sent;
	int rc;

	if (prints) {
		rc = print_head(c, head, &all[u.count++]);
		if (rc < 0)
			return rc;
	}
	if (head->length < 0 && c->minor > 0) {
		u.count += add_chunk(all + u.count, chunk, iov, count);
	} else {
		memcpy(all + u.count, iov, (size_t)count * sizeof(*iov));
		u.count += count;
	}
	rc = write_some(c, &u);
	if (rc != -EAGAIN)
		return rc;
	if (prints && all[0].iov_len > 0) {
		c->held = xmalloc(all[0].iov_len);
		memcpy(c->held, all[0].iov_base, all[0].iov_len);
		all[0].iov_base = c->held;
	}
	rc = await_transport(c, WATCH_WRITE, "the client to take bytes");
	if (rc == 0)
		rc = await_write_all(c, &u);
	free(c->held);
	c->held = NULL;
	return rc;
}

static int await_write(struct http_stream *s, const struct reply_head *head,
		       const struct iovec *iov, int count)
{
	struct http_conn *c = conn_of(s);
	int rc;

	assert(count >= 0 && count <= SEND_PARTS);
	if (c->transport == NULL)
		return ERR_PEER_GONE;
	rc = await_write_parts(c, head, iov, count);
	if (rc < 0)
		c->cut = true;
	return rc;
}

/* A small rest of the body is read past, so that the connection can go on. */
static void await_end(struct http_stream *s)
{
	struct http_conn *c = conn_of(s);
	char rest[4096];

	while (c->keep && !c->cut && !body_done(&c->body))
		if (await_read(s, rest, sizeof(rest)) < 0)
			c->keep = false;
}

static void cut(struct http_stream *s)
{
	conn_of(s)->cut = true;
}

static void done(struct http_stream *s)
{
	conn_finish(conn_of(s));
}

const struct http_stream_ops conn_stream_ops = {
	.await_read = await_read,
	.await_ready = await_ready,
	.await_write = await_write,
	.await_end = await_end,
	.cut = cut,
	.done = done,
};
