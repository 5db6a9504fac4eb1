/* gateway/forwarded.h and gateway/cidr.h: what proxies say, and which of them are believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/cidr.h"
#include "gateway/forwarded.h"

static const struct {
	const char *forwarded, *x_proto, *x_host;
	const char *scheme, *host;
} cases[] = {
	{NULL, NULL, NULL, NULL, NULL},
	{NULL, "https", "r.example", "https", "r.example"},
	{NULL, "HTTP", "r.example:8443", "http", "r.example:8443"},
	{NULL, "http, https", "evil, r.example", "https", "r.example"},
	{"proto=https;host=r.example", NULL, NULL, "https", "r.example"},
	{"for=192.0.2.1; Proto=\"https\" ; HOST=\"r.example:1\"", "http", "x", "https",
	 "r.example:1"},
	{"host=evil;proto=http, for=\"[2001:db8::1]\";host=r.example", "https", NULL, "https",
	 "r.example"},
	{"for=\"a,b\";host=r.example", NULL, NULL, NULL, "r.example"},
	{"host=\"[2001:db8::1]:5000\"", NULL, NULL, NULL, "[2001:db8::1]:5000"},
	{"for=\"unended;host=evil", NULL, NULL, NULL, NULL},
	{"proto=ftp;host=a/b", "https", "r.example", "https", "r.example"},
	{"", "", "", NULL, NULL},
	{";;=,host", "javascript", "a b", NULL, NULL},
	{NULL, "https,", "evil>; rel=x", NULL, NULL},
	{NULL, NULL, "user@evil", NULL, NULL},
};

static void same(const char *got, const char *wanted)
{
	if (wanted == NULL)
		assert_null(got);
	else
		assert_string_equal(got, wanted);
}

static void what_proxies_say(void **state)
{
	struct arena *a = arena_new();
	struct forwarded f;
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		forwarded_read(a, cases[i].forwarded, cases[i].x_proto, cases[i].x_host, &f);
		same(f.scheme, cases[i].scheme);
		same(f.host, cases[i].host);
	}
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	forwarded_read(a, NULL, NULL, longest, &f);
	assert_null(f.host);
	arena_free(a);
}

static void clients_behind_proxies(void **state)
{
	static const struct {
		const char *forwarded, *x_for, *client;
	} rows[] = {
		{NULL, NULL, NULL},
		{NULL, "192.0.2.7", "192.0.2.7"},
		{NULL, "198.51.100.1, 192.0.2.7", "192.0.2.7"},
		{NULL, "192.0.2.7:4711", "192.0.2.7"},
		{NULL, "2001:db8::7", "2001:db8::7"},
		{NULL, "[2001:db8::7]:80", "2001:db8::7"},
		{NULL, "", ""},
		{"for=192.0.2.7", "198.51.100.1", "192.0.2.7"},
		{"for=198.51.100.1, For=\"[2001:db8::7]:4711\";proto=https", NULL,
		 "2001:db8::7"},
		{"for=_hidden", NULL, "_hidden"},
		{"for=unknown", "192.0.2.7", "unknown"},
		{"for=192.0.2.7, proto=https", "192.0.2.8", "192.0.2.8"},
		{"for=\"[::1", NULL, "\"[::1"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		same(forwarded_client(a, rows[i].forwarded, rows[i].x_for), rows[i].client);
	arena_free(a);
}

static void networks(void **state)
{
	static const char *const bad[] = {
		"x",	       "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/",
		"::1/129",     "10.0.0.0/-1", "10.0.0",	    "1.2.3.4 5.6.7.8",
		"10.0.0.0/8x", "[::1]",	      ","};
	struct cidr_list l;

	(void)state;
	assert_int_equal(cidr_list_parse("", &l), 0);
	assert_false(cidr_list_has(&l, "127.0.0.1"));
	assert_int_equal(cidr_list_parse(" 10.16.0.0/12,192.0.2.7 , 2001:db8::/33,::1", &l), 0);
	assert_int_equal(l.count, 4);
	assert_true(cidr_list_has(&l, "10.16.0.0"));
	assert_true(cidr_list_has(&l, "10.31.255.255"));
	assert_false(cidr_list_has(&l, "10.32.0.0"));
	assert_true(cidr_list_has(&l, "192.0.2.7"));
	assert_false(cidr_list_has(&l, "192.0.2.6"));
	assert_true(cidr_list_has(&l, "2001:db8:7fff::1"));
	assert_false(cidr_list_has(&l, "2001:db8:8000::1"));
	assert_true(cidr_list_has(&l, "::1"));
	assert_false(cidr_list_has(&l, "nonsense"));
	assert_int_equal(cidr_list_parse("0.0.0.0/0", &l), 0);
	assert_true(cidr_list_has(&l, "203.0.113.9"));
	assert_false(cidr_list_has(&l, "::1"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cidr_list_parse(bad[i], &l) != ERR_SYNTAX)
			fail_msg("%s is taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_proxies_say),
		cmocka_unit_test(clients_behind_proxies),
		cmocka_unit_test(networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
