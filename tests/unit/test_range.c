/* gateway/range.h: which texts are ranges, and what they mean for a size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/range.h"

static void range_cases(void **state)
{
	static const struct {
		const char *text;
		int64_t size;
		enum range_kind kind;
		int64_t first, last;
	} cases[] = {
		{"bytes=0-0", 10, RANGE_PART, 0, 0},
		{"bytes=2-5", 10, RANGE_PART, 2, 5},
		{"bytes=2-", 10, RANGE_PART, 2, 9},
		{"bytes=2-99", 10, RANGE_PART, 2, 9},
		{"bytes=-3", 10, RANGE_PART, 7, 9},
		{"bytes=-99", 10, RANGE_PART, 0, 9},
		{"Bytes= 2-5 ", 10, RANGE_PART, 2, 5},
		{"bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=5-2", 10, RANGE_UNSATISFIABLE, 0, 0},
		{"bytes=0-1,3-4", 10, RANGE_WHOLE, 0, 0},
		{"bytes=", 10, RANGE_WHOLE, 0, 0},
		{"bytes=-", 10, RANGE_WHOLE, 0, 0},
		{"bytes=a-b", 10, RANGE_WHOLE, 0, 0},
		{"items=0-1", 10, RANGE_WHOLE, 0, 0},
		{"bytes=99999999999999999999-", 10, RANGE_WHOLE, 0, 0},
		{"bytes=0-99999999999999999999", 10, RANGE_WHOLE, 0, 0},
		{"", 10, RANGE_WHOLE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct byte_range r = {0, 0};
		enum range_kind kind;

		kind = range_parse(cases[i].text, strlen(cases[i].text), cases[i].size, &r);
		if (kind != cases[i].kind)
			fail_msg("'%s': kind %d", cases[i].text, kind);
		if (kind != RANGE_PART)
			continue;
		assert_int_equal(r.first, cases[i].first);
		assert_int_equal(r.last, cases[i].last);
	}
}

static void content_range_cases(void **state)
{
	static const char *const good[] = {"3-7",	  "bytes 3-7/10", "bytes=3-7/*",
					   "bytes 3-7/*", " 3-7 ",	  "bytes 3-7"};
	static const char *const bad[] = {"",
					  "3",
					  "3-",
					  "-7",
					  "7-3",
					  "3-7/7",
					  "3-7/x",
					  "3-7x",
					  "a-b",
					  "bytes */10",
					  "3-99999999999999999999",
					  "0x3-7"};
	struct byte_range r;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(content_range_parse(good[i], strlen(good[i]), &r), 0);
		assert_int_equal(r.first, 3);
		assert_int_equal(r.last, 7);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (content_range_parse(bad[i], strlen(bad[i]), &r) != ERR_SYNTAX)
			fail_msg("'%s' was accepted", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_cases),
		cmocka_unit_test(content_range_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
