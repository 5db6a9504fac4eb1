/* Token buckets: how many, how soon again, many clients, many processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/rate_table.h"

#define SECOND	 INT64_C(1000000) /* of the clock's microseconds */
#define START_US (5000 * SECOND)

static struct rate_table *table;
static int64_t now_us;

static int set_up(void **state)
{
	(void)state;
	table = rate_table_new();
	now_us = START_US;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rate_table_free(table);
	return 0;
}

static struct rate_client address(unsigned number)
{
	return (struct rate_client){RATE_ADDRESS, {0, number}};
}

static bool asks(unsigned number, unsigned limit, struct rate_state *s)
{
	struct rate_client c = address(number);

	return rate_charge(table, &c, limit, now_us, s);
}

/* How many of `tries` requests are allowed. */
static unsigned allowed(unsigned number, unsigned limit, unsigned tries)
{
	struct rate_state s;
	unsigned n = 0;

	while (tries-- > 0)
		n += asks(number, limit, &s);
	return n;
}

static void a_minutes_worth_at_once(void **state)
{
	struct rate_state s;

	(void)state;
	assert_true(asks(1, 60, &s));
	assert_int_equal(s.limit, 60);
	assert_int_equal(s.remaining, 59);
	assert_int_equal(s.full_after_ms, 1000);
	assert_int_equal(s.retry_after_ms, 0);
	assert_int_equal(allowed(1, 60, 58), 58);
	assert_true(asks(1, 60, &s));
	assert_int_equal(s.remaining, 0);
	assert_int_equal(s.full_after_ms, 60000);
	for (int i = 0; i < 100; i++) { /* being refused costs nothing more */
		assert_false(asks(1, 60, &s));
		assert_int_equal(s.remaining, 0);
		assert_int_equal(s.full_after_ms, 60000);
		assert_int_equal(s.retry_after_ms, 1000);
	}
}

static void looking_costs_nothing(void **state)
{
	struct rate_client c = address(1), unseen = address(2);
	struct rate_state s, charged;

	(void)state;
	rate_look(table, &c, 60, now_us, &s);
	assert_int_equal(s.remaining, 60);
	assert_int_equal(s.full_after_ms, 0);
	assert_true(asks(1, 60, &charged));
	for (int i = 0; i < 100; i++) {
		rate_look(table, &c, 60, now_us, &s);
		assert_memory_equal(&s, &charged, sizeof(s));
	}
	assert_int_equal(allowed(1, 60, 100), 59);
	rate_look(table, &c, 60, now_us, &s);
	assert_int_equal(s.remaining, 0);
	assert_int_equal(s.retry_after_ms, 1000);
	rate_look(table, &unseen, 60, now_us, &s);
	assert_int_equal(s.remaining, 60);
}

static void tokens_come_back_evenly(void **state)
{
	struct rate_state s;

	(void)state;
	assert_int_equal(allowed(1, 60, 100), 60);
	now_us += SECOND / 2;
	assert_false(asks(1, 60, &s));
	assert_int_equal(s.retry_after_ms, 500);
	now_us += SECOND / 2;
	assert_int_equal(allowed(1, 60, 100), 1);
	now_us += 10 * SECOND;
	assert_int_equal(allowed(1, 60, 100), 10);
	now_us += 59 * SECOND;
	assert_int_equal(allowed(1, 60, 100), 59);
	now_us += 3600 * SECOND;
	assert_int_equal(allowed(1, 60, 100), 60);
}

static void limits_of_all_sizes(void **state)
{
	static const unsigned limits[] = {1, 2, 3, 7, 59, 61, 1000, 999999, RATE_LIMIT_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rate_state s;
		unsigned n = 0;

		while (asks(i, limits[i], &s)) {
			n++;
			assert_int_equal(s.remaining, limits[i] - n);
			assert_true(n <= limits[i]);
		}
		assert_int_equal(n, limits[i]);
		assert_true(s.retry_after_ms > 0 && s.retry_after_ms <= 60000);
		assert_true(s.full_after_ms <= 60000);
	}
}

static void clients_are_apart(void **state)
{
	struct rate_client account = {RATE_CALLER, {1, 0}}, other = {RATE_ADDRESS, {1, 0}};
	struct rate_state s;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_true(rate_charge(table, &account, 10, now_us, &s));
	assert_false(rate_charge(table, &account, 10, now_us, &s));
	assert_true(rate_charge(table, &other, 10, now_us, &s));
	assert_int_equal(allowed(1, 10, 20), 10);
	assert_int_equal(allowed(2, 10, 20), 10);
}

/* Far more clients than places come once each: who is at his limit is not forgotten for them.
 */
static void a_flood_of_clients_frees_nobody(void **state)
{
	struct rate_state s;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(allowed(i, 100, 200), 100);
	for (unsigned i = 0; i < 1000000; i++)
		assert_true(asks(1000 + i, 100, &s));
	for (unsigned i = 0; i < 100; i++)
		assert_false(asks(i, 100, &s));
}

#define PROCESSES 4
#define EACH	  20000

/* Processes that charge one bucket at once take as many tokens as there are. */
static void processes_share_a_bucket(void **state)
{
	unsigned sum = 0;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	for (int i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			unsigned n = allowed(1, 2 * EACH, EACH);

			_exit(write(ends[1], &n, sizeof(n)) == sizeof(n) ? 0 : 1);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		unsigned n = 0;
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(ends[0], &n, sizeof(n)), sizeof(n));
		sum += n;
	}
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(sum, 2 * EACH);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_minutes_worth_at_once),	CASE(looking_costs_nothing),
		CASE(tokens_come_back_evenly),	CASE(limits_of_all_sizes),
		CASE(clients_are_apart),	CASE(a_flood_of_clients_frees_nobody),
		CASE(processes_share_a_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
