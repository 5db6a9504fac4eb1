/* Connections: what a client sends and gets, and when; without sockets (http_fake.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/http_fake.h"

static int result; /* what the handler saw */
static char seen[64 * 1024];

static int answer(struct http_stream *s, int status, const char *body)
{
	struct reply_head head = {.status = status, .length = (int64_t)strlen(body)};
	struct iovec iov = {(void *)(uintptr_t)body, strlen(body)};

	return s->ops->await_write(s, &head, &iov, 1);
}

static void say_target(struct http_stream *s, const struct http_head *h)
{
	result = answer(s, 200, h->target.data);
}

/* Read the body in pieces of at most 7 bytes, then say it. */
static void say_body(struct http_stream *s, const struct http_head *h)
{
	size_t len = 0;
	int64_t n;

	(void)h;
	while ((n = s->ops->await_read(s, seen + len, 7)) > 0)
		len += (size_t)n;
	seen[len] = '\0';
	result = (int)n;
	if (n < 0)
		s->ops->cut(s);
	else
		result = answer(s, 200, seen);
}

static void refuse_it(struct http_stream *s, const struct http_head *h)
{
	(void)h;
	result = answer(s, 403, "no");
}

static void think(struct http_stream *s, const struct http_head *h)
{
	(void)h;
	result = await_sleep(5000);
	if (result < 0)
		s->ops->cut(s);
}

static int set_up(void **state)
{
	fake_set_up(state);
	handler = say_target;
	result = 1;
	return 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void one_read_and_one_write(void **state)
{
	(void)state;
	fake_sends(GET("/x"));
	assert_non_null(strstr(fake.got, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(fake.got, "\r\nContent-Length: 2\r\n"));
	assert_non_null(strstr(fake.got, "\r\n\r\n/x"));
	assert_int_equal(fake.reads, 1);
	assert_int_equal(fake.writes, 1);
	assert_false(fake.closed);
}

static void pipelined_requests_in_order(void **state)
{
	(void)state;
	fake_sends(GET("/1") "\r\n" GET("/2") GET("/3") "GET /4 HT");
	assert_int_equal(requests, 3);
	fake_sends("TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/5"));
	assert_int_equal(requests, 4);
	assert_true(strstr(fake.got, "/1HTTP/1.1") < strstr(fake.got, "/2HTTP/1.1"));
	assert_true(strstr(fake.got, "/2HTTP/1.1") < strstr(fake.got, "/3HTTP/1.1"));
	assert_int_equal(fake_count("Connection: close"), 1);
	assert_true(fake.fin);
}

static void head_byte_by_byte(void **state)
{
	static const char text[] = "\r\n" GET("/x");

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		assert_int_equal(requests, 0);
		fake_sends_bytes(text + i, 1);
	}
	assert_int_equal(requests, 1);
	assert_int_equal(fake_count("200 OK"), 1);
}

static void direct_read(struct http_stream *s, const struct http_head *h)
{
	(void)h;
	result = (int)s->ops->await_read(s, seen, sizeof(seen));
	assert_int_equal(s->ops->await_read(s, seen + result, 1), 0);
	(void)answer(s, 200, "");
}

static void body_goes_straight_to_its_reader(void **state)
{
	(void)state;
	handler = direct_read;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
	fake_sends("hello");
	assert_int_equal(result, 5);
	assert_ptr_equal(fake.last_read_into, seen);
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n");
	fake_sends("world\r\n0\r\n\r\n");
	assert_ptr_equal(fake.last_read_into, seen);
	assert_memory_equal(seen, "world", 5);
	fake_sends(GET("/x"));
	assert_int_equal(requests, 3);
}

static void chunked_at_every_split(void **state)
{
	static const char text[] =
		"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n13\r\n, big and so wide w\r\n4;x\r\norld\r\n0\r\nT: u\r\n\r\n";
	size_t len = sizeof(text) - 1;

	(void)state;
	handler = say_body;
	for (size_t split = 1; split < len; split++) {
		fake.got_len = fake.sent_len = fake.read_at = 0;
		requests = 0;
		fake_sends_bytes(text, split);
		fake_sends_bytes(text + split, len - split);
		assert_int_equal(requests, 1);
		assert_non_null(strstr(fake.got, "\r\n\r\nhello, big and so wide world"));
	}
	fake.got_len = fake.sent_len = fake.read_at = 0;
	fake.read_max = 1;
	fake_sends_bytes(text, len);
	for (int i = 0; i < 10; i++)
		fake_pump();
	assert_non_null(strstr(fake.got, "\r\n\r\nhello, big and so wide world"));
}

