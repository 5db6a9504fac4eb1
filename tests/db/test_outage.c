/* What happens when PostgreSQL is slow, in trouble, or killed in the middle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metadb/manifests.h"
#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

static struct metadb *hasty; /* with short time-outs */
static struct metadb_options options;

static int setup(void **state)
{
	if (h_setup(state) < 0)
		return -1;
	options = (struct metadb_options){
		.url = h_url,
		.name = "hasty",
		.connections = 4,
		.timeout_ms = 2000,
		.connect_timeout_ms = 2000,
		.manifest_cache = 1024,
		.chunk_cache = 1024,
	};
	hasty = metadb_open(h_loop, &options);
	return 0;
}

static int teardown(void **state)
{
	metadb_close(hasty);
	return h_teardown(state);
}

/* with_postgres VERB [WORD], while this process waits: the loop sees nothing of it. */
static void control(const char *verb, const char *word)
{
	const char *program = getenv("PACKHOUSE_TEST_POSTGRES_CONTROL");
	pid_t child = fork();
	int status;

	assert_non_null(program);
	if (child == 0) {
		execl(program, program, verb, word, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int await_on(struct metadb *db, const char *sql, enum pg_effect effect)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, effect);
	int rc;

	pg_tx_add(tx, sql);
	rc = await_pg_tx(tx);
	assert_int_equal(pg_tx_error(tx), rc);
	arena_free(a);
	return rc;
}

static int await_statement(const char *sql, enum pg_effect effect)
{
	return await_on(hasty, sql, effect);
}

H_TEST(a_pipeline_is_one_transaction)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(hasty, a, PG_WRITE);

	await_h_sql("CREATE TABLE t (i integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)");
	pg_tx_add(tx, "INSERT INTO t VALUES (1)");
	pg_tx_add(tx, "SELECT 1/0");
	pg_tx_add(tx, "INSERT INTO t VALUES (2)");
	assert_int_equal(await_pg_tx(tx), ERR_PROTOCOL);
	assert_int_equal(await_pg_tx(tx), ERR_PROTOCOL); /* it sticks */
	assert_int_equal(await_h_int("SELECT count(*) FROM t"), 0);
	arena_free(a);
}

/* Connections learn statements by name in the pipeline that uses them first, also in one that
 * fails. */
H_TEST(a_failed_pipeline_spoils_no_later_statement)
{
	static const char *const sql[] = {"SELECT 101", "SELECT 1/(SELECT 0)", "SELECT 103",
					  "SELECT 101"};

	for (int round = 0; round < 12; round++) { /* more than there are connections */
		struct arena *a = arena_new();
		struct pg_tx *bad = pg_tx_new(hasty, a, PG_READ);
		struct pg_tx *good = pg_tx_new(hasty, a, PG_READ);

		for (int i = 0; i < 4; i++)
			pg_tx_add(bad, sql[i]);
		assert_int_equal(await_pg_tx(bad), ERR_PROTOCOL);
		for (int i = 0; i < 4; i++)
			pg_tx_add(good, sql[i == 1 ? 2 : i]);
		assert_int_equal(await_pg_tx(good), 0);
		for (int i = 0; i < 4; i++)
			assert_int_equal(pg_int(pg_tx_rows(good, i), 0, 0),
					 i == 0 || i == 3 ? 101 : 103);
		arena_free(a);
	}
}

/* A constraint that is checked at the commit: all statements succeed, the Sync fails. */
H_TEST(an_error_of_the_commit_itself_is_seen)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(hasty, a, PG_WRITE);

	pg_tx_add(tx, "INSERT INTO t VALUES (1)");
	pg_tx_add(tx, "INSERT INTO t VALUES (1)");
	assert_int_equal(await_pg_tx(tx), ERR_CONFLICT);
	assert_int_equal(await_h_int("SELECT count(*) FROM t"), 0);
	assert_int_equal(await_statement("INSERT INTO t VALUES (1)", PG_WRITE), 0);
	arena_free(a);
}

