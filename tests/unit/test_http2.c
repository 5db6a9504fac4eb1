/*
 * Connections of HTTP/2 frame by frame, without sockets (http_fake.h): what a client sends and
 * gets, and when. Heads of requests are literals of HPACK that enter no table; of the answers'
 * heads the tests look at the first byte, which is the status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/http_fake.h"

enum {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING,
	GOAWAY,
	WINDOW_UPDATE
};
enum { END_STREAM = 1, END_HEADERS = 4 };

/* First bytes of heads: entries of the static table. */
#define STATUS_200 0x88
#define STATUS_400 0x8c

static int result[16]; /* what the handlers saw, by number of the request */
static char body[128 * 1024];
static size_t body_len;

/* Frames of the client */

static size_t frame(char *to, unsigned type, unsigned flags, unsigned stream, const void *data,
		    size_t len)
{
	const unsigned char head[9] = {
		(unsigned char)(len >> 16),
		(unsigned char)(len >> 8),
		(unsigned char)len,
		(unsigned char)type,
		(unsigned char)flags,
		(unsigned char)(stream >> 24),
		(unsigned char)(stream >> 16),
		(unsigned char)(stream >> 8),
		(unsigned char)stream,
	};

	memcpy(to, head, 9);
	if (len > 0)
		memcpy(to + 9, data, len);
	return 9 + len;
}

static void sends(unsigned type, unsigned flags, unsigned stream, const void *data, size_t len)
{
	static char out[32 * 1024];

	fake_sends_bytes(out, frame(out, type, flags, stream, data, len));
}

static void sends_number(unsigned type, unsigned stream, uint32_t number)
{
	const unsigned char bytes[4] = {
		(unsigned char)(number >> 24),
		(unsigned char)(number >> 16),
		(unsigned char)(number >> 8),
		(unsigned char)number,
	};

	sends(type, 0, stream, bytes, 4);
}

static size_t text(char *to, const char *from)
{
	size_t len = strlen(from);

	*to = (char)len;
	memcpy(to + 1, from, len);
	return 1 + len;
}

static size_t field(char *to, const char *name, const char *value)
{
	size_t len = 1;

	to[0] = 0x10; /* never to be put into a table */
	len += text(to + len, name);
	return len + text(to + len, value);
}

static size_t head(char *to, const char *method, const char *path)
{
	size_t len = field(to, ":method", method);

	len += field(to + len, ":scheme", "https");
	len += field(to + len, ":authority", "a");
	return len + field(to + len, ":path", path);
}

static void requests_path(unsigned stream, const char *method, const char *path, bool end)
{
	char block[256];
	size_t len = head(block, method, path);

	sends(HEADERS, END_HEADERS | (end ? END_STREAM : 0u), stream, block, len);
}

static void greets(void)
{
	fake_sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	sends(SETTINGS, 0, 0, NULL, 0);
}

/* Frames of the server */

struct seen {
	int frames;
	bool ended;
	unsigned char first; /* byte of the first payload */
	size_t len;	     /* of all payloads */
	char bytes[200 * 1024];
	uint32_t number; /* the last payload's last four bytes */
};

static const struct seen *got(unsigned type, unsigned stream)
{
	static struct seen seen;
	const unsigned char *at = (const unsigned char *)fake.got;
	const unsigned char *end = at + fake.got_len;

	memset(&seen, 0, sizeof(seen));
	while (end - at >= 9) {
		size_t len = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
		unsigned id = (unsigned)at[5] << 24 | (unsigned)at[6] << 16 |
			      (unsigned)at[7] << 8 | at[8];
		const unsigned char *payload = at + 9;

		if ((size_t)(end - payload) < len)
			break;
		at = payload + len;
		if (payload[-6] != type || id != stream)
			continue;
		if (seen.frames++ == 0 && len > 0)
			seen.first = payload[0];
		seen.ended = seen.ended || (type <= HEADERS && (payload[-5] & END_STREAM) != 0);
		memcpy(seen.bytes + seen.len, payload, len);
		seen.len += len;
		if (len >= 4)
			seen.number = (uint32_t)at[-4] << 24 | (uint32_t)at[-3] << 16 |
				      (uint32_t)at[-2] << 8 | at[-1];
	}
	return &seen;
}

/* Handlers */

static int number_of(const struct http_head *h)
{
	return h->target.data[1] - '0';
}

