/* gateway/password.h: what is kept, and what is never right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/password.h"

static void only_the_same_is_right(void **state)
{
	char one[PASSWORD_SECRET_MAX], two[PASSWORD_SECRET_MAX];

	(void)state;
	assert_true(password_keep("correct horse", one));
	assert_true(password_keep("correct horse", two));
	assert_string_not_equal(one, two);
	assert_int_equal(strncmp(one, "scrypt$15$8$1$", 14), 0);
	assert_null(strstr(one, "horse"));
	assert_true(password_right("correct horse", one));
	assert_true(password_right("correct horse", two));
	assert_false(password_right("correct horsf", one));
	assert_false(password_right("", one));
	one[strlen(one) - 2] = one[strlen(one) - 2] == 'A' ? 'B' : 'A';
	assert_false(password_right("correct horse", one));
}

/* Nor is it tried with parameters that would take the memory. */
static void what_cannot_be_read_is_never_right(void **state)
{
	static const char *const secrets[] = {
		NULL,
		"",
		"scrypt",
		"scrypt$15$8$1$$",
		"scrypt$30$8$1$AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"scrypt$15$99$1$AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"scrypt$15$8$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		assert_false(password_right("", secrets[i]));
		assert_false(password_right("x", secrets[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_same_is_right),
		cmocka_unit_test(what_cannot_be_read_is_never_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
