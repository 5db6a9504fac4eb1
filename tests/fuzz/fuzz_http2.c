/*
 * What a client of HTTP/2 may send, behind its preface, over a transport that takes and gives
 * as the first bytes say. Requests are answered by tasks that read bodies, or do not, or never
 * end. Nothing may be left when the connection is dropped, and nothing written may come from
 * memory that a task has taken back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http_conn.h"
#include "proto/base/log.h"
#include "proto/base/task.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define CONTROL 4 /* first bytes of an input */
#define TURNS	200
#define PIECE	20000
#define POISON	'!' /* stands where an answer was */

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

static struct {
	struct transport base;
	const unsigned char *data;
	size_t size, read_at;
	size_t read_max, write_max;
	unsigned writes; /* some find no room */
	unsigned stop_at;
	int wanted;
	bool closed;
} fake;

static struct loop *loop;

static ssize_t fake_readv(struct transport *t, const struct iovec *iov, int count)
{
	size_t total = 0;

	(void)t;
	for (int i = 0; i < count; i++) {
		size_t n = fake.size - fake.read_at;

		n = n < iov[i].iov_len ? n : iov[i].iov_len;
		n = n < fake.read_max - total ? n : fake.read_max - total;
		memcpy(iov[i].iov_base, fake.data + fake.read_at, n);
		fake.read_at += n;
		total += n;
	}
	return total == 0 ? -EAGAIN : (ssize_t)total;
}

/* Only answers have so many bytes of one kind in a row. */
static bool is_poison(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != POISON)
			return false;
	return true;
}

static ssize_t fake_writev(struct transport *t, const struct iovec *iov, int count)
{
	size_t total = 0;

	(void)t;
	if (++fake.writes % 3 == 0)
		return -EAGAIN;
	if (fake.stop_at != 0 && fake.writes > fake.stop_at)
		return -EPIPE;
	for (int i = 0; i < count && total < fake.write_max; i++) {
		size_t n = iov[i].iov_len;

		n = n < fake.write_max - total ? n : fake.write_max - total;
		assert(n < 64 || !is_poison(iov[i].iov_base, n));
		total += n;
	}
	return (ssize_t)total;
}

static void fake_want(struct transport *t, int what)
{
	(void)t;
	fake.wanted = what;
}

static void fake_shutdown(struct transport *t)
{
	(void)t;
}

static void fake_close(struct transport *t)
{
	(void)t;
	fake.closed = true;
}

static bool fake_yes(const struct transport *t)
{
	(void)t;
	return true;
}

static const struct transport_ops ops = {
	.readv = fake_readv,
	.writev = fake_writev,
	.want = fake_want,
	.shutdown = fake_shutdown,
	.opened = fake_yes,
	.speaks_http2 = fake_yes,
	.close = fake_close,
};

struct job {
	struct http_stream *stream;
	struct arena *arena;
	const struct http_head *head;
};

static int say(struct http_stream *s, int64_t length)
{
	struct reply_field field = {"X-Request-Id", "0"};
	struct reply_head head = {
		.status = 200, .length = length, .fields = &field, .count = 1};
	char *piece = malloc(PIECE);
	int rc = 0;

	do {
		size_t n = length < PIECE ? (size_t)length : PIECE;
		struct iovec iov[2] = {{piece, n / 2}, {piece + n / 2, n - n / 2}};

		memset(piece, 'a', PIECE);
		rc = s->ops->await_write(s, &head, iov, 2);
		memset(piece, POISON, PIECE);
		length -= (int64_t)n;
	} while (rc == 0 && length > 0);
	free(piece);
	return rc;
}

/* What the gateway's handlers rely on, and something for each kind of them. */
static void run_job(void *arg)
{
	struct job *job = arg;
	struct http_stream *s = job->stream;
	const struct http_head *h = job->head;
	char body[5000];
	int64_t n = 1;
	int rc = 0;

	assert(h->minor == 2 && h->count <= HTTP_FIELDS_MAX && h->host.len > 0);
	assert(h->target.data[0] == '/' || h->target.data[0] == '*');
	assert(strlen(h->target.data) == h->target.len);
	if (h->target.len % 3 == 1)
		while (n > 0 && s->ops->await_ready(s) >= 0)
			n = s->ops->await_read(s, body, sizeof(body));
	if (h->target.len % 5 == 4)
		rc = await_sleep(60000);
	if (rc == 0 && n >= 0)
		rc = say(s,
			 h->method == METHOD_HEAD ? 0 : (int64_t)(h->target.len % 4) * 33000);
	if (rc < 0 || n < 0)
		s->ops->cut(s);
	s->ops->await_end(s);
	arena_free(job->arena);
	s->ops->done(s);
}

static bool on_request(void *arg, struct http_stream *s, struct arena *a,
		       const struct http_head *head)
{
	struct job *job = arena_alloc(a, sizeof(*job));

	(void)arg;
	if (head->target.len % 7 == 6)
		return false;
	*job = (struct job){s, a, head};
	s->task = task_spawn(loop, "job", NULL, run_job, job);
	return s->task != NULL;
}

static void pump(void)
{
	for (int i = 0; i < TURNS; i++) {
		int ready = fake.wanted & WATCH_WRITE;

		if (fake.read_at < fake.size)
			ready |= fake.wanted & WATCH_READ;
		if (!fake.closed && ready != 0)
			fake.base.on_ready(fake.base.arg, ready);
		loop_turn(loop, 0);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const struct http_limits limits = {
		.connections = 1,
		.handshakes = 1,
		.streams = 5,
		.head_ms = 60000,
		.idle_ms = 60000,
		.progress_ms = 60000,
	};
	static const struct http_service service = {on_request, NULL};
	struct http_front *front;
	unsigned char *all;

	if (size < CONTROL)
		return 0;
	if (loop == NULL) {
		log_open("fuzz", LOG_ERROR);
		loop = loop_new();
	}
	all = malloc(sizeof(preface) - 1 + size - CONTROL);
	memcpy(all, preface, sizeof(preface) - 1);
	memcpy(all + sizeof(preface) - 1, data + CONTROL, size - CONTROL);
	memset(&fake, 0, sizeof(fake));
	fake.base.ops = &ops;
	fake.data = all;
	fake.size = sizeof(preface) - 1 + size - CONTROL;
	fake.read_max = data[0] == 0 ? 1u << 20 : data[0] * 8u;
	fake.write_max = data[1] == 0 ? 1u << 20 : data[1] * 64u;
	fake.stop_at = data[2];
	front = http_front_new(loop, &limits, &service);
	http_front_serve(front, &fake.base, "192.0.2.1:1");
	pump();
	if ((data[3] & 1) != 0)
		http_front_drain(front, NULL, NULL);
	pump();
	http_front_abort(front);
	while (task_count() > 0)
		loop_turn(loop, 0);
	assert(fake.closed && http_front_count(front) == 0);
	http_front_free(front);
	free(all);
	return 0;
}
