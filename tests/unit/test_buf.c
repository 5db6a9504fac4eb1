/* Buffers: one budget, fair waiting, release from other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "proto/base/buf.h"

static struct loop *loop;
static struct buf_pool *pool;

static void budget_is_kept(void **state)
{
	struct buf *a, *b;

	(void)state;
	a = buf_get(pool, BUF_BLOCK);
	b = buf_get(pool, BUF_BLOCK);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(buf_get(pool, 1));
	assert_int_equal(buf_used(pool), 2 * BUF_BLOCK);
	buf_unref(a);
	a = buf_get(pool, 10);
	assert_non_null(a);
	buf_ref(a);
	buf_unref(a);
	assert_int_equal(buf_used(pool), BUF_BLOCK + 10);
	buf_unref(a);
	buf_unref(b);
	assert_int_equal(buf_used(pool), 0);
}

struct claimant {
	size_t bytes;
	int64_t timeout;
	int result;
	int place;
};

static int places;

static void claim(void *arg)
{
	struct claimant *c = arg;

	c->result = await_reserve(pool, c->bytes, c->timeout);
	c->place = ++places;
}

static void waiting_is_fair(void **state)
{
	struct buf *a = buf_get(pool, BUF_BLOCK), *b = buf_get(pool, BUF_BLOCK);
	struct claimant large = {.bytes = BUF_BLOCK + 1, .timeout = 10000};
	struct claimant small = {.bytes = 1, .timeout = 10000};

	(void)state;
	places = 0;
	assert_non_null(task_spawn(loop, "large", NULL, claim, &large));
	assert_non_null(task_spawn(loop, "small", NULL, claim, &small));
	loop_turn(loop, 0);
	assert_true(buf_contended(pool));
	buf_unref(a);
	for (int i = 0; i < 4; i++)
		loop_turn(loop, 0);
	/* The small one would fit, but does not overtake. */
	assert_int_equal(places, 0);
	assert_null(buf_get(pool, 1));
	buf_unref(b);
	while (task_count() > 0)
		loop_turn(loop, 0);
	assert_int_equal(large.place, 1);
	assert_int_equal(small.place, 2);
	buf_unreserve(pool, large.bytes + small.bytes);
}

static void a_claim_that_gives_up_lets_others_pass(void **state)
{
	struct buf *a = buf_get(pool, BUF_BLOCK);
	struct claimant large = {.bytes = 2 * BUF_BLOCK, .timeout = 1};
	struct claimant small = {.bytes = 1, .timeout = 10000};

	(void)state;
	places = 0;
	assert_non_null(task_spawn(loop, "large", NULL, claim, &large));
	assert_non_null(task_spawn(loop, "small", NULL, claim, &small));
	while (task_count() > 0)
		loop_turn(loop, 5);
	assert_int_equal(large.result, -ETIMEDOUT);
	assert_int_equal(small.result, 0);
	buf_unreserve(pool, 1);
	buf_unref(a);
}

static void *drop(void *arg)
{
	buf_unref(arg);
	return NULL;
}

static int released;

static void on_release(void *hint)
{
	released += *(int *)hint;
}

static void other_threads_may_drop_the_last_reference(void **state)
{
	static char bytes[10];
	int one = 1;
	struct buf *b = buf_wrap(pool, bytes, sizeof(bytes), on_release, &one);
	pthread_t thread;

	(void)state;
	assert_int_equal(buf_used(pool), sizeof(bytes));
	assert_int_equal(pthread_create(&thread, NULL, drop, b), 0);
	pthread_join(thread, NULL);
	loop_turn(loop, 1000);
	assert_int_equal(released, 1);
	assert_int_equal(buf_used(pool), 0);
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	pool = buf_pool_new(loop, 2 * BUF_BLOCK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_pool_free(pool);
	task_shutdown();
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_is_kept),
		cmocka_unit_test(waiting_is_fair),
		cmocka_unit_test(a_claim_that_gives_up_lets_others_pass),
		cmocka_unit_test(other_threads_may_drop_the_last_reference),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
