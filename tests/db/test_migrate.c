/* Migrations: from nothing, again, and by several programs at once. */
#include <sys/wait.h>
#include <unistd.h>

#include "metadb/schema.h"
#include "tests/db/harness.h"

static void several_at_once(void **state)
{
	pid_t child[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0)
			_exit(schema_migrate(h_url) == 0 ? 0 : 1);
	}
	for (int i = 0; i < 4; i++) {
		int status;

		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
}

static void again_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(schema_migrate(h_url), 0);
}

static void no_server_is_said(void **state)
{
	(void)state;
	assert_int_equal(schema_migrate("postgresql:///x?host=/nonexistent"), ERR_UNAVAILABLE);
}

static void check_versions(void *arg)
{
	int version = 0;

	(void)arg;
	assert_int_equal(await_schema_version(h_db, &version), 0);
	assert_int_equal(version, schema_version_needed());
	assert_int_equal(await_h_int("SELECT count(*) FROM schema_version"), schema_count);
	assert_int_equal(await_h_int("SELECT count(*) FROM cluster WHERE uuid IS NOT NULL "
				     "AND adopted_system <> 0 AND adopted_timeline >= 1"),
			 1);
}

static void each_ran_once(void **state)
{
	struct metadb_options o = {.url = h_url,
				   .name = "test",
				   .connections = 1,
				   .timeout_ms = 120000,
				   .connect_timeout_ms = 3000};

	(void)state;
	h_db = metadb_open(h_loop, &o);
	h_run(check_versions, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_at_once),
		cmocka_unit_test(again_is_nothing),
		cmocka_unit_test(no_server_is_said),
		cmocka_unit_test(each_ran_once),
	};

	return cmocka_run_group_tests(tests, h_setup_empty, h_teardown);
}
