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
		{"bytes=0-8,3-4", 10, RANGE_WHOLE, 0, 0}, /* more than all of it */
		{"bytes=0-1,", 10, RANGE_WHOLE, 0, 0},
		{"bytes=0-1,x", 10, RANGE_WHOLE, 0, 0},
		{"bytes=10-,2-5", 10, RANGE_PART, 2, 5},
		{"bytes=9-3, 10-11", 10, RANGE_UNSATISFIABLE, 0, 0},
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
		struct range_set set;
		enum range_kind kind;

		kind = range_parse(cases[i].text, strlen(cases[i].text), cases[i].size, &set);
		if (kind != cases[i].kind)
			fail_msg("'%s': kind %d", cases[i].text, kind);
		if (kind != RANGE_PART)
			continue;
		assert_int_equal(set.count, 1);
		assert_int_equal(set.part[0].first, cases[i].first);
		assert_int_equal(set.part[0].last, cases[i].last);
	}
}

static void several_ranges(void **state)
{
	static const char most[] = "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,"
				   "12-12,13-13,14-14,15-15,16-16";
	static const struct byte_range wanted[] = {{8, 9}, {0, 1}, {7, 9}};
	static const char text[] = "bytes=8-99 , 0-1,20-,-3";
	struct range_set set;

	(void)state;
	assert_int_equal(range_parse(text, strlen(text), 10, &set), RANGE_PART);
	assert_int_equal(set.count, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(set.part[i].first, wanted[i].first);
		assert_int_equal(set.part[i].last, wanted[i].last);
	}
	assert_int_equal(range_parse(most, strlen(most), 100, &set), RANGE_WHOLE);
	assert_int_equal(range_parse(most, strlen(most) - 6, 100, &set), RANGE_PART);
	assert_int_equal(set.count, RANGES_MAX);
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
		cmocka_unit_test(several_ranges),
		cmocka_unit_test(content_range_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
