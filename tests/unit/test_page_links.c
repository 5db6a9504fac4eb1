/* gateway/page_links.h, gateway/cursor.h: which pages an answer names, in GitHub's form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/cursor.h"
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

static void a_cursor_comes_back_as_it_was(void **state)
{
	static const char *const words[] = {"", "app", "a:b", "\xc3\xbc"};
	struct arena *a = arena_new();
	struct cursor c;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *text =
			cursor_print(a, &(struct cursor){100000000000000001, words[i]});

		assert_int_equal(strspn(text,
					"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789-_"),
				 strlen(text));
		assert_int_equal(cursor_read(a, text, &c), 0);
		assert_true(c.id == 100000000000000001 && strcmp(c.word, words[i]) == 0);
	}
	arena_free(a);
}

static void what_is_no_cursor(void **state)
{
	/* "1:7", "2:7:a", "1::a", "1:-7:a", 19 digits, a NUL, no UTF-8; and no base64url */
	static const char *const wrong[] = {
		"",	    "MTo3",	"Mjo3OmE",
		"MTo6YQ",   "MTotNzph", "MTo5OTk5OTk5OTk5OTk5OTk5OTk5Og",
		"MTo3OgA",  "MTo3Ov8",	"MTo3OmE=",
		"MTo3 OmE",
	};
	struct arena *a = arena_new();
	char *far = arena_alloc(a, 400);
	struct cursor c;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (cursor_read(a, wrong[i], &c) == 0)
			fail_msg("%s is one", wrong[i]);
	memset(far, 'a', CURSOR_WORD_MAX + 1);
	far[CURSOR_WORD_MAX + 1] = '\0';
	assert_int_equal(cursor_read(a, cursor_print(a, &(struct cursor){1, far}), &c),
			 ERR_SYNTAX);
	far[CURSOR_WORD_MAX] = '\0';
	assert_int_equal(cursor_read(a, cursor_print(a, &(struct cursor){1, far}), &c), 0);
	memset(far, 'A', 399);
	far[399] = '\0';
	assert_int_equal(cursor_read(a, far, &c), ERR_SYNTAX);
	arena_free(a);
}

static void a_list_goes_on(void **state)
{
	const struct slice text = {"kind=image&after=abc", 20};
	struct arena *a = arena_new();
	struct uri_query query;

	(void)state;
	assert_int_equal(uri_query_parse(a, text, &query), 0);
	assert_string_equal(after_links(a, "http://h/l", &query, "xyz"),
			    "<http://h/l?kind=image&after=xyz>; rel=\"next\", "
			    "<http://h/l?kind=image&after=>; rel=\"first\"");
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
		cmocka_unit_test(a_cursor_comes_back_as_it_was),
		cmocka_unit_test(what_is_no_cursor),
		cmocka_unit_test(a_list_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