static void broken_chunks_end_the_connection(void **state)
{
	(void)state;
	handler = say_body;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello");
	assert_int_equal(result, ERR_SYNTAX);
	assert_true(fake.closed);
}

static void continue_comes_with_the_first_read(void **state)
{
	(void)state;
	handler = say_body;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
		   "Expect: 100-continue\r\n\r\n");
	assert_string_equal(fake.got, "HTTP/1.1 100 Continue\r\n\r\n");
	fake_sends("ab");
	assert_int_equal(fake_count("HTTP/1.1 200 OK"), 1);
	assert_int_equal(fake_count("100 Continue"), 1);
	assert_false(fake.fin);
	/* Sent along unasked: nobody waits. */
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
		   "Expect: 100-continue\r\n\r\nab");
	assert_int_equal(fake_count("100 Continue"), 1);
	assert_int_equal(fake_count("HTTP/1.1 200 OK"), 2);
}

static void no_continue_for_the_refused(void **state)
{
	(void)state;
	handler = refuse_it;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
		   "Expect: 100-continue\r\n\r\n");
	assert_int_equal(fake_count("100 Continue"), 0);
	assert_int_equal(fake_count("403 Forbidden"), 1);
	assert_int_equal(fake_count("Connection: close"), 1);
	assert_true(fake.fin);
}

static void small_unread_body_is_swallowed(void **state)
{
	char body[3000];

	(void)state;
	handler = refuse_it;
	memset(body, 'x', sizeof(body));
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n");
	assert_int_equal(fake_count("403"), 1);
	fake_sends_bytes(body, sizeof(body));
	handler = say_target;
	fake_sends(GET("/next"));
	assert_int_equal(fake_count("/next"), 1);
	assert_int_equal(fake_count("Connection: close"), 0);
}

static void large_unread_body_closes(void **state)
{
	(void)state;
	handler = refuse_it;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\nxxx");
	assert_int_equal(fake_count("Connection: close"), 1);
	assert_true(fake.fin);
	assert_false(fake.closed);
	fake_sends("more and more");
	assert_int_equal(fake.read_at, fake.sent_len);
	fake.end = true;
	fake_pump();
	assert_true(fake.closed);
}

static void client_leaves_in_the_body(void **state)
{
	(void)state;
	handler = say_body;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	fake.end = true;
	fake_pump();
	assert_int_equal(result, ERR_PEER_GONE);
	assert_string_equal(seen, "abc");
	assert_true(fake.closed);
}

static void client_leaves_while_the_handler_thinks(void **state)
{
	(void)state;
	handler = think;
	fake_sends(GET("/x"));
	assert_int_equal(result, 1);
	fake.end = true;
	fake_pump();
	assert_int_equal(result, -ECANCELED);
	assert_true(fake.closed);
}

static void slow_reader_gets_all_in_order(void **state)
{
	(void)state;
	fake.room = 3;
	fake_sends(GET("/a-rather-long-target-0123456789"));
	for (int i = 0; i < 200; i++) {
		fake.room = 5;
		fake_pump();
	}
	assert_memory_equal(fake.got, "HTTP/1.1 200 OK\r\nDate: ", 23);
	assert_non_null(strstr(fake.got, "\r\n\r\n/a-rather-long-target-0123456789"));
	assert_int_equal(result, 0);
}

static void too_slow_reader_is_dropped(void **state)
{
	(void)state;
	fake_use_times(5000, 5000, SHORT_MS);
	handler = say_target;
	fake.room = 3;
	fake_sends(GET("/x"));
	fake_pump_long();
	assert_int_equal(result, -ETIMEDOUT);
	assert_true(fake.closed);
}

static void too_slow_body(void **state)
{
	(void)state;
	fake_use_times(5000, 5000, SHORT_MS);
	handler = say_body;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	fake_pump_long();
	assert_int_equal(result, -ETIMEDOUT);
}

