/*
 * Requests from head to answer over a scripted connection: routing, error bodies, bodies in
 * memory, streamed answers, giving up. The routes and the auth step are the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/cidr.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "tests/unit/http_fake.h"

static struct worker worker;
static struct settings set = {.gateway_public_url = "", .gateway_requests = 3};
static int handled;

void worker_request_id(struct worker *w, char id[33])
{
	snprintf(id, 33, "%032llx", (unsigned long long)++w->id_next);
}

/* As a registry in maintenance, or a read-only one. */
static bool down, read_only;

int await_request_admit(struct request *rq)
{
	const struct route *r = rq->match.route;

	if (!down && !(read_only && r != NULL && route_changes(r, rq->head->method)))
		return 0;
	reply_header(rq, "Retry-After", "60");
	return refuse_by_surface(rq, UNAVAILABLE, "not now");
}

int await_request_authorize(struct request *rq, const struct right *right)
{
	if (right->need == NEED_NOTHING)
		return 0;
	reply_header(rq, "WWW-Authenticate", "Bearer realm=\"%s/token\"", request_base_url(rq));
	return refuse(rq, UNAUTHORIZED, NULL);
}

static int get_thing(struct request *rq)
{
	handled++;
	reply_header(rq, "X-Name", "%s", rq->repo.full);
	return reply_bytes(rq, 200, "text/plain", "thing", 5);
}

static int put_echo(struct request *rq)
{
	struct slice body;
	int rc = await_body_all(rq, 10, &body);

	if (rc < 0)
		return give_up(rq, rc, "reading the body");
	return reply_bytes(rq, 200, "text/plain", body.data, body.len);
}

static int get_stream(struct request *rq)
{
	char rest[] = "defghi";
	struct iovec parts[] = {{rest, 2}, {rest + 2, 4}};
	const char *stop = request_query(rq, "stop");
	int rc = 0;

	reply_start(rq, 206, "a/b", 9);
	if (stop == NULL || strcmp(stop, "0") != 0)
		rc = await_send(rq, "abc", 3);
	if (rc == 0 && stop == NULL)
		rc = await_send_parts(rq, parts, 2);
	if (rc == 0 && stop != NULL)
		rc = ERR_UNAVAILABLE;
	return rc < 0 ? give_up(rq, rc, "sending") : 206;
}

static int get_lines(struct request *rq)
{
	char rest[] = "defghi";
	struct iovec parts[] = {{rest, 2}, {rest + 2, 4}};
	int rc = 0;

	reply_start(rq, 200, "a/b", REPLY_UNTIL_END);
	if (request_query(rq, "empty") != NULL)
		return await_send_end(rq) < 0 ? -1 : 200;
	rc = await_send(rq, "abc", 3);
	if (rc == 0)
		rc = await_send(rq, "", 0); /* is no end */
	if (rc == 0)
		rc = await_send_parts(rq, parts, 2);
	if (rc == 0 && request_query(rq, "stop") != NULL)
		rc = ERR_UNAVAILABLE;
	if (rc == 0)
		rc = await_send_end(rq);
	return rc < 0 ? give_up(rq, rc, "sending") : 200;
}

static int get_trouble(struct request *rq)
{
	reply_header(rq, "X-Half", "made");
	return give_up(rq, ERR_UNAVAILABLE, "asking the database");
}

static int get_wrong(struct request *rq)
{
	const char *what = request_query(rq, "what");

	if (what == NULL)
		return 200; /* and no answer */
	reply_header(rq, "X-Evil", "%s", what);
	return refuse_with(rq, 400, MANIFEST_INVALID, "{\"a\":1}", "bad %s", what);
}

static int get_api_error(struct request *rq)
{
	return refuse_api_errors(rq, 422, "[{\"code\":\"x\"}]", "not \"%s\"", "so");
}

static int delete_it(struct request *rq)
{
	return reply(rq, 204);
}

static int get_origin(struct request *rq)
{
	reply_header(rq, "X-Origin", "[%s]", request_origin(rq));
	reply_header(rq, "X-Base", "[%s]", request_base_url(rq));
	return reply(rq, 200);
}

static int get_each(struct request *rq)
{
	static const char *const details[] = {"1", "{\"b\":2}"};

	return refuse_each(rq, BLOB_UNKNOWN, details, 2);
}

#define FREE                         \
	{                            \
		.need = NEED_NOTHING \
	}
