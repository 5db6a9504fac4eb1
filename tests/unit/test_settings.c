/* Settings: sources and their order, units, limits, and messages that say what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "proto/base/settings.h"

static void load(const char *file_text, const char *flag)
{
	char path[] = "/tmp/packhouse-settings-XXXXXX";
	int fd = mkstemp(path);
	char *argv[] = {
		(char *)"test", (char *)"--config", path, (char *)"migrate", NULL, NULL};
	int argc = 4;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file_text, strlen(file_text)), strlen(file_text));
	close(fd);
	if (flag != NULL) {
		argv[3] = (char *)flag;
		argv[4] = (char *)"migrate";
		argc = 5;
	}
	assert_int_equal(settings_load(argc, argv, "usage"), 2);
	assert_string_equal(argv[1], "migrate");
	unlink(path);
}

static void later_sources_win(void **state)
{
	(void)state;
	load("", NULL);
	assert_int_equal(settings()->gateway_port, 5000);
	load("# a comment\n gateway.port = 6000 \n", NULL);
	assert_int_equal(settings()->gateway_port, 6000);
	setenv("PACKHOUSE_GATEWAY_PORT", "6001", 1);
	load("gateway.port = 6000\n", NULL);
	assert_int_equal(settings()->gateway_port, 6001);
	load("gateway.port = 6000\n", "--gateway.port=6002");
	assert_int_equal(settings()->gateway_port, 6002);
	unsetenv("PACKHOUSE_GATEWAY_PORT");
}

static void foreign_variables_are_left_alone(void **state)
{
	(void)state;
	setenv("PACKHOUSE_URL", "http://localhost", 1);
	load("", NULL);
	unsetenv("PACKHOUSE_URL");
}

static void units_and_limits(void **state)
{
	char why[256];

	(void)state;
	load("", NULL);
	assert_int_equal(settings_set("storage.segment_size", "16M", why, sizeof(why)), 0);
	assert_int_equal(settings()->storage_segment_size, 16 << 20);
	assert_int_equal(settings_set("gateway.head_timeout", "2m", why, sizeof(why)), 0);
	assert_int_equal(settings()->gateway_head_timeout, 120000);
	assert_int_equal(settings_set("gateway.head_timeout", "20", why, sizeof(why)),
			 ERR_SYNTAX);
	assert_non_null(strstr(why, "500ms"));
	assert_int_equal(settings_set("gateway.port", "0", why, sizeof(why)), ERR_LIMIT);
	assert_non_null(strstr(why, "from 1 to 65535"));
	assert_int_equal(settings_set("gateway.port", "5k", why, sizeof(why)), ERR_SYNTAX);
	assert_int_equal(settings_set("gateway.port", "-5", why, sizeof(why)), ERR_SYNTAX);
	assert_int_equal(
		settings_set("storage.segment_size", "99999999999999G", why, sizeof(why)),
		ERR_LIMIT);
	assert_int_equal(settings_set("no.such", "1", why, sizeof(why)), ERR_NOT_FOUND);
}

static void dump_can_be_read_again(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	load("gateway.port = 7000\nstorage.zone = a b\n", NULL);
	settings_dump(out);
	fclose(out);
	load("", NULL);
	assert_int_equal(settings()->gateway_port, 5000);
	load(text, NULL);
	assert_int_equal(settings()->gateway_port, 7000);
	assert_string_equal(settings()->storage_zone, "a b");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_sources_win),
		cmocka_unit_test(foreign_variables_are_left_alone),
		cmocka_unit_test(units_and_limits),
		cmocka_unit_test(dump_can_be_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