static void too_slow_head(void **state)
{
	(void)state;
	fake_use_times(SHORT_MS, 5000, 5000);
	fake_sends("GET / HT");
	fake_pump_long();
	assert_int_equal(fake_count("408 Request Timeout"), 1);
	assert_int_equal(requests, 0);
	assert_true(fake.fin);
}

static void silent_client_is_closed(void **state)
{
	(void)state;
	fake_use_times(SHORT_MS, 5000, 5000);
	fake_pump_long();
	assert_true(fake.closed);
	assert_int_equal(fake.got_len, 0);
}

static void idle_connection_is_closed(void **state)
{
	(void)state;
	fake_use_times(5000, SHORT_MS, 5000);
	handler = say_target;
	fake_sends(GET("/x"));
	assert_false(fake.closed);
	fake_pump_long();
	assert_true(fake.closed);
	assert_int_equal(requests, 1);
}

static void bad_heads_are_refused_and_closed(void **state)
{
	static const struct {
		const char *text;
		const char *status;
	} rows[] = {
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/smuggled"),
		 " 400 "},
		{"GET / HTTP/1.1\nHost: a\n\n" GET("/smuggled"), " 400 "},
		{"GET / HTTP/1.1\r\nHost : a\r\n\r\n" GET("/smuggled"), " 400 "},
		{"\x16\x03\x01\x02\x05\x01", " 400 "},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_use_times(5000, 5000, 5000);
		fake_sends(rows[i].text);
		assert_int_equal(fake_count(rows[i].status), 1);
		assert_int_equal(fake_count("HTTP/1.1 "), 1);
		assert_int_equal(requests, 0);
		assert_true(fake.fin);
	}
}

static void endless_head(void **state)
{
	char line[1024];

	(void)state;
	fake_sends("GET / HTTP/1.1\r\nHost: a\r\n");
	memset(line, 'x', sizeof(line));
	memcpy(line, "A: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	for (int i = 0; i < 40 && !fake.fin; i++)
		fake_sends_bytes(line, sizeof(line));
	assert_int_equal(fake_count(" 431 "), 1);
	assert_true(fake.fin);
	assert_int_equal(requests, 0);
}

static void bounded_pipelining(void **state)
{
	char line[1024];
	size_t unread;

	(void)state;
	handler = think;
	fake_sends(GET("/x"));
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 60; i++)
		fake_sends_bytes(line, sizeof(line));
	unread = fake.sent_len - fake.read_at;
	assert_true(unread > 30 * 1024);
	assert_int_equal(fake.wanted & WATCH_READ, 0);
}

static void no_task_left(void **state)
{
	(void)state;
	no_tasks = true;
	fake_sends(GET("/x"));
	assert_int_equal(fake_count(" 503 "), 1);
	assert_int_equal(fake_count("Retry-After: 5"), 1);
	assert_true(fake.fin);
}

static void draining_ends_idle_connections(void **state)
{
	bool empty = false;

	(void)state;
	fake_use_times(5000, SHORT_MS, 5000);
	handler = say_target;
	fake_sends(GET("/x"));
	http_front_drain(front, fake_on_empty, &empty);
	assert_false(fake.fin);
	fake_pump_long();
	assert_true(fake.fin);
	fake.end = true;
	fake_pump();
	assert_true(fake.closed);
	assert_true(empty);
}

static void draining_answers_what_is_on_its_way(void **state)
{
	bool empty = false;

	(void)state;
	fake_sends(GET("/x"));
	http_front_drain(front, fake_on_empty, &empty);
	fake_sends(GET("/y"));
	assert_int_equal(fake_count("200 OK"), 2);
	assert_int_equal(fake_count("Connection: close"), 1);
	assert_true(fake.closed);
	assert_true(empty);
}

static void draining_lets_requests_finish(void **state)
{
	bool empty = false;

	(void)state;
	handler = say_body;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
	http_front_drain(front, fake_on_empty, &empty);
	fake_pump();
	assert_false(fake.fin);
	fake_sends("bc");
	assert_int_equal(fake_count("\r\n\r\nabc"), 1);
	assert_int_equal(fake_count("Connection: close"), 1);
	assert_true(fake.closed);
	assert_true(empty);
}