const struct route route_table[] = {
	{METHOD_GET | METHOD_HEAD, "/v2/{name}/thing", FREE, get_thing},
	{METHOD_DELETE, "/v2/{name}/thing", FREE, delete_it},
	{METHOD_POST, "/v2/harmless", {.changes_nothing = true}, delete_it},
	{METHOD_GET, "/v2/", {.need = NEED_CALLER}, get_thing},
	{METHOD_PUT, "/v2/echo", FREE, put_echo},
	{METHOD_GET | METHOD_HEAD, "/v2/stream", FREE, get_stream},
	{METHOD_GET, "/v2/lines", FREE, get_lines},
	{METHOD_GET, "/v2/trouble", FREE, get_trouble},
	{METHOD_GET, "/v2/wrong", FREE, get_wrong},
	{METHOD_GET, "/v2/each", FREE, get_each},
	{METHOD_GET, "/v2/origin", FREE, get_origin},
	{METHOD_GET, "/api/v3/error", FREE, get_api_error},
	{METHOD_GET, "/api/v3/trouble", FREE, get_trouble},
	{0},
};

static int set_up(void **state)
{
	handled = 0;
	down = read_only = false;
	fake_set_up(state);
	worker = (struct worker){.loop = loop, .set = &set, .index = 1};
	worker.bufs = buf_pool_new(loop, 1024 * 1024);
	fake_use_service(&(struct http_service){on_request, &worker});
	return 0;
}

static int tear_down(void **state)
{
	http_front_abort(front);
	fake_pump();
	assert_int_equal(buf_used(worker.bufs), 0);
	buf_pool_free(worker.bufs);
	return fake_tear_down(state);
}

static void client_asks(const char *method, const char *target)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: h:1\r\n\r\n", method, target);
	fake.got_len = 0;
	fake_sends(text);
}

static void assert_got(const char *text)
{
	if (strstr(fake.got, text) == NULL)
		fail_msg("not in the answer: %s\n%s", text, fake.got);
}

static void an_answer(void **state)
{
	(void)state;
	client_asks("GET", "/v2/a/b%2Fc/thing");
	assert_got("HTTP/1.1 200 OK\r\n");
	assert_got("\r\nX-Name: a/b/c\r\n");
	assert_got("\r\nContent-Type: text/plain\r\n");
	assert_got("\r\nDocker-Distribution-Api-Version: registry/2.0\r\n");
	assert_got("\r\nX-Content-Type-Options: nosniff\r\n");
	assert_got("\r\nX-Request-Id: 00000000000000000000000000000001\r\n\r\nthing");
	assert_int_equal(fake.writes, 1);
}

static void head_has_the_length_only(void **state)
{
	(void)state;
	client_asks("HEAD", "/v2/a/b/thing");
	assert_got("\r\nContent-Length: 5\r\n");
	assert_memory_equal(fake.got + fake.got_len - 4, "\r\n\r\n", 4);
	client_asks("HEAD", "/v2/stream");
	assert_got("\r\nContent-Length: 9\r\n");
	assert_memory_equal(fake.got + fake.got_len - 4, "\r\n\r\n", 4);
	client_asks("DELETE", "/v2/a/b/thing");
	assert_got(" 204 No Content\r\n");
	assert_null(strstr(fake.got, "Content-Length"));
	assert_false(fake.closed);
}

static void what_is_no_route(void **state)
{
	(void)state;
	client_asks("GET", "/v2/a/nothing");
	assert_got(" 404 Not Found\r\n");
	assert_got("{\"errors\":[{\"code\":\"NOT_FOUND\",\"message\":\"no such path\"}]}");
	client_asks("GET", "/api/v3/nothing");
	assert_got("{\"message\":\"no such path\",\"documentation_url\":");
	assert_got("\"status\":\"404\"}");
	client_asks("GET", "/v2x");
	assert_got("text/plain");
	client_asks("POST", "/v2/a/b/thing");
	assert_got(" 405 Method Not Allowed\r\n");
	assert_got("\r\nAllow: GET, HEAD, DELETE\r\n");
	assert_got("\"code\":\"UNSUPPORTED\"");
	assert_got(",\"detail\":{\"allow\":\"GET, HEAD, DELETE\"}}]}");
	client_asks("GET", "/v2/a/b/thing%");
	assert_got(" 400 Bad Request\r\n");
	client_asks("GET", "/v2/A/b/thing");
	assert_got("\"code\":\"NAME_INVALID\"");
	assert_int_equal(handled, 0);
}

static void rights_come_before_handlers(void **state)
{
	(void)state;
	client_asks("GET", "/v2/");
	assert_got(" 401 Unauthorized\r\n");
	assert_got("\r\nWWW-Authenticate: Bearer realm=\"http://h:1/token\"\r\n");
	assert_int_equal(handled, 0);
}

