/* Who counts as one client, and how many connections each has: tables of several workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/conn_counts.h"
#include "gateway/siphash.h"

/* The values that OpenSSL's SIPHASH gives for bytes 0, 1, 2, … under the key 0, 1, 2, … */
static void siphash_as_published(void **state)
{
	static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	static const uint64_t text[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

	(void)state;
	assert_int_equal(siphash(key, text, 0), 0x726fdb47dd0e0e31);
	assert_int_equal(siphash(key, text, 1), 0x93f5f5799a932462);
	assert_int_equal(siphash(key, text, 2), 0x3f2acc7f57c29bdb);
}

static const char *net_of(const char *host)
{
	static char text[CLIENT_NET_TEXT_MAX];
	struct client_net n;

	if (client_net_parse(host, &n) < 0)
		return "none";
	return client_net_text(&n, text);
}

static void one_client(void **state)
{
	static const char *const cases[][2] = {
		{"192.0.2.7", "192.0.2.7"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:2::", "2001:db8:1:2::/64"},
		{"::1", "::/64"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64"},
		{"192.0.2", "none"},
		{"[::1]", "none"},
		{"192.0.2.7:80", "none"},
		{"", "none"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(net_of(cases[i][0]), cases[i][1]);
}

static uint64_t tag_of(const struct conn_counts *c, unsigned number)
{
	struct client_net n = {{number, 0}};

	return conn_counts_tag(c, &n);
}

static void workers_see_each_other(void **state)
{
	struct conn_counts *c = conn_counts_new(3, 8);
	uint64_t a = tag_of(c, 1), b = tag_of(c, 2);

	(void)state;
	assert_true(a != b && a != 0);
	assert_int_equal(conn_counts_of(c, a), 0);
	for (unsigned w = 0; w < 3; w++)
		for (unsigned i = 0; i <= w; i++)
			conn_counts_add(c, w, a);
	conn_counts_add(c, 1, b);
	assert_int_equal(conn_counts_of(c, a), 6);
	assert_int_equal(conn_counts_of(c, b), 1);
	conn_counts_drop(c, 2, a);
	assert_int_equal(conn_counts_of(c, a), 5);
	conn_counts_clear(c, 1);
	assert_int_equal(conn_counts_of(c, a), 3);
	assert_int_equal(conn_counts_of(c, b), 0);
	conn_counts_free(c);
}

#define CLIENTS 200
#define WORKERS 2
#define ROOM \
	100 /* connections of a worker: its table has 256 places, at most 100 of them used */
#define STEPS 200000

/* Coming and going at random, compared with plain arrays: runs of places that wrap, gaps
 * closed. */
static void as_plain_counting(void **state)
{
	static unsigned want[WORKERS][CLIENTS], open[WORKERS];
	struct conn_counts *c = conn_counts_new(WORKERS, ROOM);
	uint64_t tag[CLIENTS];

	(void)state;
	srand(17);
	for (unsigned i = 0; i < CLIENTS; i++)
		tag[i] = tag_of(c, i);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned w = (unsigned)rand() % WORKERS, i = (unsigned)rand() % CLIENTS;
		unsigned look = (unsigned)rand() % CLIENTS, sum = 0;

		if (want[w][i] > 0 && rand() % 3 > 0) {
			conn_counts_drop(c, w, tag[i]);
			want[w][i]--;
			open[w]--;
		} else if (open[w] < ROOM) {
			conn_counts_add(c, w, tag[i]);
			want[w][i]++;
			open[w]++;
		}
		for (w = 0; w < WORKERS; w++)
			sum += want[w][look];
		assert_int_equal(conn_counts_of(c, tag[look]), sum);
	}
	conn_counts_free(c);
}

static void room_for_as_many_clients_as_connections(void **state)
{
	enum { MANY = 10000 };
	struct conn_counts *c = conn_counts_new(1, MANY);

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		conn_counts_add(c, 0, tag_of(c, i));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(conn_counts_of(c, tag_of(c, i)), 1);
	for (unsigned i = 0; i < MANY; i++)
		conn_counts_drop(c, 0, tag_of(c, i));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(conn_counts_of(c, tag_of(c, i)), 0);
	conn_counts_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_as_published),
		cmocka_unit_test(one_client),
		cmocka_unit_test(workers_see_each_other),
		cmocka_unit_test(as_plain_counting),
		cmocka_unit_test(room_for_as_many_clients_as_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
