/* See harness.h. Assertions run on task stacks: cmocka's longjmp is caught at the task's
 * bottom. */
#include "tests/db/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadb/pg_tx.h"
#include "metadb/repositories.h"
#include "metadb/schema.h"
#include "proto/base/log.h"

struct loop *h_loop;
struct metadb *h_db;
const char *h_url;
static struct metadb_options options;

/* postgresql://…/NAME?… with another NAME */
static char *url_with(const char *url, const char *name)
{
	const char *end = strchrnul(url, '?');
	const char *slash = end;

	while (slash > url && *slash != '/')
		slash--;
	return xasprintf("%.*s/%s%s", (int)(slash - url), url, name, end);
}

static void open_db(const char *url)
{
	options = (struct metadb_options){
		.url = url,
		.name = "test",
		.connections = H_CONNECTIONS,
		.timeout_ms = 120000,
		.connect_timeout_ms = 3000,
		.upload_life_ms = 86400000,
		.protection_ms = 86400000,
		.manifest_cache = 1024 * 1024,
		.chunk_cache = 1024 * 1024,
	};
	h_db = metadb_open(h_loop, &options);
}

static void create_database(void *arg)
{
	await_h_sql(arg);
}

int h_setup_empty(void **state)
{
	const char *url = getenv("PACKHOUSE_TEST_DATABASE_URL");
	char *name = xasprintf("packhouse_test_%d", (int)getpid());
	char *sql = xasprintf("CREATE DATABASE %s", name);

	(void)state;
	if (url == NULL)
		fatal("no PACKHOUSE_TEST_DATABASE_URL: run it through tests/db/with_postgres");
	log_open("test", getenv("PACKHOUSE_TEST_LOG") == NULL ? LOG_ERROR : LOG_DEBUG);
	h_loop = loop_new();
	open_db(url);
	h_run(create_database, sql);
	metadb_close(h_db);
	h_db = NULL;
	h_url = url_with(url, name);
	free(name);
	free(sql);
	return 0;
}

int h_setup(void **state)
{
	h_setup_empty(state);
	if (schema_migrate(h_url) < 0)
		return -1;
	open_db(h_url);
	return 0;
}

int h_teardown(void **state)
{
	(void)state;
	metadb_close(h_db);
	h_db = NULL;
	loop_free(h_loop);
	task_shutdown();
	free((void *)h_url);
	return 0;
}

struct run {
	void (*fn)(void *);
	void *arg;
	bool ended;
};

static void TASK_ENTRY run_main(void *arg)
{
	struct run *r = arg;

	r->fn(r->arg);
	r->ended = true;
}

void h_run(void (*fn)(void *), void *arg)
{
	struct run r = {fn, arg, false};

	if (task_spawn(h_loop, "test", "test-rq", run_main, &r) == NULL)
		fatal("no room for a task");
	while (!r.ended)
		loop_turn(h_loop, 1000);
}

void await_h_all(void (*fn)(void *), void *args, size_t size, size_t count)
{
	struct run *r = xcalloc(count, sizeof(*r));
	size_t ended = 0;

	for (size_t i = 0; i < count; i++) {
		r[i] = (struct run){fn, (char *)args + i * size, false};
		assert_non_null(task_spawn(h_loop, "part", NULL, run_main, &r[i]));
	}
	while (ended < count) {
		assert_int_equal(await_sleep(1), 0);
		ended = 0;
		for (size_t i = 0; i < count; i++)
			ended += r[i].ended;
	}
	free(r);
}

void await_h_sql(const char *sql)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);
	int rc;

	pg_tx_add(tx, sql);
	rc = await_pg_tx(tx);
	if (rc < 0)
		fatal("%s: %s", err_text(rc), sql);
	arena_free(a);
}

int64_t await_h_int(const char *sql)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_READ);
	int64_t v;

	pg_tx_add(tx, sql);
	if (await_pg_tx(tx) < 0)
		fatal("failed: %s", sql);
	v = pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (pg_tx_error(tx) < 0)
		fatal("no number: %s", sql);
	arena_free(a);
	return v;
}

const char *await_h_plan(struct arena *a, const char *sql)
{
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_READ);
	char *plan = arena_strdup(a, "");

	pg_tx_add(tx, arena_printf(a, "EXPLAIN %s", sql));
	if (await_pg_tx(tx) < 0)
		fatal("failed: %s", sql);
	for (int i = 0; i < pg_rows_count(pg_tx_rows(tx, 0)); i++)
		plan = arena_printf(a, "%s%s\n", plan, pg_text(pg_tx_rows(tx, 0), i, 0));
	return plan;
}

static int64_t await_touched(struct pg_tx *tx)
{
	pg_tx_add(tx, "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::"
		      "bigint FROM pg_stat_xact_user_tables");
	assert_int_equal(await_pg_tx(tx), 0);
	return pg_int(pg_tx_rows(tx, 0), 0, 0);
}

void await_h_cheap(struct pg_tx *tx, const char *sql, int rows, int64_t most)
{
	int64_t before = await_touched(tx), touched;

	pg_tx_add(tx, sql);
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(pg_rows_count(pg_tx_rows(tx, 0)), rows);
	touched = await_touched(tx) - before;
	if (touched > most)
		fail_msg("%s: %lld rows touched", sql, (long long)touched);
}

int64_t await_h_user(const char *login)
{
	struct arena *a = arena_new();
	struct account account;
	int64_t id;

	assert_int_equal(await_user_create(h_db, a, NULL, login, NULL, NULL, &account), 0);
	id = account.id;
	arena_free(a);
	return id;
}

int64_t await_h_repository(int64_t owner, const char *name)
{
	struct repository_change wanted = {.name = name};
	int64_t id = 0;

	assert_int_equal(await_repository_create(h_db, NULL, owner, &wanted, &id),
			 REPOSITORY_DONE);
	return id;
}

struct digest h_digest(const char *text)
{
	struct digest d;

	digest_of(DIGEST_SHA256, text, strlen(text), &d);
	return d;
}

struct upload_chunk h_chunk(const char *text)
{
	struct upload_chunk c = {.len = (uint32_t)strlen(text), .epoch = 1};

	sha256_of(text, strlen(text), c.digest);
	return c;
}

int64_t await_h_blob(int64_t user, const char *name, const char *text)
{
	struct actor who = {.account_id = user};
	struct package_target target = {.namespace_id = user, .name = name};
	struct upload_chunk chunk = h_chunk(text);
	struct digest digest = h_digest(text);
	struct upload_commit commit;
	struct upload u;

	assert_int_equal(await_upload_start(h_db, &who, &target, DIGEST_SHA256, &u), 0);
	assert_int_equal(await_upload_commit(h_db, &who, &u, &chunk, 1, &digest, NULL, &commit),
			 0);
	return u.package_id;
}
