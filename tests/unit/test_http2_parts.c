/* The parts of HTTP/2 that are pure: heads, body bytes that wait, what floods cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http2_calm.h"
#include "gateway/http2_head.h"
#include "gateway/http2_inbox.h"

/* Heads */

static struct http2_head head;

static struct slice slice_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static void add(const char *name, const char *value)
{
	http2_head_add(&head, slice_of(name), slice_of(value));
}

static void begin(const char *method, const char *path)
{
	http2_head_drop(&head);
	http2_head_begin(&head);
	add(":method", method);
	add(":scheme", "https");
	add(":authority", "a.example:5000");
	add(":path", path);
}

static void good_head(void **state)
{
	struct http_head *h;
	struct arena *a;

	(void)state;
	begin("PUT", "/v2/a?b=c");
	for (int i = 0; i < 40; i++)
		add("x", "y");
	add("expect", "100-continue");
	add("te", "trailers");
	assert_int_equal(http2_head_finish(&head, true), 0);
	a = http2_head_take(&head, &h);
	assert_null(head.arena);
	assert_string_equal(h->target.data, "/v2/a?b=c");
	assert_string_equal(h->host.data, "a.example:5000");
	assert_string_equal(http_head_field(h, "Expect")->data, "100-continue");
	assert_int_equal(h->method, METHOD_PUT);
	assert_int_equal(h->minor, 2);
	assert_int_equal(h->count, 42);
	assert_true(h->chunked && h->expect_continue && h->keep_alive);
	assert_int_equal(h->content_length, -1);
	arena_free(a);
}

static void lengths(void **state)
{
	(void)state;
	begin("PUT", "/");
	add("content-length", "12");
	assert_int_equal(http2_head_finish(&head, true), 0);
	assert_int_equal(head.head->content_length, 12);
	assert_false(head.head->chunked);
	begin("GET", "/");
	assert_int_equal(http2_head_finish(&head, false), 0);
	assert_false(head.head->chunked);
	http2_head_drop(&head);
}

static void bad_heads(void **state)
{
	static const struct {
		const char *name, *value;
		int status;
	} rows[] = {
		{"host", "other", 400},
		{"transfer-encoding", "chunked", 400},
		{"content-length", "x", 400},
		{"content-length", "", 400},
		{"expect", "more", 417},
		{"a b", "c", 400},
		{"", "c", 400},
		{"a", "b\nc", 400},
		{"a", "b\x7f", 400},
		{":protocol", "x", 400},
		{":method", "CONNECT", 501},
		{":method", "GE T", 400},
		{":method", "", 400},
		{":path", "x", 400},
		{":path", "", 400},
		{":path", "/ x", 400},
		{":path", "/\xff", 400},
		{":authority", "a/b", 400},
		{":authority", "", 400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin("GET", "/");
		add(rows[i].name, rows[i].value);
		if (http2_head_finish(&head, true) != rows[i].status)
			fail_msg("%s: %s: %d", rows[i].name, rows[i].value, head.status);
		assert_non_null(head.why);
	}
	begin("GET", "/");
	add("range", "bytes=0-1");
	add("range", "bytes=0-2");
	assert_int_equal(http2_head_finish(&head, false), 400);
	http2_head_drop(&head);
}

static void large_heads(void **state)
{
	static char value[16 * 1024];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	begin("GET", "/");
	add("a", value);
	add("b", value + 300);
	assert_int_equal(head.status, 0);
	add("c", "");
	add("d", value + 16000);
	assert_int_equal(http2_head_finish(&head, false), 431);
	assert_int_equal(head.head->count, 3);
	begin("GET", "/");
	for (int i = 0; i <= HTTP_FIELDS_MAX; i++)
		add("a", "");
	assert_int_equal(http2_head_finish(&head, false), 431);
	http2_head_drop(&head);
}

/* Body bytes that wait */

static void inbox_keeps_order(void **state)
{
	static char from[200000], to[200000];
	struct inbox in;
	size_t put = 0, got = 0;

	(void)state;
	inbox_init(&in);
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (char)(i * 7 + i / 251);
	srand(1);
	while (got < sizeof(from)) {
		size_t n = (size_t)rand() % 40000;

		if (n > sizeof(from) - put)
			n = sizeof(from) - put;
		inbox_add(&in, from + put, n);
		put += n;
		assert_int_equal(in.len, put - got);
		got += inbox_take(&in, to + got, (size_t)rand() % 30000);
	}
	assert_int_equal(in.len, 0);
	assert_memory_equal(from, to, sizeof(from));
	assert_int_equal(inbox_take(&in, to, 10), 0);
	inbox_add(&in, from, 3);
	inbox_drop(&in);
	assert_int_equal(in.len, 0);
}

/* What floods cost */

static struct calm calm;

static void frames(unsigned type, unsigned flags, unsigned payload, int count)
{
	unsigned char frame[9 + 256] = {0, (unsigned char)(payload >> 8),
					(unsigned char)payload, (unsigned char)type,
					(unsigned char)flags};

	while (count-- > 0)
		calm_watch(&calm, frame, 9 + payload);
}

static void start(void)
{
	calm_init(&calm, 1000);
	calm_watch(&calm, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
}

static void frames_cost(void **state)
{
	(void)state;
	start();
	frames(6, 0, 8, CALM_MOST);
	assert_false(calm_is_over(&calm));
	frames(0xbe, 0, 200, 1);
	assert_true(calm_is_over(&calm));
	start();
	frames(0, 0, 0, CALM_MOST);
	frames(0, 1, 0, 1);
	assert_false(calm_is_over(&calm));
	frames(0, 0, 0, 1);
	assert_true(calm_is_over(&calm));
}

static void frames_in_pieces(void **state)
{
	static const unsigned char ping[17] = {0, 0, 8, 6};

	(void)state;
	calm_init(&calm, 1000);
	for (int i = 0; i < 24; i++)
		calm_watch(&calm, "x", 1);
	for (int i = 0; i < 5; i++)
		for (int at = 0; at < 17; at++)
			calm_watch(&calm, ping + at, 1);
	assert_int_equal(calm.left, CALM_MOST - 5);
}

static void tokens_come_back(void **state)
{
	(void)state;
	start();
	calm_spend(&calm, CALM_MOST);
	calm_tick(&calm, 1009);
	assert_int_equal(calm.left, 0);
	calm_tick(&calm, 1010);
	assert_int_equal(calm.left, 1);
	calm_tick(&calm, 2019);
	assert_int_equal(calm.left, CALM_PER_SECOND + 1);
	for (int i = 0; i < 4096; i++)
		calm_earn_bytes(&calm, 1);
	assert_int_equal(calm.left, CALM_PER_SECOND + 5);
	calm_earn_bytes(&calm, SIZE_MAX / 2);
	assert_int_equal(calm.left, CALM_MOST);
	calm_tick(&calm, INT64_MAX / 2);
	assert_int_equal(calm.left, CALM_MOST);
}

static void resets_cost_more(void **state)
{
	int resets = 0;

	(void)state;
	start();
	while (!calm_is_over(&calm)) {
		calm_spend(&calm, CALM_RESET);
		resets++;
	}
	assert_int_equal(resets, CALM_MOST / CALM_RESET + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_head),	     cmocka_unit_test(lengths),
		cmocka_unit_test(bad_heads),	     cmocka_unit_test(large_heads),
		cmocka_unit_test(inbox_keeps_order), cmocka_unit_test(frames_cost),
		cmocka_unit_test(frames_in_pieces),  cmocka_unit_test(tokens_come_back),
		cmocka_unit_test(resets_cost_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
