/* What a worker has counted of pulls: the same is one entry, and there are only so many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/download_table.h"

#define NOON  (INT64_C(20000) * 86400 + 43200)
#define NEXT  (NOON + 86400)
#define PULLS 1000

static struct download_table *table;

static int set_up(void **state)
{
	(void)state;
	table = download_table_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	download_table_free(table);
	return 0;
}

/* The entry of that version, tag and day; NULL: there is none. */
static const struct download_count *entry(int64_t manifest, const char *tag, int32_t day)
{
	const struct download_count *e;
	size_t count = download_table_entries(table, &e);

	for (size_t i = 0; i < count; i++)
		if (e[i].manifest_id == manifest && e[i].day == day &&
		    (e[i].tag == NULL || tag == NULL ? e[i].tag == tag
						     : strcmp(e[i].tag, tag) == 0))
			return &e[i];
	return NULL;
}

static size_t entries(void)
{
	const struct download_count *e;

	return download_table_entries(table, &e);
}

static void the_same_is_one_entry(void **state)
{
	char tag[8];

	(void)state;
	for (int i = 0; i < PULLS; i++) {
		snprintf(tag, sizeof(tag), "v1"); /* not the caller's memory later on */
		assert_true(download_table_add(table, 1, 10, tag, true, NOON + i));
		assert_true(download_table_add(table, 1, 10, tag, i % 2 == 0, NOON));
		memset(tag, 'x', sizeof(tag));
	}
	assert_int_equal(entries(), 1);
	assert_int_equal(entry(10, "v1", 20000)->downloads, PULLS + PULLS / 2);
	assert_int_equal(entry(10, "v1", 20000)->checks, PULLS / 2);
	assert_int_equal(entry(10, "v1", 20000)->last_at, NOON + PULLS - 1);
	assert_int_equal(entry(10, "v1", 20000)->package_id, 1);
	assert_int_equal(download_table_pulls(table), 2 * PULLS);
}

static void what_differs_is_apart(void **state)
{
	(void)state;
	assert_true(download_table_add(table, 1, 10, "v1", true, NOON));
	assert_true(download_table_add(table, 1, 10, "v2", true, NOON));
	assert_true(download_table_add(table, 1, 10, NULL, true, NOON));
	assert_true(download_table_add(table, 1, 11, "v1", true, NOON));
	assert_true(download_table_add(table, 1, 10, "v1", true, NEXT));
	assert_int_equal(entries(), 5);
	assert_int_equal(entry(10, NULL, 20000)->downloads, 1);
	assert_int_equal(entry(10, "v1", 20001)->last_at, NEXT);
	assert_int_equal(entry(10, "v1", 20000)->last_at, NOON);
}

static void only_asking_is_no_download(void **state)
{
	(void)state;
	assert_true(download_table_add(table, 1, 10, "v1", false, NOON));
	assert_int_equal(entry(10, "v1", 20000)->downloads, 0);
	assert_int_equal(entry(10, "v1", 20000)->last_at, 0);
}

/* Of tags as long as they may be, many of which have the same hash in a table of this size. */
static void there_is_an_end(void **state)
{
	char tag[129];

	(void)state;
	for (int i = 0; i < DOWNLOAD_ENTRIES; i++) {
		snprintf(tag, sizeof(tag), "%0128d", i);
		assert_true(download_table_add(table, 1, 10, tag, true, NOON));
	}
	assert_false(download_table_add(table, 1, 10, "more", true, NOON));
	assert_false(download_table_add(table, 1, 11, NULL, true, NOON));
	assert_int_equal(download_table_pulls(table), DOWNLOAD_ENTRIES);
	assert_true(download_table_add(table, 1, 10, tag, true, NOON)); /* has its place */
	assert_int_equal(entry(10, tag, 20000)->downloads, 2);
	for (int i = 0; i < DOWNLOAD_ENTRIES; i += 97) {
		snprintf(tag, sizeof(tag), "%0128d", i);
		assert_non_null(entry(10, tag, 20000));
	}
	download_table_empty(table);
	assert_int_equal(entries(), 0);
	assert_int_equal(download_table_pulls(table), 0);
	assert_true(download_table_add(table, 1, 10, "more", true, NOON));
	assert_int_equal(entry(10, "more", 20000)->downloads, 1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_same_is_one_entry),
		CASE(what_differs_is_apart),
		CASE(only_asking_is_no_download),
		CASE(there_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
