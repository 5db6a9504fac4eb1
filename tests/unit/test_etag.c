/* gateway/etag.h: which headers name the digest that is served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/etag.h"

static const char digest[] = "sha256:ab";

static void lists(void **state)
{
	static const char *const yes[] = {
		"\"sha256:ab\"", "W/\"sha256:ab\"",	 "*",
		" * ",		 "\"x\", \"sha256:ab\"", "\"x\",W/\"sha256:ab\" ",
	};
	static const char *const no[] = {
		"",
		"\"\"",
		"sha256:ab",
		"\"sha256:ab",
		"\"sha256:abc\"",
		"\"sha256\"",
		"w/\"sha256:ab\"",
		"\"x\"",
		"x \"sha256:ab\"",
		"*x",
		"*, \"x\"",
	};

	(void)state;
	assert_false(etag_listed(NULL, digest));
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!etag_listed(yes[i], digest))
			fail_msg("%s does not match", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (etag_listed(no[i], digest))
			fail_msg("%s matches", no[i]);
}

static void one_strong_tag(void **state)
{
	static const char *const no[] = {
		"",
		"*",
		"W/\"sha256:ab\"",
		"\"x\"",
		"\"sha256:ab\", \"x\"",
		"\"sha256:ab",
		"sha256:ab",
		"Sat, 29 Oct 1994 19:43:31 GMT",
	};

	(void)state;
	assert_true(etag_is("\"sha256:ab\"", digest));
	assert_true(etag_is(" \"sha256:ab\" ", digest));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (etag_is(no[i], digest))
			fail_msg("%s matches", no[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(one_strong_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
