/* gateway/page_links.h: which pages an answer names, in GitHub's form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/page_links.h"

#define AT(page, rel) "<http://h/l?role=a%20%26b&per_page=10&page=" page ">; rel=\"" rel "\""

static const char *links(struct arena *a, int64_t number, int64_t total)
{
	const struct slice text = {"role=a+%26b&page=7&per_page=10", 30};
	struct uri_query query;

	assert_int_equal(uri_query_parse(a, text, &query), 0);
	return page_links(a, "http://h/l", &query, number, 10, total);
}

static void names_the_pages_around(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(links(a, 1, 0), "");
	assert_string_equal(links(a, 1, 10), "");
	assert_string_equal(links(a, 1, 11), AT("2", "next") ", " AT("2", "last"));
	assert_string_equal(links(a, 2, 11), AT("1", "prev") ", " AT("1", "first"));
	assert_string_equal(links(a, 3, 45), AT("2", "prev") ", " AT("4", "next") ", " AT(
						     "5", "last") ", " AT("1", "first"));
	arena_free(a);
}

/* Behind the end the way back leads to the last page there is. */
static void behind_the_end(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(links(a, 9, 45), AT("5", "prev") ", " AT("1", "first"));
	assert_string_equal(links(a, 9, 0), AT("1", "prev") ", " AT("1", "first"));
	arena_free(a);
}

static void nobody_counted(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(links(a, 1, -1), AT("2", "next"));
	assert_string_equal(links(a, 2, -1),
			    AT("1", "prev") ", " AT("3", "next") ", " AT("1", "first"));
	arena_free(a);
}

static void since(void **state)
{
	struct arena *a = arena_new();
	struct uri_query query = {0};

	(void)state;
	assert_string_equal(since_links(a, "/l", &query, 0, 0), "");
	assert_string_equal(since_links(a, "/l", &query, 0, 7),
			    "</l?since=7>; rel=\"next\", </l{?since}>; rel=\"first\"");
	assert_string_equal(since_links(a, "/l", &query, 7, 0), "</l{?since}>; rel=\"first\"");
	arena_free(a);
}

/* Pages that would be refused are not named. */
static void no_further_than_the_reach(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(links(a, PAGE_REACH / 10, PAGE_REACH * 2L),
			    AT("99999", "prev") ", " AT("1", "first"));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_pages_around),
		cmocka_unit_test(behind_the_end),
		cmocka_unit_test(nobody_counted),
		cmocka_unit_test(since),
		cmocka_unit_test(no_further_than_the_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
