/* The transport's two memory areas and what drives them. */
#include "tests/unit/http_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fake fake;
struct loop *loop;
struct http_front *front;
void (*handler)(struct http_stream *s, const struct http_head *h);
bool no_tasks;
int requests;

static ssize_t fake_readv(struct transport *t, const struct iovec *iov, int count)
{
	struct fake *f = (struct fake *)t;
	size_t total = 0;

	f->reads++;
	f->last_read_into = iov[0].iov_base;
	for (int i = 0; i < count; i++) {
		size_t n = f->sent_len - f->read_at;

		n = n < iov[i].iov_len ? n : iov[i].iov_len;
		n = n < f->read_max - total ? n : f->read_max - total;
		memcpy(iov[i].iov_base, f->sent + f->read_at, n);
		f->read_at += n;
		total += n;
	}
	if (total == 0)
		return f->end ? 0 : -EAGAIN;
	return (ssize_t)total;
}

static ssize_t fake_writev(struct transport *t, const struct iovec *iov, int count)
{
	struct fake *f = (struct fake *)t;
	size_t total = 0;

	f->writes++;
	assert_false(f->fin);
	for (int i = 0; i < count; i++) {
		size_t n = iov[i].iov_len < f->room ? iov[i].iov_len : f->room;

		assert_true(f->got_len + n < sizeof(f->got));
		memcpy(f->got + f->got_len, iov[i].iov_base, n);
		f->got_len += n;
		f->room -= n;
		total += n;
	}
	f->got[f->got_len] = '\0';
	return total == 0 ? -EAGAIN : (ssize_t)total;
}

static void fake_want(struct transport *t, int what)
{
	((struct fake *)t)->wanted = what;
}

static void fake_shutdown(struct transport *t)
{
	((struct fake *)t)->fin = true;
}

static void fake_close(struct transport *t)
{
	((struct fake *)t)->closed = true;
}

static bool fake_yes(const struct transport *t)
{
	(void)t;
	return true;
}

static const struct transport_ops fake_ops = {
	.readv = fake_readv,
	.writev = fake_writev,
	.want = fake_want,
	.shutdown = fake_shutdown,
	.close = fake_close,
};
/* As after a handshake that chose HTTP/2. */
static const struct transport_ops fake_http2_ops = {
	.readv = fake_readv,
	.writev = fake_writev,
	.want = fake_want,
	.shutdown = fake_shutdown,
	.opened = fake_yes,
	.speaks_http2 = fake_yes,
	.close = fake_close,
};

void fake_on_empty(void *arg)
{
	*(bool *)arg = true;
}

void fake_pump(void)
{
	for (int i = 0; i < 40; i++) {
		int ready = 0;

		if (fake.read_at < fake.sent_len || fake.end)
			ready |= WATCH_READ;
		if (fake.room > 0)
			ready |= WATCH_WRITE;
		ready &= fake.wanted;
		if (!fake.closed && ready != 0)
			fake.base.on_ready(fake.base.arg, ready);
		loop_turn(loop, 0);
	}
}

void fake_pump_long(void)
{
	for (int i = 0; i < 4; i++) {
		loop_turn(loop, SHORT_MS / 2);
		fake_pump();
	}
}

void fake_sends_bytes(const char *data, size_t len)
{
	assert_true(fake.sent_len + len < sizeof(fake.sent));
	memcpy(fake.sent + fake.sent_len, data, len);
	fake.sent_len += len;
	fake_pump();
}

void fake_sends(const char *text)
{
	fake_sends_bytes(text, strlen(text));
}

struct job {
	struct http_stream *stream;
	struct arena *arena;
	const struct http_head *head;
};

static void run_job(void *arg)
{
	struct job *job = arg;
	struct http_stream *s = job->stream;

	handler(s, job->head);
	s->ops->await_end(s);
	arena_free(job->arena);
	s->ops->done(s);
}

static bool on_request(void *arg, struct http_stream *s, struct arena *a,
		       const struct http_head *head)
{
	struct job *job = arena_alloc(a, sizeof(*job));

	(void)arg;
	requests++;
	if (no_tasks)
		return false;
	*job = (struct job){s, a, head};
	s->task = task_spawn(loop, "job", NULL, run_job, job);
	return s->task != NULL;
}

static void make_front(const struct http_limits *limits, const struct http_service *service,
		       const struct transport_ops *ops)
{
	front = http_front_new(loop, limits, service);
	memset(&fake, 0, sizeof(fake));
	fake.base.ops = ops;
	fake.room = sizeof(fake.got);
	fake.read_max = sizeof(fake.sent);
	requests = 0;
	no_tasks = false;
	handler = NULL;
	http_front_serve(front, &fake.base, "192.0.2.1:4711");
}

static const struct http_limits long_times = {
	.connections = 2,
	.handshakes = 2,
	.streams = 3,
	.head_ms = 5000,
	.idle_ms = 5000,
	.progress_ms = 5000,
};
static const struct http_service own_service = {on_request, NULL};

int fake_set_up(void **state)
{
	(void)state;
	loop = loop_new();
	make_front(&long_times, &own_service, &fake_ops);
	return 0;
}

int fake_tear_down(void **state)
{
	(void)state;
	http_front_abort(front);
	fake_pump();
	assert_true(fake.closed);
	assert_int_equal(task_count(), 0);
	http_front_free(front);
	task_shutdown();
	loop_free(loop);
	return 0;
}

void fake_use_times(int64_t head_ms, int64_t idle_ms, int64_t progress_ms)
{
	struct http_limits limits = {
		.connections = 2,
		.handshakes = 2,
		.streams = 3,
		.head_ms = head_ms,
		.idle_ms = idle_ms,
		.progress_ms = progress_ms,
	};
	const struct transport_ops *ops = fake.base.ops;

	http_front_abort(front);
	http_front_free(front);
	make_front(&limits, &own_service, ops);
}

void fake_use_http2(void)
{
	http_front_abort(front);
	http_front_free(front);
	make_front(&long_times, &own_service, &fake_http2_ops);
}

void fake_use_service(const struct http_service *service)
{
	http_front_abort(front);
	http_front_free(front);
	make_front(&long_times, service, &fake_ops);
}

int fake_count(const char *text)
{
	int n = 0;

	for (const char *at = fake.got; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}
