/* Pulls on their way to a database that this program plays: each arrives once, whatever happens
 * to batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/download_counter.h"
#include "gateway/download_table.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/task.h"

static struct loop *loop;
static struct download_counter *counter;

/* The database: what it answers, and what it has. Like the real one it knows its batches. */
static struct {
	int answer; /* 0: it takes the batch */
	bool lost;  /* it takes the batch, but the answer is lost */
	bool hangs; /* there is no answer */
	int calls;
	int64_t source;
	int64_t number; /* of the newest batch */
	int64_t downloads, checks;
	size_t rows;
} base;

static void take(const struct download_count *count, size_t counts)
{
	for (size_t i = 0; i < counts; i++) {
		base.downloads += count[i].downloads;
		base.checks += count[i].checks;
	}
	base.rows += counts;
}

int await_downloads_append(struct metadb *db, int64_t source, int64_t number,
			   const struct download_count *count, size_t counts)
{
	(void)db;
	base.calls++;
	while (base.hangs)
		if (await_sleep(1) < 0)
			return -ECANCELED;
	if (await_turn() < 0)
		return -ECANCELED;
	if (base.answer < 0)
		return base.answer;
	assert_true(base.source == 0 || base.source == source);
	base.source = source;
	if (number > base.number)
		take(count, counts);
	base.number = number;
	return base.lost ? ERR_UNKNOWN_OUTCOME : 1;
}

static int set_up(void **state)
{
	(void)state;
	base = (typeof(base)){0};
	loop = loop_new();
	counter = download_counter_new(loop, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	download_counter_free(counter);
	loop_free(loop);
	task_shutdown();
	return 0;
}

static void pull(int64_t manifest, const char *tag, bool got)
{
	struct manifest_info m = {.id = manifest, .package_id = 1};

	download_counter_add(counter, &m, tag, got);
}

/* As a worker does that ends, but for so many looks at most. */
static bool drained(int looks)
{
	while (looks-- > 0) {
		if (download_counter_drained(counter))
			return true;
		loop_turn(loop, 1);
	}
	return false;
}

static void all_that_gathers_is_one_batch(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		pull(10 + i % 3, "v1", i % 4 != 0);
	assert_int_equal(base.calls, 0); /* no pull waits */
	assert_true(drained(1000));
	assert_int_equal(base.calls, 1);
	assert_int_equal(base.rows, 3);
	assert_int_equal(base.downloads, 750);
	assert_int_equal(base.checks, 250);
}

static void what_comes_meanwhile_is_the_next_one(void **state)
{
	(void)state;
	base.hangs = true;
	pull(10, NULL, true);
	assert_false(drained(10));
	for (int i = 0; i < 100; i++)
		pull(10, NULL, true);
	assert_int_equal(base.calls, 1);
	base.hangs = false;
	assert_true(drained(1000));
	assert_int_equal(base.calls, 2);
	assert_int_equal(base.downloads, 101);
}

/* The database is away, takes a batch without being able to say so, and comes back. */
static void each_pull_arrives_once(void **state)
{
	(void)state;
	base.answer = ERR_UNAVAILABLE;
	for (int i = 0; i < 10; i++) {
		pull(10, "v1", true);
		assert_false(drained(10));
	}
	assert_true(base.calls > 1);
	assert_int_equal(base.rows, 0);
	base.answer = 0;
	base.lost = true;
	assert_false(drained(10));
	pull(10, "v1", true);
	assert_false(drained(10));
	base.lost = false;
	assert_true(drained(1000));
	assert_int_equal(base.downloads, 11);
	assert_int_equal(base.number, 2); /* the first one, and what came later */
}

static void half_a_table_is_enough(void **state)
{
	(void)state;
	for (int i = 0; i < DOWNLOAD_ENTRIES / 2; i++)
		pull(10 + i, NULL, true);
	for (int i = 0; i < 100 && base.rows == 0; i++)
		loop_turn(loop, 1);
	assert_int_equal(base.downloads, DOWNLOAD_ENTRIES / 2);
}

/* Twice a table of what differs waits at most; the rest is told to be lost. */
static void what_waits_is_bounded(void **state)
{
	int64_t before = metric_value(M_DOWNLOADS_LOST);

	(void)state;
	base.answer = ERR_UNAVAILABLE;
	pull(1, NULL, true);
	assert_false(drained(10));
	for (int i = 0; i < DOWNLOAD_ENTRIES + 5; i++)
		pull(10 + i, NULL, true);
	assert_int_equal(metric_value(M_DOWNLOADS_LOST) - before, 5);
	base.answer = 0;
	assert_true(drained(1000));
	assert_int_equal(base.downloads, DOWNLOAD_ENTRIES + 1);
}

static void an_end_without_the_database_tells(void **state)
{
	int64_t before = metric_value(M_DOWNLOADS_LOST);

	(void)state;
	base.hangs = true;
	pull(10, "v1", true);
	assert_false(drained(10));
	pull(10, "v1", true);
	download_counter_free(counter); /* also of what is on its way */
	counter = NULL;
	assert_int_equal(metric_value(M_DOWNLOADS_LOST) - before, 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(all_that_gathers_is_one_batch), CASE(what_comes_meanwhile_is_the_next_one),
		CASE(each_pull_arrives_once),	     CASE(half_a_table_is_enough),
		CASE(what_waits_is_bounded),	     CASE(an_end_without_the_database_tells),
	};

	log_open("test", LOG_ERROR);
	metrics_setup(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
