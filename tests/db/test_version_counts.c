/* How many versions a package has: counted up to 2,000, and beyond by what the keeper keeps,
 * while versions are pushed, deleted, restored and pushed again. */
#include <stdio.h>

#include "metadb/collect.h"
#include "metadb/package_detail.h"
#include "metadb/pg_tx.h"
#include "metadb/version_deletes.h"
#include "tests/db/harness.h"

#define LARGE 5000

static struct actor alice;
static int64_t large, small;

/* A package with so many versions that are an hour old. */
static int64_t await_package(const char *name, int versions)
{
	char sql[600];
	int64_t id;

	snprintf(sql, sizeof(sql),
		 "INSERT INTO package (namespace_id, name, publisher_id, published_at) "
		 "VALUES (%lld, '%s', 1, now() - interval '2 hours') RETURNING id",
		 (long long)alice.account_id, name);
	id = await_h_int(sql);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, size, "
		 "pushed_by, bytes, variety, created_at) SELECT %lld, 1, "
		 "sha256((%lld || '-' || i)::bytea), 1, 'x', 2, 1, '{}', 1, "
		 "now() - interval '1 hour' FROM generate_series(1, %d) i",
		 (long long)id, (long long)id, versions);
	await_h_sql(sql);
	return id;
}

static int64_t await_versions(int64_t package)
{
	struct package_viewer viewer = {.account_id = alice.account_id};
	struct arena *a = arena_new();
	struct package_detail found;
	int64_t n;

	assert_int_equal(await_package_detail(h_db, a, package, viewer, &found), 0);
	n = found.version_count;
	arena_free(a);
	return n;
}

static void await_count_all(void)
{
	int rc = 1;

	while (rc == 1)
		rc = await_versions_count(h_db);
	assert_int_equal(rc, 0);
}

static void await_count_anew(void)
{
	await_h_sql("UPDATE version_count SET counted_at = '-infinity'");
	await_count_all();
}

/* The id of the package's version that so many others come before. */
static int64_t await_version(int64_t package, int place)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
		 "SELECT id FROM manifest WHERE package_id = %lld ORDER BY id OFFSET %d "
		 "LIMIT 1",
		 (long long)package, place);
	return await_h_int(sql);
}

static void await_set(const char *change, int64_t version)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "UPDATE manifest SET %s WHERE id = %lld", change,
		 (long long)version);
	await_h_sql(sql);
}

static void await_delete(int64_t package, int64_t version)
{
	struct version_removal v = {.package_id = package, .id = version};
	struct arena *a = arena_new();
	struct version_effects found;

	assert_int_equal(await_version_remove(h_db, a, &alice, &v, &found), 0);
	arena_free(a);
}

H_TEST(a_large_package_is_counted_by_the_keeper)
{
	alice.account_id = await_h_user("alice");
	large = await_package("large", LARGE);
	small = await_package("small", 40);
	assert_int_equal(await_versions(small), 40);
	assert_int_equal(await_versions(large), 2000); /* at least */
	await_count_all();
	assert_int_equal(await_versions(small), 40);
	assert_int_equal(await_versions(large), LARGE);
	assert_int_equal(await_h_int("SELECT count(*) FROM version_count"), 1);
}

/* A keeper that finds nothing to do writes nothing. */
H_TEST(what_is_counted_is_not_counted_again)
{
	assert_int_equal(await_h_int("SELECT 1 FROM version_count_place WHERE NOT "
				     "versions_count(2000) "
				     "AND pg_current_xact_id_if_assigned() IS NULL"),
			 1);
}

H_TEST(what_is_pushed_and_deleted_counts_at_once)
{
	int64_t old = await_version(large, 10), waiting = await_version(large, 20), newest;
	char sql[300];

	snprintf(sql, sizeof(sql),
		 "INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, size, "
		 "pushed_by, bytes, variety) SELECT %lld, 1, sha256(('new-' || i)::bytea), 2, "
		 "'x', 2, 1, '{}', 2 FROM generate_series(1, 30) i",
		 (long long)large);
	await_h_sql(sql);
	assert_int_equal(await_versions(large), LARGE + 30);
	await_count_all(); /* they are too young */
	assert_int_equal(await_versions(large), LARGE + 30);
	await_delete(large, old);
	newest = await_version(large, LARGE + 29);
	await_delete(large, newest);
	assert_int_equal(await_versions(large), LARGE + 28);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO manifest_child SELECT %lld, package_id, algorithm, digest "
		 "FROM manifest WHERE id = %lld",
		 (long long)await_version(large, LARGE + 1), (long long)waiting);
	await_h_sql(sql);
	await_delete(large, waiting); /* deferred */
	assert_int_equal(await_versions(large), LARGE + 27);
	await_delete(large, await_version(large, LARGE + 1)); /* and with its index it goes */
	assert_int_equal(await_versions(large), LARGE + 26);
	await_count_anew();
	assert_int_equal(await_versions(large), LARGE + 26);
}

H_TEST(what_comes_back_is_counted_soon)
{
	assert_int_equal(await_version_restore(h_db, &alice, large, await_version(large, 10)),
			 0);
	await_count_all();
	assert_int_equal(await_versions(large), LARGE + 27);
	await_set("deleted_at = NULL", await_version(large, 20)); /* as a push does */
	await_count_all();
	assert_int_equal(await_versions(large), LARGE + 27);
	await_count_anew();
	assert_int_equal(await_versions(large), LARGE + 28);
}

/* The keeper does not wait for a deletion, nor count in the middle of it. */
H_TEST(who_deletes_is_not_waited_for)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT deletions_lock(%lld)", (long long)large);
	await_set("deleted_at = NULL", await_version(large, LARGE + 29));
	await_h_sql("UPDATE version_count SET versions = 1, counted_at = '-infinity'");
	assert_int_equal(await_pg_begin(tx), 0);
	pg_tx_add(tx, sql);
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(await_versions_count(h_db), 0);
	assert_int_equal(await_h_int("SELECT versions FROM version_count"), 1);
	assert_int_equal(await_pg_commit(tx), 0);
	assert_int_equal(await_versions_count(h_db), 0);
	assert_int_equal(await_versions(large), LARGE + 29);
	arena_free(a);
}

H_TEST(what_has_become_small_is_forgotten)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
		 "UPDATE manifest SET deleted_at = now() WHERE package_id = %lld AND id > %lld",
		 (long long)large, (long long)await_version(large, 98));
	await_h_sql(sql);
	await_count_anew();
	assert_int_equal(await_h_int("SELECT count(*) FROM version_count"), 0);
	assert_int_equal(await_versions(large), 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_package_is_counted_by_the_keeper),
		cmocka_unit_test(what_is_counted_is_not_counted_again),
		cmocka_unit_test(what_is_pushed_and_deleted_counts_at_once),
		cmocka_unit_test(what_comes_back_is_counted_soon),
		cmocka_unit_test(who_deletes_is_not_waited_for),
		cmocka_unit_test(what_has_become_small_is_forgotten),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
