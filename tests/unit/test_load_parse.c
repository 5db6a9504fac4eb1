/* What the load tool reads from registries: URLs, heads, challenges, tokens, journals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/load/faults.h"
#include "tests/bench/load/items.h"
#include "tests/bench/load/parse.h"

static void urls_are_split(void **state)
{
	struct url u;
	(void)state;

	assert_int_equal(url_parse("http://localhost:5000", &u), 0);
	assert_string_equal(u.host, "localhost");
	assert_string_equal(u.port, "5000");
	assert_string_equal(u.authority, "localhost:5000");
	assert_string_equal(u.path, "/");
	assert_int_equal(url_parse("http://[::1]:80/token?a=b", &u), 0);
	assert_string_equal(u.host, "::1");
	assert_string_equal(u.path, "/token?a=b");
	assert_int_equal(url_parse("http://a/", &u), 0);
	assert_string_equal(u.port, "80");
	assert_int_equal(url_parse("https://a/", &u), ERR_SYNTAX);
	assert_int_equal(url_parse("http://", &u), ERR_SYNTAX);
	assert_int_equal(url_parse("http://a:", &u), ERR_SYNTAX);
	assert_int_equal(url_parse("http://a:5x", &u), ERR_SYNTAX);
	assert_int_equal(url_parse("http://[::1:80", &u), ERR_SYNTAX);
	assert_int_equal(url_parse("http://a:1234567", &u), ERR_LIMIT);
}

static void locations_become_paths_with_queries(void **state)
{
	char path[64];
	(void)state;

	assert_int_equal(url_path_of("/v2/u/1", path, sizeof(path)), 0);
	assert_int_equal(url_add_query(path, sizeof(path), "digest", "sha256:a+b"), 0);
	assert_string_equal(path, "/v2/u/1?digest=sha256:a%2Bb");
	assert_int_equal(url_path_of("http://h:1/v2/u?_state=x", path, sizeof(path)), 0);
	assert_int_equal(url_add_query(path, sizeof(path), "digest", "d"), 0);
	assert_string_equal(path, "/v2/u?_state=x&digest=d");
	assert_int_equal(url_add_query(path, sizeof(path), "x",
				       "0123456789012345678901234567890123456789"),
			 ERR_LIMIT);
	assert_int_equal(url_path_of("", path, sizeof(path)), ERR_SYNTAX);
	assert_int_equal(url_path_of("http://h", path, sizeof(path)), ERR_SYNTAX);
}

static int parse(const char *text, struct head *out)
{
	assert_int_equal(head_length(text, strlen(text)), strlen(text));
	return head_parse(text, strlen(text), out);
}

static void heads_are_read(void **state)
{
	struct head h;
	(void)state;

	assert_int_equal(parse("HTTP/1.1 202 Accepted\r\ncontent-length:  17 \r\n"
			       "Location: /v2/x\r\nDocker-Content-Digest: sha256:00\r\n"
			       "Range: 0-5\r\nRetry-After: 5\r\n\r\n",
			       &h),
			 0);
	assert_int_equal(h.status, 202);
	assert_true(h.has_length && !h.chunked && !h.close);
	assert_int_equal(h.length, 17);
	assert_string_equal(h.location, "/v2/x");
	assert_string_equal(h.digest, "sha256:00");
	assert_string_equal(h.range, "0-5");
	assert_int_equal(h.retry_after, 5);
	assert_int_equal(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
			       "Connection: close\r\n\r\n",
			       &h),
			 0);
	assert_true(h.chunked && h.close && !h.has_length);
	assert_int_equal(h.retry_after, -1);
	assert_int_equal(parse("HTTP/1.0 200 OK\r\n\r\n", &h), 0);
	assert_true(h.close);
}

static void bad_heads_are_refused(void **state)
{
	struct head h;
	(void)state;

	assert_int_equal(head_length("HTTP/1.1 200 OK\r\n\r", 18), 0);
	assert_int_equal(parse("HTTP/2 200 OK\r\nA: b\r\n\r\n", &h), ERR_SYNTAX);
	assert_int_equal(parse("HTTP/1.1 20x OK\r\nno colon\r\n\r\n", &h), ERR_SYNTAX);
	assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", &h),
			 ERR_SYNTAX);
	assert_int_equal(parse("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", &h),
			 ERR_SYNTAX);
	assert_int_equal(
		parse("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", &h),
		ERR_LIMIT);
	assert_int_equal(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", &h),
			 ERR_SYNTAX);
}

static void challenges_are_read(void **state)
{
	struct head h;
	struct challenge c;
	(void)state;

	assert_int_equal(
		parse("HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\n"
		      "WWW-Authenticate: Bearer realm=\"http://h/token\", service=reg, "
		      "scope=\"repository:a/b:pull,push\",error=\"x\"\r\n\r\n",
		      &h),
		0);
	assert_int_equal(challenge_parse(h.challenge, &c), 0);
	assert_int_equal(c.scheme, SCHEME_BEARER);
	assert_string_equal(c.realm, "http://h/token");
	assert_string_equal(c.service, "reg");
	assert_string_equal(c.scope, "repository:a/b:pull,push");
	assert_int_equal(challenge_parse("Basic realm=\"x\"", &c), 0);
	assert_int_equal(c.scheme, SCHEME_BASIC);
	assert_int_equal(challenge_parse("Digest realm=\"x\"", &c), ERR_SYNTAX);
	assert_int_equal(challenge_parse("Bearer service=x", &c), ERR_SYNTAX);
	assert_int_equal(challenge_parse("Bearer realm=\"http://h", &c), ERR_SYNTAX);
}

static void tokens_are_read(void **state)
{
	const char *answer = "{\"access_token\":\"t2\",\"expires_in\":300}";
	char token[8];
	unsigned life;
	(void)state;

	assert_int_equal(token_parse("{\"token\":\"t1\"}", 14, token, sizeof(token), &life), 0);
	assert_string_equal(token, "t1");
	assert_int_equal(life, 60);
	assert_int_equal(token_parse(answer, strlen(answer), token, sizeof(token), &life), 0);
	assert_string_equal(token, "t2");
	assert_int_equal(life, 300);
	assert_int_equal(token_parse("{}", 2, token, sizeof(token), &life), ERR_SYNTAX);
	assert_int_equal(
		token_parse("{\"token\":\"12345678\"}", 20, token, sizeof(token), &life),
		ERR_LIMIT);
}

#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void journal_lines_are_read(void **state)
{
	struct items *items = items_new(10, NULL);
	struct item item;
	(void)state;

	assert_int_equal(items_parse(items, "blob a/b " DIGEST " 42 00000000000000ff\n", &item),
			 0);
	assert_int_equal(item.kind, ITEM_BLOB);
	assert_string_equal(item.repository->name, "a/b");
	assert_ptr_equal(item.repository, items_repository(items, "a/b"));
	assert_int_equal(item.size, 42);
	assert_int_equal(item.seed, 255);
	assert_int_equal(items_parse(items, "manifest a/b " DIGEST " 1 1 tag\n", &item), 0);
	assert_string_equal(item.tag, "tag");
	assert_int_equal(items_parse(items, "manifest a/b " DIGEST " 1 1 -\n", &item), 0);
	assert_string_equal(item.tag, "");
	assert_int_equal(items_parse(items, "manifest a/b " DIGEST " 1 1\n", &item),
			 ERR_SYNTAX);
	assert_int_equal(items_parse(items, "thing a/b " DIGEST " 1 1\n", &item), ERR_SYNTAX);
	assert_int_equal(items_parse(items, "blob a/b sha256:00 1 1\n", &item), ERR_SYNTAX);
	assert_int_equal(items_parse(items, "\n", &item), ERR_SYNTAX);
	items_free(items);
}

static void a_full_sample_stays_within_its_bound(void **state)
{
	struct items *items = items_new(10, NULL);
	struct item item = {.kind = ITEM_BLOB}, out;
	(void)state;

	assert_false(items_pick(items, ITEM_BLOB, 5, &out));
	for (item.seed = 0; item.seed < 1000; item.seed++)
		items_remember(items, &item);
	for (uint64_t draw = 0; draw < 100; draw++) {
		assert_true(items_pick(items, ITEM_BLOB, draw, &out));
		assert_true(out.seed < 1000);
	}
	assert_false(items_pick(items, ITEM_MANIFEST, 0, &out));
	items_free(items);
}

static void every_kind_of_error_is_counted(void **state)
{
	struct faults *f = faults_new("503,GET blob: broken");
	struct fault fault = {.kind = "503", .where = "PUT upload", .retry_after = 5};
	(void)state;

	assert_true(faults_is_expected(f, &fault));
	faults_add(f, &fault);
	assert_int_equal(faults_unexpected(f), 0);
	memcpy(fault.kind, "broken", 7);
	assert_false(faults_is_expected(f, &fault));
	faults_add(f, &fault);
	faults_add(f, &fault);
	fault.where = "GET blob";
	assert_true(faults_is_expected(f, &fault));
	faults_add(f, &fault);
	assert_int_equal(faults_unexpected(f), 2);
	assert_int_equal(faults_total(f), 4);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(fault.kind, sizeof(fault.kind), "%u", i);
		faults_add(f, &fault);
	}
	assert_int_equal(faults_total(f), 1004);
	/* What the table has no room for is never taken for expected. */
	assert_int_equal(faults_unexpected(f), 1002);
	faults_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_split),
		cmocka_unit_test(locations_become_paths_with_queries),
		cmocka_unit_test(heads_are_read),
		cmocka_unit_test(bad_heads_are_refused),
		cmocka_unit_test(challenges_are_read),
		cmocka_unit_test(tokens_are_read),
		cmocka_unit_test(journal_lines_are_read),
		cmocka_unit_test(a_full_sample_stays_within_its_bound),
		cmocka_unit_test(every_kind_of_error_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
