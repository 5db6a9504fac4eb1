/* Heads: what is understood, and a table of what is refused because two readers would disagree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http_head.h"

static struct http_field fields[HTTP_FIELDS_MAX];

static int parse(const char *text, struct http_head *h)
{
	const char *why = NULL;
	int status = http_head_parse(text, strlen(text), fields, h, &why);

	assert_true(status == 0 ? why == NULL : why != NULL);
	return status;
}

static void assert_slice(struct slice s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.data, text, s.len);
}

static void plain_head(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse("PUT /v2/a/b?x=1 HTTP/1.1\r\nHost: r:5000\r\nX-Empty:\r\n"
			       "Content-Length: 12 \r\nAccept: \t a, b\r\n\r\n",
			       &h),
			 0);
	assert_int_equal(h.method, METHOD_PUT);
	assert_slice(h.target, "/v2/a/b?x=1");
	assert_slice(h.host, "r:5000");
	assert_int_equal(h.minor, 1);
	assert_true(h.keep_alive);
	assert_int_equal(h.content_length, 12);
	assert_false(h.chunked);
	assert_int_equal(h.count, 4);
	assert_slice(*http_head_field(&h, "accept"), "a, b");
	assert_slice(*http_head_field(&h, "x-empty"), "");
	assert_null(http_head_field(&h, "Accep"));
}

static void kept_head_outlives_its_text(void **state)
{
	char text[] = "GET http://h:1/p?q HTTP/1.1\r\nHost: other\r\n"
		      "A: b \r\nE:\r\nF: \r\nG: h\r\n\r\n";
	struct arena *a = arena_new();
	struct http_head h;

	(void)state;
	assert_int_equal(parse(text, &h), 0);
	http_head_keep(&h, a);
	memset(text, 'x', sizeof(text));
	assert_string_equal(h.target.data, "/p?q");
	assert_string_equal(h.host.data, "h:1");
	assert_string_equal(h.method_text.data, "GET");
	assert_string_equal(http_head_field(&h, "a")->data, "b");
	assert_string_equal(http_head_field(&h, "e")->data, "");
	assert_string_equal(http_head_field(&h, "f")->data, "");
	assert_string_equal(http_head_field(&h, "g")->data, "h");
	arena_free(a);
}

static void connection_and_version(void **state)
{
	static const struct {
		const char *text;
		bool keep;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: te, close\r\n\r\n", false},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nConnection: close\r\n\r\n",
		 false},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
	};
	struct http_head h;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text, &h), 0);
		assert_int_equal(h.keep_alive, rows[i].keep);
	}
}

static void expectations(void **state)
{
	struct http_head h;

	(void)state;
	assert_int_equal(parse("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
			       "Expect: 100-Continue\r\n\r\n",
			       &h),
			 0);
	assert_true(h.expect_continue);
	assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", &h),
			 0);
	assert_false(h.expect_continue);
	assert_int_equal(parse("PUT / HTTP/1.0\r\nContent-Length: 5\r\n"
			       "Expect: 100-continue\r\n\r\n",
			       &h),
			 0);
	assert_false(h.expect_continue);
	assert_int_equal(parse("PUT / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", &h), 417);
}

#define H "Host: a\r\n"

/* −1: any status, the parser may be faster than we. */
static const struct {
	int status;
	const char *text;
} refusals[] = {
	/* framing */
	{400,
	 "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{400,
	 "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 3 4\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length\t: 3\r\n\r\n"},
	{-1, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"},
	{-1, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n"},
	{-1, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"},
	{-1, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"},
	{-1, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H
	      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	/* line ends and folding */
	{400, "GET / HTTP/1.1\n" H "\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a\n\n"},
	{400, "GET / HTTP/1.1\r\n" H "\n"},
	{400, "GET / HTTP/1.1\r\n" H "A: b\rC: d\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "A:\r\n\tc\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n " H "\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "A: b\x7f\r\n\r\n"},
	/* names */
	{400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H ": empty\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "A(b): c\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "no colon\r\n\r\n"},
	/* host */
	{400, "GET / HTTP/1.1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Host: b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Host: a\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
	{400, "GET http:///p HTTP/1.1\r\n" H "\r\n"},
	{400, "GET http://u@h/p HTTP/1.1\r\n" H "\r\n"},
	/* other fields that may stand once */
	{400, "GET / HTTP/1.1\r\n" H "Authorization: a\r\nauthorization: b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "Range: a\r\nRange: b\r\n\r\n"},
	/* request line */
	{400, "GET  / HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /  HTTP/1.1\r\n" H "\r\n"},
	{400, "GET / HTTP/1.1 \r\n" H "\r\n"},
	{400, "GET\t/ HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /a b HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /a\xc3\xa4 HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /a#b HTTP/1.1\r\n" H "\r\n"},
	{400, "GET a HTTP/1.1\r\n" H "\r\n"},
	{400, "GET ftp://h/p HTTP/1.1\r\n" H "\r\n"},
	{400, "get / HTTP/1.1\r\n" H "\r\n"},
	{505, "GET /\r\n\r\n"},
	{501, "CONNECT a:1 HTTP/1.1\r\n" H "\r\n"},
	{505, "GET / HTTP/0.9\r\n" H "\r\n"},
	{505, "GET / HTTP/1.2\r\n" H "\r\n"},
	{505, "GET / HTTP/2.0\r\n" H "\r\n"},
	{505, "GET / HTTP/9.9\r\n" H "\r\n"},
	{-1, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
};

static void refused(void **state)
{
	struct http_head h;

	(void)state;
	for (unsigned i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		int status = parse(refusals[i].text, &h);
		int wanted = refusals[i].status;

		if (wanted == -1 ? status == 0 : status != wanted)
			fail_msg("status %d for: %s", status, refusals[i].text);
	}
}

static void nul_is_refused_everywhere(void **state)
{
	static const char text[] = "GET /p HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
	char copy[sizeof(text)];
	struct http_head h;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		assert_int_not_equal(http_head_parse(copy, sizeof(text) - 1, fields, &h, &why),
				     0);
	}
}

/* A head of `count` fields. */
static int parse_fields(int count)
{
	char text[16 * 1024];
	size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
	struct http_head h;

	for (int i = 1; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "A: b\r\n");
	snprintf(text + len, sizeof(text) - len, "\r\n");
	return parse(text, &h);
}

static void too_many_fields(void **state)
{
	(void)state;
	assert_int_equal(parse_fields(HTTP_FIELDS_MAX), 0);
	assert_int_equal(parse_fields(HTTP_FIELDS_MAX + 1), 431);
}

static void end_is_found_at_every_split(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\nbody";
	size_t end = strlen(text) - 4;

	(void)state;
	for (size_t split = 0; split <= end; split++) {
		size_t scanned = 0;

		if (split < end)
			assert_int_equal(http_head_end(text, split, &scanned), 0);
		assert_int_equal(http_head_end(text, strlen(text), &scanned), end);
	}
	/* byte by byte */
	for (size_t scanned = 0, len = 1; len <= strlen(text); len++)
		assert_int_equal(http_head_end(text, len, &scanned), len < end ? 0 : end);
}

static void end_of_bare_lines(void **state)
{
	size_t scanned = 0;

	(void)state;
	assert_int_equal(http_head_end("GET / HTTP/1.1\n\nx", 17, &scanned), 16);
	scanned = 0;
	assert_int_equal(http_head_end("a\n\r\n", 4, &scanned), 4);
}

static void lists(void **state)
{
	(void)state;
	assert_true(http_list_has((struct slice){"a, Close", 8}, "close"));
	assert_true(http_list_has((struct slice){"close", 5}, "close"));
	assert_false(http_list_has((struct slice){"closed, x", 9}, "close"));
	assert_false(http_list_has((struct slice){"", 0}, "close"));
	assert_true(http_list_has((struct slice){",,\tclose ,", 10}, "close"));
}

static void client_hello(void **state)
{
	(void)state;
	assert_true(http_head_is_tls("\x16\x03\x01\x02", 4));
	assert_false(http_head_is_tls("GE", 2));
	assert_false(http_head_is_tls("\x16", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_head),
		cmocka_unit_test(kept_head_outlives_its_text),
		cmocka_unit_test(connection_and_version),
		cmocka_unit_test(expectations),
		cmocka_unit_test(refused),
		cmocka_unit_test(nul_is_refused_everywhere),
		cmocka_unit_test(too_many_fields),
		cmocka_unit_test(end_is_found_at_every_split),
		cmocka_unit_test(end_of_bare_lines),
		cmocka_unit_test(lists),
		cmocka_unit_test(client_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
