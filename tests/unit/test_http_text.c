/* Paths, queries, routes and body framing: the texts between a head and a handler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/http_body.h"
#include "gateway/http_print.h"
#include "gateway/http_uri.h"
#include "gateway/route.h"
#include "gateway/utf8.h"

static struct slice text_of(const char *text)
{
	return (struct slice){text, strlen(text)};
}

static int set_up(void **state)
{
	*state = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

static void paths(void **state)
{
	struct uri_path p;

	assert_int_equal(uri_path_parse(*state, text_of("/v2/a%2Fb//c%41/"), &p), 0);
	assert_int_equal(p.count, 5);
	assert_string_equal(p.segment[0].data, "v2");
	assert_string_equal(p.segment[1].data, "a/b");
	assert_string_equal(p.segment[2].data, "");
	assert_string_equal(p.segment[3].data, "cA");
	assert_string_equal(p.segment[4].data, "");
	assert_int_equal(p.segment[1].len, 3);
}

static void bad_paths(void **state)
{
	static const char *const bad[] = {"", "a", "*", "/%", "/%4", "/%zz", "/%00", "/a%4/b"};
	char deep[2 * URI_SEGMENTS_MAX + 3];
	struct uri_path p;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(uri_path_parse(*state, text_of(bad[i]), &p), ERR_SYNTAX);
	for (unsigned i = 0; i <= URI_SEGMENTS_MAX; i++)
		memcpy(deep + 2 * i, "/a", 3);
	assert_int_equal(uri_path_parse(*state, text_of(deep), &p), ERR_LIMIT);
}

static void queries(void **state)
{
	struct uri_query q;

	assert_int_equal(
		uri_query_parse(*state, text_of("a=1&b=x+y%2B&&a=2&flag&=v&c=d=e"), &q), 0);
	assert_int_equal(q.count, 6);
	assert_string_equal(uri_query_get(&q, "a", 0), "1");
	assert_string_equal(uri_query_get(&q, "a", 1), "2");
	assert_null(uri_query_get(&q, "a", 2));
	assert_string_equal(uri_query_get(&q, "b", 0), "x y+");
	assert_string_equal(uri_query_get(&q, "flag", 0), "");
	assert_string_equal(uri_query_get(&q, "c", 0), "d=e");
	assert_null(uri_query_get(&q, "d", 0));
	assert_int_equal(uri_query_parse(*state, text_of(""), &q), 0);
	assert_int_equal(q.count, 0);
	assert_int_equal(uri_query_parse(*state, text_of("a=%0"), &q), ERR_SYNTAX);
	assert_int_equal(uri_query_parse(*state, text_of("a=%00"), &q), ERR_SYNTAX);
}

static void too_many_parameters(void **state)
{
	char text[2 * URI_QUERY_MAX + 4] = "";
	struct uri_query q;

	for (int i = 0; i < URI_QUERY_MAX; i++)
		memcpy(text + 2 * i, "a&", 3);
	assert_int_equal(uri_query_parse(*state, text_of(text), &q), 0);
	memcpy(text + 2 * URI_QUERY_MAX, "a", 2);
	assert_int_equal(uri_query_parse(*state, text_of(text), &q), ERR_LIMIT);
}

static void escaping(void **state)
{
	assert_string_equal(uri_escape(*state, "a/b c~%\xff", "/"), "a/b%20c~%25%FF");
	assert_string_equal(uri_escape(*state, "a/b", ""), "a%2Fb");
}

static int nothing(struct request *rq)
{
	(void)rq;
	return 0;
}

static const struct route rows[] = {
	{METHOD_GET, "/", {0}, nothing},
	{METHOD_GET, "/v2/", {0}, nothing},
	{METHOD_POST, "/v2/{name}/blobs/uploads/", {0}, nothing},
	{METHOD_GET, "/v2/{name}/blobs/uploads/{session}", {0}, nothing},
	{METHOD_PUT | METHOD_PATCH, "/v2/{name}/blobs/uploads/{session}", {0}, nothing},
	{METHOD_GET | METHOD_HEAD, "/v2/{name}/blobs/{digest}", {0}, nothing},
	{METHOD_GET, "/v2/{name}/tags/list", {0}, nothing},
	{METHOD_GET, "/api/v3/orgs/{org}/memberships/{username}", {0}, nothing},
	{0},
};

/* Index of the row found, −404, or −405. */
static int found(struct arena *a, enum method m, const char *path, struct route_match *out)
{
	struct uri_path p;

	assert_int_equal(uri_path_parse(a, text_of(path), &p), 0);
	route_find(rows, a, m, &p, out);
	if (out->route != NULL)
		return (int)(out->route - rows);
	return out->allowed != 0 ? -405 : -404;
}

