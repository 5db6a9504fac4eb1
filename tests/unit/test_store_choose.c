/* Where chunks are written and read: members, spares, the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/base/err.h"
#include "storage/client/choose.h"

static const uint16_t row[] = {11, 12, 13, 21, MAP_NODE_NONE};

static void test_readers(void **state)
{
	struct choice nodes[] = {
		{.id = 31, .up = true, .latency_us = 100},  {.id = 21, .up = true},
		{.id = 13, .up = true, .latency_us = 4000}, {.id = 12, .up = false},
		{.id = 11, .up = true, .latency_us = 9000}, {.id = 32, .up = true},
	};
	uint16_t order[6];

	(void)state;
	assert_int_equal(choose_readers(row, 3, nodes, 6, order), 5);
	assert_int_equal(order[0], 13);
	assert_int_equal(order[1], 11);
	assert_int_equal(order[2], 21);
	assert_int_equal(order[3], 32);
	assert_int_equal(order[4], 31);
	/* A fast node that is asked a lot gives way. */
	nodes[2].in_flight = 3;
	choose_readers(row, 3, nodes, 6, order);
	assert_int_equal(order[0], 11);
	/* Without a map every node is as good. */
	assert_int_equal(choose_readers(NULL, 0, nodes, 6, order), 5);
	assert_int_equal(choose_readers(row, 3, nodes, 0, order), 0);
}

static void fresh_copies(struct copy copies[4])
{
	for (unsigned i = 0; i < 4; i++)
		copies[i] = (struct copy){.node = row[i], .usable = true};
}

/* Starts all that choose_writer() names; returns them as a bit set. */
static unsigned start_all(struct copy copies[4], bool impatient)
{
	unsigned started = 0;
	int i;

	while ((i = choose_writer(copies, 4, 3, impatient)) >= 0) {
		copies[i].state = COPY_BUSY;
		started |= 1u << i;
	}
	return started;
}

static void test_members_first(void **state)
{
	struct copy copies[4];

	(void)state;
	fresh_copies(copies);
	assert_int_equal(start_all(copies, false), 7);
	assert_int_equal(choose_outcome(copies, 4, 2), 1);
	copies[0].state = COPY_ACKED;
	assert_int_equal(choose_outcome(copies, 4, 2), 1);
	copies[2].state = COPY_ACKED;
	assert_int_equal(choose_outcome(copies, 4, 2), 0);
	assert_int_equal(start_all(copies, false), 0);
}

static void test_spare_for_a_down_member(void **state)
{
	struct copy copies[4];

	(void)state;
	fresh_copies(copies);
	copies[1].usable = false;
	assert_int_equal(start_all(copies, false), 8 | 4 | 1);
}

static void test_spare_for_a_failed_member(void **state)
{
	struct copy copies[4];

	(void)state;
	fresh_copies(copies);
	assert_int_equal(start_all(copies, false), 7);
	copies[0].state = COPY_FAILED;
	assert_int_equal(start_all(copies, false), 8);
	copies[1].state = COPY_FAILED;
	assert_int_equal(start_all(copies, false), 0);
	assert_int_equal(choose_outcome(copies, 4, 2), 1);
	copies[2].state = COPY_FAILED;
	assert_int_equal(choose_outcome(copies, 4, 2), ERR_UNAVAILABLE);
}

static void test_spare_for_a_slow_member(void **state)
{
	struct copy copies[4];

	(void)state;
	fresh_copies(copies);
	assert_int_equal(start_all(copies, false), 7);
	assert_int_equal(start_all(copies, true), 8);
}

static void test_too_few(void **state)
{
	struct copy copies[4];

	(void)state;
	fresh_copies(copies);
	for (unsigned i = 0; i < 3; i++)
		copies[i].usable = false;
	assert_int_equal(start_all(copies, false), 8);
	assert_int_equal(choose_outcome(copies, 4, 2), ERR_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers),
		cmocka_unit_test(test_members_first),
		cmocka_unit_test(test_spare_for_a_down_member),
		cmocka_unit_test(test_spare_for_a_failed_member),
		cmocka_unit_test(test_spare_for_a_slow_member),
		cmocka_unit_test(test_too_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