H_TEST(an_explicit_transaction_looks_in_between)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(hasty, a, PG_WRITE);
	struct pg_tx *dropped = pg_tx_new(hasty, a, PG_WRITE);

	assert_int_equal(await_pg_begin(tx), 0);
	pg_tx_add(tx, "INSERT INTO t VALUES (10) RETURNING i");
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(pg_int(pg_tx_rows(tx, 0), 0, 0), 10);
	assert_int_equal(await_h_int("SELECT count(*) FROM t WHERE i = 10"), 0);
	assert_int_equal(await_pg_commit(tx), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM t WHERE i = 10"), 1);
	assert_int_equal(await_pg_begin(dropped), 0);
	pg_tx_add(dropped, "INSERT INTO t VALUES (11)");
	assert_int_equal(await_pg_tx(dropped), 0);
	arena_free(a);
	assert_int_equal(await_sleep(100), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM t WHERE i = 11"), 0);
}

H_TEST(a_slow_statement_ends_at_its_deadline)
{
	int64_t start = clock_now_ms();

	assert_int_equal(await_statement("SELECT pg_sleep(120)", PG_READ), ERR_UNAVAILABLE);
	assert_in_range(clock_now_ms() - start, 1500, 119999); /* not before, nor at its end */
	/* the server rolled it back itself: known, not unknown */
	assert_int_equal(
		await_statement("INSERT INTO t SELECT 20 FROM pg_sleep(120)", PG_WRITE),
		ERR_UNAVAILABLE);
	assert_int_equal(await_h_int("SELECT count(*) FROM t WHERE i = 20"), 0);
}

struct sleeper {
	const char *sql;
	enum pg_effect effect;
	int rc;
};

static void sleep_one(void *arg)
{
	struct sleeper *s = arg;

	s->rc = await_statement(s->sql, s->effect);
}

/* Until so many statements with this mark are under way. */
static void await_under_way(const char *mark, int count)
{
	struct arena *a = arena_new();
	const char *sql = arena_printf(a,
				       "SELECT count(*) FROM pg_stat_activity WHERE state = "
				       "'active' AND pid <> pg_backend_pid() AND query LIKE "
				       "'%%AS %s%%'",
				       mark);

	while (await_h_int(sql) < count)
		assert_int_equal(await_sleep(10), 0);
	arena_free(a);
}

/* More work than connections: the rest waits its turn; what waits too long is told so. */
H_TEST(the_queue_has_deadlines)
{
	struct sleeper s[12];
	int late = 0;

	for (int i = 0; i < 12; i++)
		s[i] = (struct sleeper){"SELECT pg_sleep(1)", PG_READ, 0};
	await_h_all(sleep_one, s, sizeof(s[0]), 12);
	for (int i = 0; i < 12; i++)
		late += s[i].rc == ERR_UNAVAILABLE;
	assert_in_range(late, 1, 11);
	assert_int_equal(s[0].rc, 0);
}

static void patient_one(void *arg)
{
	struct sleeper *s = arg;

	s->rc = await_on(h_db, s->sql, s->effect);
}

H_TEST(a_deadlock_is_tried_again)
{
	struct sleeper s[2] = {
		{"WITH a AS (UPDATE d SET n = n + 1 WHERE i = 1 RETURNING pg_sleep(0.2)) "
		 "UPDATE d SET n = n + 1 FROM (SELECT count(*) FROM a) c WHERE i = 2",
		 PG_WRITE, 0},
		{"WITH a AS (UPDATE d SET n = n + 1 WHERE i = 2 RETURNING pg_sleep(0.2)) "
		 "UPDATE d SET n = n + 1 FROM (SELECT count(*) FROM a) c WHERE i = 1",
		 PG_WRITE, 0},
	};

	await_h_sql("CREATE TABLE d (i integer PRIMARY KEY, n integer DEFAULT 0)");
	await_h_sql("INSERT INTO d VALUES (1), (2)");
	await_h_all(patient_one, s, sizeof(s[0]), 2);
	assert_int_equal(s[0].rc, 0);
	assert_int_equal(s[1].rc, 0);
	assert_int_equal(await_h_int("SELECT sum(n) FROM d"), 4);
}

/* The task goes; the change that was sent is made all the same. */
H_TEST(a_cancelled_change_goes_on)
{
	struct sleeper s = {"INSERT INTO t SELECT 30 FROM pg_sleep(0.5) AS given_up", PG_WRITE,
			    1};
	struct task *t = task_spawn(h_loop, "cancelled", NULL, sleep_one, &s);

	assert_non_null(t);
	await_under_way("given_up", 1);
	task_cancel(t);
	while (s.rc == 1)
		assert_int_equal(await_turn(), 0);
	assert_int_equal(s.rc, -ECANCELED);
	while (await_h_int("SELECT count(*) FROM t WHERE i = 30") == 0)
		assert_int_equal(await_sleep(10), 0);
}

/* One connection is shot: reads go on elsewhere, a change is of unknown outcome. */
H_TEST(a_shot_connection)
{
	struct sleeper s[2] = {
		{"SELECT pg_sleep(0.5) AS shoot", PG_READ, 1},
		{"INSERT INTO t SELECT 40 FROM pg_sleep(0.5) AS shoot", PG_WRITE, 1},
	};
	struct task *t[2];

	for (int i = 0; i < 2; i++) {
		t[i] = task_spawn(h_loop, "shot", NULL, sleep_one, &s[i]);
		assert_non_null(t[i]);
	}
	await_under_way("shoot", 2);
	assert_int_equal(await_h_int("SELECT count(pg_terminate_backend(pid)) "
				     "FROM pg_stat_activity WHERE query LIKE '%AS shoot%' "
				     "AND pid <> pg_backend_pid() AND state = 'active'"),
			 2);
	while (s[0].rc == 1 || s[1].rc == 1)
		assert_int_equal(await_sleep(10), 0);
	assert_int_equal(s[0].rc, 0);
	assert_int_equal(s[1].rc, ERR_UNKNOWN_OUTCOME);
}

static struct actor alice;
static struct upload session;
static struct upload_commit committed;

static void commit_session(void *arg)
{
	struct digest digest = h_digest("replicated");
	struct upload_chunk chunk = h_chunk("replicated");

	*(int *)arg = await_upload_commit(h_db, &alice, &session, &chunk, 1, &digest, NULL,
					  &committed);
}

static void put_manifest(void *arg)
{
	struct digest blob = h_digest("replicated");
	struct manifest_new m = {
		.target = {.package_id = session.package_id},
		.digest = h_digest("{replicated}"),
		.bytes = {"{replicated}", 12},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
		.blobs = &blob,
		.blobs_count = 1,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	*(int *)arg = await_manifest_put(h_db, a, &alice, &m, &put);
	arena_free(a);
}

/* Starts the change; when it waits for the standby, its wait is cancelled. Its result. */
static int await_disturbed(void (*change)(void *))
{
	int rc = 1;

	assert_non_null(task_spawn(h_loop, "change", NULL, change, &rc));
	while (await_h_int("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity "
			   "WHERE wait_event = 'SyncRep'") == 0)
		assert_int_equal(await_sleep(10), 0);
	while (rc == 1)
		assert_int_equal(await_sleep(10), 0);
	return rc;
}

/*
 * A standby that never answers. A commit whose wait is cancelled is done here and nowhere else:
 * nobody may be told that it is safe; doing it again is.
 */
H_TEST(a_commit_that_is_not_replicated_is_unknown)
{
	struct package_target target = {.name = "standby"};
	int rc;

	target.namespace_id = alice.account_id = await_h_user("alice");
	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &session), 0);
	control("standby", "nobody");
	assert_int_equal(await_disturbed(commit_session), ERR_UNKNOWN_OUTCOME);
	assert_int_equal(await_disturbed(put_manifest), ERR_UNKNOWN_OUTCOME);
	control("standby", "none");
	commit_session(&rc);
	assert_int_equal(rc, 0);
	assert_true(committed.repeated);
	assert_int_equal(committed.gen, session.gen);
	put_manifest(&rc);
	assert_int_equal(rc, 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest"), 1);
	assert_int_equal(await_h_int("SELECT count(*) FROM instance"), 1);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM audit WHERE action = 'manifest.push'"), 1);
}

/* It takes connections and statements, and answers nothing. */
H_TEST(a_server_that_stands_still_is_away)
{
	struct sleeper s[2] = {
		{"SELECT 1", PG_READ, 1},
		{"INSERT INTO t VALUES (60)", PG_WRITE, 1},
	};

	struct sleeper two[2] = {{"SELECT pg_sleep(0.2)", PG_READ, 1},
				 {"SELECT pg_sleep(0.2)", PG_READ, 1}};

	await_h_all(sleep_one, two, sizeof(two[0]), 2); /* two connections */
	control("stop", NULL);
	await_h_all(sleep_one, s, sizeof(s[0]), 2);
	assert_int_equal(s[0].rc, ERR_UNAVAILABLE);
	assert_int_equal(s[1].rc, ERR_UNKNOWN_OUTCOME); /* it was sent */
	/* new connections hang as well */
	assert_int_equal(await_statement("INSERT INTO t VALUES (61)", PG_WRITE),
			 ERR_UNAVAILABLE);
	control("cont", NULL);
	while (await_statement("SELECT 1", PG_READ) != 0)
		assert_int_equal(await_sleep(10), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM t WHERE i = 61"), 0);
}

H_TEST(a_killed_server_is_away_for_a_second_and_back_soon)
{
	struct sleeper s[3] = {
		{"SELECT pg_sleep(0.5) AS dies", PG_READ, 1},
		{"INSERT INTO t SELECT 50 FROM pg_sleep(0.5) AS dies", PG_WRITE, 1},
		{"SELECT 1", PG_READ, 1},
	};
	int64_t start;

	for (int i = 0; i < 2; i++)
		assert_non_null(task_spawn(h_loop, "killed", NULL, sleep_one, &s[i]));
	await_under_way("dies", 2);
	control("kill", NULL);
	while (s[1].rc == 1)
		assert_int_equal(await_sleep(10), 0);
	assert_int_equal(s[1].rc, ERR_UNKNOWN_OUTCOME);
	await_h_all(sleep_one, &s[2], sizeof(s[0]), 1);
	assert_int_equal(s[2].rc, ERR_UNAVAILABLE);
	while (s[0].rc == 1)
		assert_int_equal(await_sleep(10), 0);
	assert_int_equal(s[0].rc, ERR_UNAVAILABLE);
	assert_false(metadb_up(hasty, NULL));
	start = clock_now_ms();
	assert_int_equal(await_statement("SELECT 1", PG_READ), ERR_UNAVAILABLE);
	assert_true(clock_now_ms() - start < options.timeout_ms);
	control("start", NULL);
	start = clock_now_ms();
	while (await_statement("SELECT 1", PG_READ) != 0)
		assert_true(clock_now_ms() - start < 120000);
	assert_true(metadb_up(hasty, NULL));
	assert_int_equal(await_statement("INSERT INTO t VALUES (51)", PG_WRITE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipeline_is_one_transaction),
		cmocka_unit_test(a_failed_pipeline_spoils_no_later_statement),
		cmocka_unit_test(an_error_of_the_commit_itself_is_seen),
		cmocka_unit_test(an_explicit_transaction_looks_in_between),
		cmocka_unit_test(a_slow_statement_ends_at_its_deadline),
		cmocka_unit_test(the_queue_has_deadlines),
		cmocka_unit_test(a_deadlock_is_tried_again),
		cmocka_unit_test(a_cancelled_change_goes_on),
		cmocka_unit_test(a_shot_connection),
		cmocka_unit_test(a_commit_that_is_not_replicated_is_unknown),
		cmocka_unit_test(a_server_that_stands_still_is_away),
		cmocka_unit_test(a_killed_server_is_away_for_a_second_and_back_soon),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
