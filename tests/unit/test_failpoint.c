/* What a file in the folder of failpoints does to who arrives: proto/base/failpoint.h. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"

#define POINT "storage.get.before"

static char folder[] = "/tmp/test_failpoint.XXXXXX";

static const char *path(const char *suffix)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/" POINT "%s", folder, suffix);
	return text;
}

static void order(const char *line)
{
	FILE *f = fopen(path(""), "w");

	assert_non_null(f);
	fputs(line, f);
	fclose(f);
}

static bool there(const char *suffix)
{
	return access(path(suffix), F_OK) == 0;
}

static int clear(void **state)
{
	(void)state;
	unlink(path(""));
	unlink(path(".taken"));
	unlink(path(".reached"));
	return 0;
}

static void test_nobody_asked(void **state)
{
	(void)state;
	assert_int_equal(failpoint(FP_GET_BEFORE), 0);
	order("dance\n");
	assert_int_equal(failpoint(FP_GET_BEFORE), 0);
	assert_false(there(".reached"));
}

static void test_a_mark_names_who_came(void **state)
{
	char line[128], wanted[64];
	FILE *f;

	(void)state;
	order("mark\n");
	assert_int_equal(failpoint(FP_GET_BEFORE), 0);
	f = fopen(path(".reached"), "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	snprintf(wanted, sizeof(wanted), "%d gateway-1/2 ", (int)getpid());
	assert_memory_equal(line, wanted, strlen(wanted));
	assert_null(fgets(line, sizeof(line), f));
	fclose(f);
}

static void test_an_error_is_returned_each_time(void **state)
{
	(void)state;
	order("error -5\n");
	assert_int_equal(failpoint(FP_GET_BEFORE), -5);
	assert_int_equal(failpoint(FP_GET_BEFORE), -5);
	assert_int_equal(failpoint(FP_PULL_BEGUN), 0);
}

static void test_once_is_once(void **state)
{
	(void)state;
	order("error -5 once\n");
	assert_int_equal(failpoint(FP_GET_BEFORE), -5);
	assert_true(there(".taken"));
	assert_false(there(""));
	assert_int_equal(failpoint(FP_GET_BEFORE), 0);
}

static void test_by_others(void **state)
{
	static const char *const others[] = {"error -5 by gateway-2\n", "error -5 by gateway\n",
					     "error -5 once by gateway-1/20\n",
					     "error -5 by\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		order(others[i]);
		assert_int_equal(failpoint(FP_GET_BEFORE), 0);
		assert_true(there(""));
	}
	assert_false(there(".reached"));
}

static void test_by_a_gateway_means_its_workers(void **state)
{
	(void)state;
	order("error -5 by gateway-1\n");
	assert_int_equal(failpoint(FP_GET_BEFORE), -5);
	order("error -6 by gateway-1/2\n");
	assert_int_equal(failpoint(FP_GET_BEFORE), -6);
}

static void test_a_crash_is_a_kill(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	order("crash once\n");
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		failpoint(FP_GET_BEFORE);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(there(".reached"));
	assert_int_equal(failpoint(FP_GET_BEFORE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_nobody_asked, clear),
		cmocka_unit_test_teardown(test_a_mark_names_who_came, clear),
		cmocka_unit_test_teardown(test_an_error_is_returned_each_time, clear),
		cmocka_unit_test_teardown(test_once_is_once, clear),
		cmocka_unit_test_teardown(test_by_others, clear),
		cmocka_unit_test_teardown(test_by_a_gateway_means_its_workers, clear),
		cmocka_unit_test_teardown(test_a_crash_is_a_kill, clear),
	};
	int failed;

	if (mkdtemp(folder) == NULL)
		return 1;
	setenv("PACKHOUSE_FAILPOINTS", folder, 1);
	log_open("gateway-1/2", LOG_WARN);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