static void routes(void **state)
{
	static const struct {
		enum method method;
		const char *path;
		int row;
		const char *first; /* value of the first parameter, NULL: none */
	} cases[] = {
		{METHOD_GET, "/", 0, NULL},
		{METHOD_GET, "/v2/", 1, NULL},
		{METHOD_GET, "/v2", 1, NULL},
		{METHOD_GET, "/v2//", -404, NULL},
		{METHOD_POST, "/v2/", -405, NULL},
		{METHOD_POST, "/v2/a/b/blobs/uploads/", 2, "a/b"},
		{METHOD_POST, "/v2/a/b/blobs/uploads", 2, "a/b"},
		{METHOD_GET, "/v2/a/b/blobs/uploads", -405, NULL},
		{METHOD_PATCH, "/v2/a/b/c/d/blobs/uploads/17", 4, "17"},
		{METHOD_DELETE, "/v2/a/b/blobs/uploads/17", -405, NULL},
		{METHOD_HEAD, "/v2/a/b/blobs/sha256:0", 5, "sha256:0"},
		{METHOD_GET, "/v2/a/b/blobs/sha256:0/", -404, NULL},
		{METHOD_GET, "/v2/blobs/blobs/blobs/x", 5, "x"},
		{METHOD_GET, "/v2/a/tags/list/tags/list", 6, "a/tags/list"},
		{METHOD_GET, "/v2/tags/list", -404, NULL},
		{METHOD_GET, "/v2/a/b", -404, NULL},
		{METHOD_GET, "/V2/", -404, NULL},
		{METHOD_GET, "/api/v3/orgs/acme/memberships/jo%2Fe", 7, "acme"},
		{METHOD_GET, "/api/v3/orgs//memberships/joe", -404, NULL},
		{METHOD_OTHER, "/", -405, NULL},
	};
	struct route_match m;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int row = found(*state, cases[i].method, cases[i].path, &m);

		if (row != cases[i].row)
			fail_msg("%s: row %d", cases[i].path, row);
		if (cases[i].first != NULL)
			assert_string_equal(m.param[0].value, cases[i].first);
	}
}

static void route_parameters(void **state)
{
	struct route_match m;

	assert_int_equal(found(*state, METHOD_PUT, "/v2/a/b%2Fc/blobs/uploads/x%20y", &m), 4);
	assert_int_equal(m.count, 2);
	assert_memory_equal(m.param[0].name.data, "session", 7);
	assert_string_equal(m.param[0].value, "x y");
	assert_memory_equal(m.param[1].name.data, "name", 4);
	assert_string_equal(m.param[1].value, "a/b/c");
	assert_int_equal(m.allowed, METHOD_GET | METHOD_PUT | METHOD_PATCH);
}

/* Decode `len` bytes, given in pieces that end at `split`; the data, or NULL for a bad body. */
static char *decode(struct http_body *b, const char *bytes, size_t len, size_t split,
		    size_t *used)
{
	static char data[4096];
	size_t out = 0;
	size_t at = 0;

	*b = (struct http_body){.state = BODY_SIZE, .chunked = true};
	while (at < len && !body_done(b)) {
		size_t end = at < split ? split : len;
		int64_t n = body_frame(b, bytes + at, end - at);
		size_t left;

		if (n < 0)
			return NULL;
		at += (size_t)n;
		left = end - at;
		if (left > (size_t)body_data(b))
			left = (size_t)body_data(b);
		memcpy(data + out, bytes + at, left);
		body_take(b, (int64_t)left);
		out += left;
		at += left;
	}
	data[out] = '\0';
	*used = at;
	return data;
}

static void chunks_at_every_split(void **state)
{
	static const char body[] = "5\r\nhello\r\n1;x=\"y\"\r\n \r\n00006\r\nworld!\r\n"
				   "0\r\nTrailer: t\r\nB: c\r\n\r\nNEXT";
	size_t len = strlen(body);
	struct http_body b;
	size_t used;

	(void)state;
	for (size_t split = 0; split <= len; split++) {
		const char *data = decode(&b, body, len, split, &used);

		assert_non_null(data);
		assert_string_equal(data, "hello world!");
		assert_true(body_done(&b));
		assert_int_equal(used, len - 4);
	}
}