static int answer(struct http_stream *s, const char *data, size_t len)
{
	struct reply_head h = {.status = 200, .length = (int64_t)len};
	struct iovec iov = {(void *)(uintptr_t)data, len};

	return s->ops->await_write(s, &h, &iov, 1);
}

static void say_target(struct http_stream *s, const struct http_head *h)
{
	result[number_of(h)] = answer(s, h->target.data, h->target.len);
}

/* 100,000 bytes that are overwritten as soon as they are said to be taken. */
static void say_much(struct http_stream *s, const struct http_head *h)
{
	struct reply_head head_of = {.status = 200, .length = 100000};
	char piece[25000];
	struct iovec iov[2] = {{piece, 10000}, {piece + 10000, 15000}};
	int rc = 0;

	for (int i = 0; i < 4 && rc == 0; i++) {
		memset(piece, 'a' + i, sizeof(piece));
		rc = s->ops->await_write(s, &head_of, iov, 2);
		memset(piece, '!', sizeof(piece));
	}
	result[number_of(h)] = rc;
}

static void read_all(struct http_stream *s, const struct http_head *h)
{
	int64_t n;

	while ((n = s->ops->await_read(s, body + body_len, 70000)) > 0)
		body_len += (size_t)n;
	result[number_of(h)] = n == 0 ? answer(s, "", 0) : (int)n;
}

static void think(struct http_stream *s, const struct http_head *h)
{
	result[number_of(h)] = await_sleep(20000);
	if (result[number_of(h)] < 0)
		s->ops->cut(s);
}

static int set_up(void **state)
{
	fake_set_up(state);
	fake_use_http2();
	handler = say_target;
	memset(result, 0x55, sizeof(result));
	body_len = 0;
	greets();
	return 0;
}

/* Tests */

static void one_request(void **state)
{
	(void)state;
	assert_int_equal(got(SETTINGS, 0)->frames, 2); /* ours, and that we took theirs */
	fake.writes = 0;
	requests_path(1, "GET", "/1", true);
	assert_int_equal(result[1], 0);
	assert_int_equal(got(HEADERS, 1)->first, STATUS_200);
	assert_string_equal(got(DATA, 1)->bytes, "/1");
	assert_true(got(DATA, 1)->ended);
	assert_int_equal(fake.writes, 1);
	assert_false(fake.closed);
}

static void head_in_pieces(void **state)
{
	char block[256];
	size_t len = head(block, "GET", "/1");

	(void)state;
	sends(HEADERS, END_STREAM, 1, block, 10);
	sends(9, 0, 1, block + 10, 5);
	assert_int_equal(requests, 0);
	sends(9, END_HEADERS, 1, block + 15, len - 15);
	assert_string_equal(got(DATA, 1)->bytes, "/1");
}

static void bad_head_is_answered(void **state)
{
	char block[256];
	size_t len = head(block, "GET", "/1");

	(void)state;
	len += field(block + len, "host", "b");
	sends(HEADERS, END_HEADERS, 1, block, len);
	assert_int_equal(requests, 0);
	assert_int_equal(got(HEADERS, 1)->first, STATUS_400);
	assert_non_null(strstr(got(DATA, 1)->bytes, "REQUEST_INVALID"));
	/* The body is not wanted. */
	assert_int_equal(got(RST_STREAM, 1)->number, 0);
	assert_int_equal(got(RST_STREAM, 1)->frames, 1);
	requests_path(3, "GET", "/3", true);
	assert_string_equal(got(DATA, 3)->bytes, "/3");
}

static void malformed_head_is_reset(void **state)
{
	char block[256];
	size_t len = head(block, "GET", "/1");

	(void)state;
	len += field(block + len, "connection", "close");
	sends(HEADERS, END_HEADERS | END_STREAM, 1, block, len);
	assert_int_equal(requests, 0);
	assert_int_equal(got(RST_STREAM, 1)->number, 1);
	requests_path(3, "GET", "/3", true);
	assert_string_equal(got(DATA, 3)->bytes, "/3");
}

static void no_task_left(void **state)
{
	(void)state;
	no_tasks = true;
	requests_path(1, "GET", "/1", true);
	assert_non_null(strstr(got(DATA, 1)->bytes, "UNAVAILABLE"));
	requests_path(3, "HEAD", "/3", true);
	assert_true(got(HEADERS, 3)->ended);
	no_tasks = false;
	requests_path(5, "GET", "/5", true);
	assert_string_equal(got(DATA, 5)->bytes, "/5");
}