static void aborting_cancels(void **state)
{
	(void)state;
	handler = think;
	fake_sends(GET("/x"));
	http_front_abort(front);
	fake_pump();
	assert_int_equal(result, -ECANCELED);
	assert_int_equal(http_front_count(front), 0);
}

static void ready_tells_before_memory_is_taken(struct http_stream *s, const struct http_head *h)
{
	(void)h;
	result = s->ops->await_ready(s);
	if (result == 1)
		result = (int)s->ops->await_read(s, seen, sizeof(seen));
	if (result == 3)
		result = 10 + s->ops->await_ready(s);
	(void)answer(s, 200, "");
}

static void waiting_for_the_body(void **state)
{
	(void)state;
	handler = ready_tells_before_memory_is_taken;
	fake_sends("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
		   "Expect: 100-continue\r\n\r\n");
	assert_int_equal(fake_count("100 Continue"), 1);
	assert_int_equal(result, 1);
	fake_sends("abc");
	assert_int_equal(result, 10);
}

/* Transports with a handshake that the test ends. */
struct slow_opener {
	struct transport base;
	bool opened, failed, closed;
};

static ssize_t opener_readv(struct transport *t, const struct iovec *iov, int count)
{
	(void)iov, (void)count;
	return ((struct slow_opener *)t)->failed ? -ECONNRESET : -EAGAIN;
}

static void opener_want(struct transport *t, int what)
{
	(void)t, (void)what;
}

static bool opener_opened(const struct transport *t)
{
	return ((const struct slow_opener *)t)->opened;
}

static void opener_close(struct transport *t)
{
	((struct slow_opener *)t)->closed = true;
}

static const struct transport_ops opener_ops = {
	.readv = opener_readv,
	.want = opener_want,
	.opened = opener_opened,
	.close = opener_close,
};

static void comes(struct slow_opener *o)
{
	*o = (struct slow_opener){.base = {.ops = &opener_ops}};
	http_front_serve(front, &o->base, "192.0.2.2:1");
}

/* Two may be under way: of three the oldest goes, but not one that is done, or whose is
 * over. */
static void handshakes_are_bounded(void **state)
{
	struct slow_opener o[6];

	(void)state;
	comes(&o[0]);
	comes(&o[1]);
	o[0].opened = true;
	o[0].base.on_ready(o[0].base.arg, WATCH_READ);
	comes(&o[2]);
	assert_false(o[0].closed || o[1].closed || o[2].closed);
	comes(&o[3]);
	assert_true(o[1].closed);
	assert_false(o[0].closed || o[2].closed || o[3].closed);
	o[3].failed = true;
	o[3].base.on_ready(o[3].base.arg, WATCH_READ);
	assert_true(o[3].closed);
	comes(&o[4]);
	assert_false(o[2].closed || o[4].closed);
	comes(&o[5]);
	assert_true(o[2].closed);
	assert_false(o[0].closed || o[4].closed || o[5].closed);
	assert_false(fake.closed);
	assert_int_equal(http_front_count(front), 4);
	http_front_abort(front);
	assert_true(o[0].closed && o[4].closed && o[5].closed);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, fake_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(one_read_and_one_write),
		CASE(pipelined_requests_in_order),
		CASE(head_byte_by_byte),
		CASE(body_goes_straight_to_its_reader),
		CASE(chunked_at_every_split),
		CASE(broken_chunks_end_the_connection),
		CASE(continue_comes_with_the_first_read),
		CASE(no_continue_for_the_refused),
		CASE(small_unread_body_is_swallowed),
		CASE(large_unread_body_closes),
		CASE(client_leaves_in_the_body),
		CASE(client_leaves_while_the_handler_thinks),
		CASE(slow_reader_gets_all_in_order),
		CASE(too_slow_reader_is_dropped),
		CASE(too_slow_body),
		CASE(too_slow_head),
		CASE(silent_client_is_closed),
		CASE(idle_connection_is_closed),
		CASE(bad_heads_are_refused_and_closed),
		CASE(endless_head),
		CASE(bounded_pipelining),
		CASE(no_task_left),
		CASE(draining_ends_idle_connections),
		CASE(draining_answers_what_is_on_its_way),
		CASE(draining_lets_requests_finish),
		CASE(aborting_cancels),
		CASE(waiting_for_the_body),
		CASE(handshakes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