static void bodies_in_memory(void **state)
{
	(void)state;
	fake_sends("PUT /v2/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
	assert_got("\r\n\r\n0123456789");
	fake_sends("PUT /v2/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n");
	assert_got("\r\n\r\nabcdefghij");
	fake_sends("PUT /v2/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(fake_count("200 OK"), 3);
	fake_sends("PUT /v2/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890");
	assert_int_equal(fake_count("413 Content Too Large"), 1);
	assert_got("\"code\":\"SIZE_INVALID\"");
	fake_sends("PUT /v2/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		   "b\r\n01234567890\r\n0\r\n\r\n");
	assert_int_equal(fake_count("413 Content Too Large"), 2);
	assert_true(fake.fin);
}

static void broken_bodies(void **state)
{
	(void)state;
	fake_sends("PUT /v2/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx");
	assert_got(" 400 Bad Request\r\n");
	assert_got("\r\nConnection: close\r\n");
	assert_true(fake.fin);
}

static void leaving_within_a_body(void **state)
{
	(void)state;
	fake_sends("PUT /v2/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n012");
	fake.end = true;
	fake_pump();
	assert_int_equal(fake.got_len, 0);
	assert_true(fake.closed);
}

static void streamed_answers(void **state)
{
	(void)state;
	client_asks("GET", "/v2/stream");
	assert_got(" 206 Partial Content\r\n");
	assert_got("\r\nContent-Length: 9\r\n");
	assert_got("\r\n\r\nabcdefghi");
	assert_false(fake.closed);
	client_asks("GET", "/v2/stream?stop=3");
	assert_memory_equal(fake.got + fake.got_len - 7, "\r\n\r\nabc", 7);
	assert_true(fake.closed);
}

static void streams_of_unknown_length(void **state)
{
	(void)state;
	client_asks("GET", "/v2/lines");
	assert_got("\r\nTransfer-Encoding: chunked\r\n");
	assert_got("\r\n\r\n3\r\nabc\r\n6\r\ndefghi\r\n0\r\n\r\n");
	assert_null(strstr(fake.got, "Content-Length"));
	assert_false(fake.closed);
	client_asks("GET", "/v2/lines?empty");
	assert_memory_equal(fake.got + fake.got_len - 9, "\r\n\r\n0\r\n\r\n", 9);
	assert_false(fake.closed);
	client_asks("GET", "/v2/lines?stop");
	assert_memory_equal(fake.got + fake.got_len - 10, "\r\ndefghi\r\n", 10);
	assert_true(fake.closed);
}

/* To whom chunks mean nothing the end of the connection is that of the body. */
static void streams_before_chunks(void **state)
{
	(void)state;
	fake_sends("GET /v2/lines HTTP/1.0\r\nHost: h:1\r\nConnection: keep-alive\r\n\r\n");
	assert_got("\r\nConnection: close\r\n");
	assert_memory_equal(fake.got + fake.got_len - 13, "\r\n\r\nabcdefghi", 13);
	assert_null(strstr(fake.got, "Transfer-Encoding"));
	assert_true(fake.fin || fake.closed);
}

static void stream_that_fails_before_its_first_byte(void **state)
{
	(void)state;
	client_asks("GET", "/v2/stream?stop=0");
	assert_got(" 503 Service Unavailable\r\n");
	assert_got("\r\nRetry-After: 5\r\n");
	assert_null(strstr(fake.got, "a/b"));
	assert_false(fake.closed);
}

/* What changes something is stopped, in the surface's own words, and tells when to come back.
 */
static void read_only_registry(void **state)
{
	(void)state;
	read_only = true;
	client_asks("DELETE", "/v2/a/b/thing");
	assert_got(" 503 Service Unavailable\r\n");
	assert_got("\r\nRetry-After: 60\r\n");
	assert_null(strstr(fake.got, "Retry-After: 5\r\n"));
	assert_got("{\"errors\":[{\"code\":\"UNAVAILABLE\",\"message\":\"not now\"}]}");
	client_asks("GET", "/v2/a/b/thing");
	assert_got(" 200 OK\r\n");
	client_asks("HEAD", "/v2/a/b/thing");
	assert_got(" 200 OK\r\n");
	client_asks("POST", "/v2/harmless");
	assert_got(" 204 No Content\r\n");
	client_asks("PATCH", "/v2/a/b/thing");
	assert_got(" 405 Method Not Allowed\r\n");
	assert_int_equal(handled, 2);
}

/* Also for paths that are no route, and before anybody is asked who he is. */
static void registry_that_is_down(void **state)
{
	static const char *const paths[] = {"/v2/a/thing", "/v2/", "/v2/no/such", "/v2/%zz",
					    "/v2/A/thing"};

	(void)state;
	down = true;
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		client_asks("GET", paths[i]);
		assert_got(" 503 Service Unavailable\r\n");
		assert_null(strstr(fake.got, "WWW-Authenticate"));
	}
	client_asks("GET", "/api/v3/x");
	assert_got("{\"message\":\"not now\",");
	client_asks("GET", "/");
	assert_got("\r\nRetry-After: 60\r\n");
	assert_got("\r\n\r\nnot now\n");
	assert_int_equal(handled, 0);
}

/* The one too many is told at once, unread, and its connection ends. */
static void too_many_requests(void **state)
{
	(void)state;
	worker.requests = 2;
	client_asks("GET", "/v2/a/b/thing");
	assert_got(" 200 OK\r\n");
	assert_int_equal(worker.requests, 2);
	worker.requests = 3;
	client_asks("GET", "/v2/a/b/thing");
	assert_got(" 503 Service Unavailable\r\n");
	assert_got("\r\nRetry-After: 5\r\n");
	assert_got("too many requests at once");
	assert_got("\r\nConnection: close\r\n");
	assert_true(fake.fin);
	assert_int_equal(handled, 1);
	assert_int_equal(worker.requests, 3);
}

static void giving_up(void **state)
{
	(void)state;
	client_asks("GET", "/v2/trouble");
	assert_got(" 503 Service Unavailable\r\n");
	assert_got("\r\nRetry-After: 5\r\n");
	assert_got("\"code\":\"UNAVAILABLE\"");
	assert_null(strstr(fake.got, "X-Half"));
	client_asks("GET", "/api/v3/trouble");
	assert_got("\"status\":\"503\"");
	assert_false(fake.closed);
}

static void error_bodies(void **state)
{
	(void)state;
	client_asks("GET", "/v2/wrong?what=%22x%0d%0aY:1%ff%c3%a4");
	assert_got("{\"errors\":[{\"code\":\"MANIFEST_INVALID\","
		   "\"message\":\"bad \\\"x\\u000d\\u000aY:1\\ufffd\xc3\xa4\","
		   "\"detail\":{\"a\":1}}]}");
	assert_null(strstr(fake.got, "X-Evil"));
	client_asks("GET", "/v2/each");
	assert_got("{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"blob unknown to "
		   "registry\",\"detail\":1},{\"code\":\"BLOB_UNKNOWN\"");
	assert_got("\"detail\":{\"b\":2}}]}");
	client_asks("GET", "/api/v3/error");
	assert_got("{\"message\":\"not \\\"so\\\"\",\"errors\":[{\"code\":\"x\"}],"
		   "\"documentation_url\":\"/api/v3\",\"status\":\"422\"}");
	client_asks("GET", "/v2/wrong");
	assert_got(" 500 Internal Server Error\r\n");
}

static void origin_is(const char *headers, const char *origin, const char *base)
{
	char text[1024];

	snprintf(text, sizeof(text), "GET /v2/origin HTTP/1.1\r\nHost: h:1\r\n%s\r\n", headers);
	fake.got_len = 0;
	fake_sends(text);
	snprintf(text, sizeof(text), "\r\nX-Origin: [%s]\r\nX-Base: [%s]\r\n", origin, base);
	assert_got(text);
}

#define X_HTTPS "X-Forwarded-Proto: https\r\nX-Forwarded-Host: r.example\r\n"

static void urls_behind_a_proxy(void **state)
{
	struct cidr_list proxies;

	(void)state;
	origin_is(X_HTTPS, "", "http://h:1"); /* nobody is trusted */
	assert_int_equal(cidr_list_parse("198.51.100.0/24", &proxies), 0);
	worker.proxies = &proxies;
	origin_is(X_HTTPS, "", "http://h:1");
	assert_int_equal(cidr_list_parse("192.0.2.0/24", &proxies), 0);
	origin_is("", "", "http://h:1");
	origin_is(X_HTTPS, "https://r.example", "https://r.example");
	origin_is("X-Forwarded-Proto: https\r\n", "https://h:1", "https://h:1");
	origin_is("Forwarded: for=1.2.3.4;host=r:2;proto=https\r\n", "https://r:2",
		  "https://r:2");
	/* A proxy may add a line of its own behind the client's. */
	origin_is("X-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n"
		  "X-Forwarded-Host: r.example\r\n",
		  "https://r.example", "https://r.example");
	set.gateway_public_url = "https://pub.example/";
	origin_is(X_HTTPS, "https://pub.example", "https://pub.example");
	set.gateway_public_url = "";
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(an_answer),
		CASE(head_has_the_length_only),
		CASE(what_is_no_route),
		CASE(rights_come_before_handlers),
		CASE(bodies_in_memory),
		CASE(broken_bodies),
		CASE(leaving_within_a_body),
		CASE(streamed_answers),
		CASE(streams_of_unknown_length),
		CASE(streams_before_chunks),
		CASE(stream_that_fails_before_its_first_byte),
		CASE(giving_up),
		CASE(too_many_requests),
		CASE(read_only_registry),
		CASE(registry_that_is_down),
		CASE(error_bodies),
		CASE(urls_behind_a_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