static void slow_reader_gets_all_in_order(void **state)
{
	(void)state;
	handler = say_much;
	sends_number(WINDOW_UPDATE, 0, 1 << 20);
	fake.room = 0;
	requests_path(1, "GET", "/1", true);
	sends_number(WINDOW_UPDATE, 1, 1 << 20);
	for (int i = 0; i < 2000 && !got(DATA, 1)->ended; i++) {
		fake.room = 777;
		fake_pump();
	}
	assert_int_equal(result[1], 0);
	assert_int_equal(got(DATA, 1)->len, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(got(DATA, 1)->bytes[0] + i / 25000, 'a' + i / 25000);
	assert_null(memchr(got(DATA, 1)->bytes, '!', 100000));
}

static void windows_hold_one_stream_only(void **state)
{
	(void)state;
	handler = say_much;
	sends_number(WINDOW_UPDATE, 0, 1 << 20);
	requests_path(1, "GET", "/1", true);
	assert_int_equal(got(DATA, 1)->len, 65535);
	requests_path(3, "GET", "/3", true);
	sends_number(WINDOW_UPDATE, 3, 1 << 20);
	assert_int_equal(got(DATA, 3)->len, 100000);
	assert_true(got(DATA, 3)->ended);
	assert_false(got(DATA, 1)->ended);
	sends_number(WINDOW_UPDATE, 1, 1 << 20);
	assert_int_equal(got(DATA, 1)->len, 100000);
}

/* What a task lends and takes back before it was written must not be written from there. */
static void cancelled_in_the_middle_of_a_frame(void **state)
{
	(void)state;
	handler = say_much;
	sends_number(WINDOW_UPDATE, 0, 1 << 20);
	fake.room = 5000;
	requests_path(1, "GET", "/1", true);
	sends_number(RST_STREAM, 1, 8);
	assert_int_equal(result[1], ERR_PEER_GONE);
	fake.room = sizeof(fake.got);
	fake_pump();
	assert_null(memchr(got(DATA, 1)->bytes, '!', got(DATA, 1)->len));
	handler = say_target;
	requests_path(3, "GET", "/3", true);
	assert_string_equal(got(DATA, 3)->bytes, "/3");
}

static void too_slow_reader_is_reset(void **state)
{
	(void)state;
	fake_use_times(5000, 5000, SHORT_MS);
	greets();
	handler = say_much;
	requests_path(1, "GET", "/1", true);
	fake_pump_long();
	assert_int_equal(result[1], -ETIMEDOUT);
	assert_int_equal(got(RST_STREAM, 1)->frames, 1);
	assert_false(got(DATA, 1)->ended);
	assert_false(fake.closed);
}

static void body_in_frames(void **state)
{
	(void)state;
	handler = read_all;
	requests_path(1, "PUT", "/1", false);
	for (int i = 0; i < 5; i++)
		sends(DATA, 0, 1, "0123456789", (size_t)i);
	sends(DATA, END_STREAM, 1, "x", 1);
	assert_int_equal(result[1], 0);
	assert_int_equal(body_len, 11);
	assert_memory_equal(body, "0010120123x", 11);
	assert_true(got(HEADERS, 1)->ended);
	assert_int_equal(got(RST_STREAM, 1)->frames, 0);
}

/* Nothing is given back before it is read; then all of it. */
static void windows_follow_the_reader(void **state)
{
	static char data[16000];

	(void)state;
	handler = think;
	requests_path(1, "PUT", "/1", false);
	for (int i = 0; i < 4; i++)
		sends(DATA, 0, 1, data, sizeof(data));
	assert_int_equal(got(WINDOW_UPDATE, 0)->frames, 0);
	assert_int_equal(got(WINDOW_UPDATE, 1)->frames, 0);
	sends_number(RST_STREAM, 1, 8);
	assert_int_equal(result[1], -ECANCELED);
	assert_int_equal(got(WINDOW_UPDATE, 0)->number, 64000);
	handler = read_all;
	requests_path(3, "PUT", "/3", false);
	assert_true(got(WINDOW_UPDATE, 3)->number > 500000);
	assert_true(got(WINDOW_UPDATE, 0)->number > 2000000);
}

static void too_much_for_a_window(void **state)
{
	static char data[16000];

	(void)state;
	handler = think;
	requests_path(1, "PUT", "/1", false);
	for (int i = 0; i < 5; i++)
		sends(DATA, 0, 1, data, sizeof(data));
	assert_int_equal(got(GOAWAY, 0)->number, 3);
	assert_int_equal(result[1], -ECANCELED);
}

static void client_leaves(void **state)
{
	(void)state;
	handler = read_all;
	requests_path(1, "PUT", "/1", false);
	sends(DATA, 0, 1, "abc", 3);
	handler = think;
	requests_path(3, "GET", "/3", true);
	fake.end = true;
	fake_pump();
	assert_int_equal(result[1], ERR_PEER_GONE);
	assert_memory_equal(body, "abc", 3);
	assert_int_equal(result[3], -ECANCELED);
	assert_true(fake.closed);
}

/* Of tasks that think on there are twice as many as streams at most. */
static void resets_make_no_room(void **state)
{
	char block[256];
	size_t len = head(block, "GET", "/1");

	(void)state;
	handler = think;
	for (unsigned stream = 1; stream < 41; stream += 2) {
		char out[512];
		size_t n = frame(out, HEADERS, END_HEADERS | END_STREAM, stream, block, len);

		n += frame(out + n, RST_STREAM, 0, stream, "\0\0\0\x8", 4);
		memcpy(fake.sent + fake.sent_len, out, n);
		fake.sent_len += n;
	}
	fake_pump();
	assert_int_equal(requests, 6);
	assert_false(fake.closed);
	requests_path(41, "GET", "/1", true);
	assert_int_equal(requests, 7);
}

static void too_slow_head(void **state)
{
	(void)state;
	fake_use_times(SHORT_MS, 5000, 5000);
	greets();
	sends(HEADERS, 0, 1, "\x82", 1);
	fake_pump_long();
	assert_int_equal(got(GOAWAY, 0)->frames, 1);
	assert_true(fake.fin);
	fake.end = true;
	fake_pump();
	assert_true(fake.closed);
}

static void idle_connection_is_closed(void **state)
{
	(void)state;
	fake_use_times(5000, SHORT_MS, 5000);
	handler = say_target;
	greets();
	requests_path(1, "GET", "/1", true);
	assert_int_equal(got(GOAWAY, 0)->frames, 0);
	fake_pump_long();
	assert_int_equal(got(GOAWAY, 0)->number, 0);
	assert_int_equal(got(GOAWAY, 0)->frames, 1);
	assert_true(fake.fin);
}

static void flood_ends(void **state)
{
	char out[9];
	size_t len = frame(out, 0xbe, 0, 0, NULL, 0);

	(void)state;
	handler = think;
	requests_path(1, "GET", "/1", true);
	for (int i = 0; i < 2100; i++) {
		memcpy(fake.sent + fake.sent_len, out, len);
		fake.sent_len += len;
	}
	fake_pump();
	assert_int_equal(got(GOAWAY, 0)->number, 11);
	assert_int_equal(result[1], -ECANCELED);
	assert_true(fake.fin);
}

static void draining(void **state)
{
	bool empty = false;

	(void)state;
	handler = read_all;
	requests_path(1, "PUT", "/1", false);
	http_front_drain(front, fake_on_empty, &empty);
	fake_pump();
	assert_int_equal(got(GOAWAY, 0)->frames, 1);
	handler = say_target;
	requests_path(3, "GET", "/3", true);
	assert_string_equal(got(DATA, 3)->bytes, "/3");
	sends(DATA, END_STREAM, 1, "abc", 3);
	assert_true(got(HEADERS, 1)->ended);
	assert_false(empty);
	http_front_abort(front);
	fake_pump();
	assert_true(fake.closed && empty);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, fake_tear_down)
	const struct CMUnitTest tests[] = {
		CASE(one_request),
		CASE(head_in_pieces),
		CASE(bad_head_is_answered),
		CASE(malformed_head_is_reset),
		CASE(no_task_left),
		CASE(slow_reader_gets_all_in_order),
		CASE(windows_hold_one_stream_only),
		CASE(cancelled_in_the_middle_of_a_frame),
		CASE(too_slow_reader_is_reset),
		CASE(body_in_frames),
		CASE(windows_follow_the_reader),
		CASE(too_much_for_a_window),
		CASE(client_leaves),
		CASE(resets_make_no_room),
		CASE(too_slow_head),
		CASE(idle_connection_is_closed),
		CASE(flood_ends),
		CASE(draining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