static void bad_chunks(void **state)
{
	static const char *const bad[] = {
		"\r\n",
		"g\r\n",
		"0x3\r\nabc\r\n",
		"+3\r\nabc\r\n",
		"-1\r\n",
		" 3\r\nabc\r\n",
		"3 \r\nabc\r\n",
		"3\nabc\r\n",
		"3\r\nabcd\r\n",
		"3\r\nabc\n",
		"3\r\nabc0\r\n",
		"3\r\rabc",
		"3;\x01\r\n",
		"3;a\nb\r\n",
		"0\r\n\n",
		"0\r\nA: b\n\r\n",
		"0\r\nA\x02\r\n",
		"1000000000000000\r\n",
		"ffffffffffffffff\r\n",
		"00000000000000000\r\n",
	};
	struct http_body b;
	size_t used;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (decode(&b, bad[i], strlen(bad[i]), 0, &used) != NULL)
			fail_msg("taken: %s", bad[i]);
}

static void bounded_extensions_and_trailers(void **state)
{
	static char text[BODY_TRAILERS_MAX + 64];
	struct http_body b;
	size_t used;

	(void)state;
	memcpy(text, "3;", 2);
	memset(text + 2, 'x', BODY_EXTENSION_MAX + 1);
	assert_null(decode(&b, text, BODY_EXTENSION_MAX + 3, 0, &used));
	memcpy(text, "0\r\n", 3);
	memset(text + 3, 'x', BODY_TRAILERS_MAX + 1);
	assert_null(decode(&b, text, BODY_TRAILERS_MAX + 4, 0, &used));
}

static void lengths(void **state)
{
	struct http_head h = {.content_length = 3};
	struct http_body b;

	(void)state;
	body_init(&b, &h);
	assert_int_equal(body_data(&b), 3);
	assert_int_equal(body_frame(&b, "abc", 3), 0);
	body_take(&b, 2);
	assert_false(body_done(&b));
	body_take(&b, 1);
	assert_true(body_done(&b));
	h.content_length = 0;
	body_init(&b, &h);
	assert_true(body_done(&b));
	h.content_length = -1;
	body_init(&b, &h);
	assert_true(body_done(&b));
}

static void utf8(void **state)
{
	static const char *const bad[] = {"\xff",	  "a\x80",
					  "\xc3",	  "\xc3(",
					  "\xc0\xaf",	  "\xe0\x80\xaf",
					  "\xed\xa0\x80", "\xf4\x90\x80\x80",
					  "\xe2\x82",	  "\xf8\x88\x80\x80\x80"};

	(void)state;
	assert_true(utf8_valid(""));
	assert_true(utf8_valid("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\xb3z"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i]));
}

static void printed_heads(void **state)
{
	static const struct reply_field fields[] = {{"A", "b"}, {"C", "d"}};
	struct reply_head head = {201, 5, fields, 2};
	struct http_print p = {&head, 1, true};
	char buf[512], expected[512];
	int n = http_print_head(&p, buf, sizeof(buf));

	(void)state;
	snprintf(
		expected, sizeof(expected),
		"HTTP/1.1 201 Created\r\nDate: %s\r\nContent-Length: 5\r\nA: b\r\nC: d\r\n\r\n",
		http_date());
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(buf, expected, (size_t)n);
	assert_int_equal(http_print_head(&p, buf, (size_t)n - 1), ERR_LIMIT);
	head.status = 204;
	p.keep = false;
	buf[http_print_head(&p, buf, sizeof(buf))] = '\0';
	assert_null(strstr(buf, "Content-Length"));
	assert_non_null(strstr(buf, "\r\nConnection: close\r\n"));
	p = (struct http_print){&head, 0, true};
	buf[http_print_head(&p, buf, sizeof(buf))] = '\0';
	assert_non_null(strstr(buf, "\r\nConnection: keep-alive\r\n"));
	assert_int_equal(strlen(http_date()), strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(queries),
		cmocka_unit_test(too_many_parameters),
		cmocka_unit_test(escaping),
		cmocka_unit_test(routes),
		cmocka_unit_test(route_parameters),
		cmocka_unit_test(chunks_at_every_split),
		cmocka_unit_test(bad_chunks),
		cmocka_unit_test(bounded_extensions_and_trailers),
		cmocka_unit_test(lengths),
		cmocka_unit_test(utf8),
		cmocka_unit_test(printed_heads),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
