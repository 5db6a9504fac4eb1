/* Pulls that workers counted: appended once each, added up once each, by however many keepers,
 * among however many rows; by the day; and what goes again. */
#include <stdio.h>
#include <string.h>

#include "metadb/collect.h"
#include "metadb/downloads.h"
#include "metadb/manifests.h"
#include "metadb/package_settings.h"
#include "metadb/pg_tx.h"
#include "metadb/versions.h"
#include "tests/db/harness.h"

#define KEEPERS	 4
#define SOURCES	 8
#define BATCHES	 25
#define VERSIONS 20

static struct actor alice;
static int32_t today;

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
	today = (int32_t)await_h_int("SELECT (now() AT TIME ZONE 'UTC')::date - "
				     "date '1970-01-01'");
}

static struct manifest_put await_push(const char *name, int64_t package, const char *text,
				      const char *tag)
{
	struct manifest_new m = {
		.target = {.namespace_id = alice.account_id,
			   .name = name,
			   .package_id = package,
			   .published = package != 0},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
		.tags = &tag,
		.tags_count = tag != NULL,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	arena_free(a);
	return put;
}

static struct download_count counted(const struct manifest_put *m, const char *tag,
				     int days_ago, int64_t downloads, int64_t checks)
{
	return (struct download_count){
		.package_id = m->package_id,
		.manifest_id = m->manifest_id,
		.tag = tag,
		.day = today - days_ago,
		.downloads = downloads,
		.checks = checks,
		.last_at = (int64_t)(today - days_ago) * 86400,
	};
}

/* One row, from a worker that comes only once. */
static void await_counted(const struct manifest_put *m, const char *tag, int days_ago,
			  int64_t downloads, int64_t checks)
{
	static int64_t source = 1000;
	struct download_count c = counted(m, tag, days_ago, downloads, checks);

	assert_int_equal(await_downloads_append(h_db, source++, 1, &c, 1), 1);
}

static void await_fold_all(void)
{
	int rc;

	do
		rc = await_downloads_fold(h_db);
	while (rc == DOWNLOADS_BATCH);
	assert_true(rc >= 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM download"), 0);
}

static struct downloads await_total(const struct manifest_put *m)
{
	struct arena *a = arena_new();
	struct downloads found;
	struct version v;

	assert_int_equal(await_version_find(h_db, a, m->package_id, m->manifest_id, &v), 0);
	found = v.downloads;
	arena_free(a);
	return found;
}

/* The days of one thing: the sum of all, and that of one. */
static int64_t await_days(const struct manifest_put *m, int64_t version, const char *tag,
			  int days_ago, int64_t *whole)
{
	struct arena *a = arena_new();
	struct download_days found;
	int64_t sum = 0, one;

	assert_int_equal(
		await_downloads_by_day(h_db, a, m->package_id, version, tag, 10, &found), 0);
	assert_int_equal(found.count, 10);
	for (size_t i = 0; i < found.count; i++)
		sum += found.day[i].downloads;
	one = found.day[9 - days_ago].downloads;
	if (whole != NULL)
		*whole = sum;
	arena_free(a);
	return one;
}

H_TEST(by_version_tag_package_and_day)
{
	struct manifest_put one = await_push("days", 0, "{one}", "v1");
	struct manifest_put two = await_push("days", one.package_id, "{two}", "v2");
	struct arena *a = arena_new();
	struct download_days found;
	int64_t whole;

	await_counted(&one, "v1", 0, 5, 3);
	await_counted(&one, "v1", 0, 1, 0);
	await_counted(&one, NULL, 2, 7, 0);
	await_counted(&two, "v1", 2, 20, 1);
	await_counted(&two, "v2", 20, 100, 0);
	assert_int_equal(await_total(&one).total, 0); /* nobody has added it up */
	await_fold_all();
	assert_int_equal(await_total(&one).total, 13);
	assert_int_equal(await_total(&one).last_at, (int64_t)today * 86400);
	assert_int_equal(await_total(&two).total, 120);
	assert_int_equal(await_total(&two).last_at, (int64_t)(today - 2) * 86400);
	assert_int_equal(await_days(&one, one.manifest_id, NULL, 0, &whole), 6);
	assert_int_equal(whole, 13);
	assert_int_equal(await_days(&one, 0, "v1", 2, &whole), 20);
	assert_int_equal(whole, 26);
	assert_int_equal(await_days(&one, 0, NULL, 2, &whole), 27);
	assert_int_equal(whole, 33); /* what is older is in the total */
	assert_int_equal(await_downloads_by_day(h_db, a, one.package_id, 0, NULL, 1, &found),
			 0);
	assert_int_equal(found.whole.total, 133);
	assert_int_equal(await_downloads_by_day(h_db, a, one.package_id, 0, "v1", 3, &found),
			 0);
	assert_int_equal(found.day[2].checks, 3);
	assert_int_equal(found.day[0].checks, 1);
	assert_int_equal(await_downloads_by_day(h_db, a, one.package_id, 0, "none", 3, &found),
			 ERR_NOT_FOUND);
	assert_int_equal(await_downloads_by_day(h_db, a, one.package_id + 1, one.manifest_id,
						NULL, 3, &found),
			 ERR_NOT_FOUND);
	arena_free(a);
}

H_TEST(only_asking_is_no_download)
{
	struct manifest_put m = await_push("asked", 0, "{asked}", "v1");

	await_counted(&m, "v1", 0, 0, 9);
	await_fold_all();
	assert_int_equal(await_total(&m).total, 0);
	assert_int_equal(await_total(&m).last_at, 0);
	assert_int_equal(
		await_h_int("SELECT sum(checks)::bigint FROM download_tag_day d JOIN package p "
			    "ON p.id = d.package_id WHERE p.name = 'asked'"),
		9);
}

H_TEST(a_batch_that_is_sent_again_counts_once)
{
	struct manifest_put m = await_push("again", 0, "{again}", NULL);
	struct download_count c = counted(&m, NULL, 0, 3, 0);

	for (int number = 1; number <= 3; number++) {
		assert_int_equal(await_downloads_append(h_db, 1, number, &c, 1), 1);
		assert_int_equal(await_downloads_append(h_db, 1, number, &c, 1), 0);
		await_fold_all();
		assert_int_equal(await_downloads_append(h_db, 1, number, &c, 1), 0);
	}
	await_fold_all();
	assert_int_equal(await_total(&m).total, 9);
}

/* A clock that is ahead makes no day that is not there yet, nor does one make it the newest. */
H_TEST(tomorrow_does_not_count)
{
	struct manifest_put m = await_push("ahead", 0, "{ahead}", NULL);
	struct download_count c = counted(&m, NULL, -1, 2, 0);

	c.last_at += 86399;
	assert_int_equal(await_downloads_append(h_db, 2, 1, &c, 1), 1);
	await_fold_all();
	assert_int_equal(await_days(&m, m.manifest_id, NULL, 0, NULL), 2);
	assert_true(await_total(&m).last_at <=
		    await_h_int("SELECT ceil(extract(epoch FROM now()))::bigint"));
}

static struct manifest_put many[VERSIONS];

struct party {
	int64_t source; /* of a worker; 0: a keeper */
};

static void take_part(void *arg)
{
	const struct party *p = arg;
	struct download_count c[VERSIONS];

	for (int number = 1; number <= BATCHES; number++) {
		if (p->source == 0) {
			assert_true(await_downloads_fold(h_db) >= 0);
			continue;
		}
		for (int i = 0; i < VERSIONS; i++)
			c[i] = counted(&many[i], i % 2 == 0 ? "t" : NULL, number % 3, i + 1, 1);
		assert_int_equal(await_downloads_append(h_db, p->source, number, c, VERSIONS),
				 1);
	}
}

/* Workers append while keepers add up: no deadlock, nothing twice, nothing lost. */
H_TEST(many_workers_and_keepers)
{
	struct party p[SOURCES + KEEPERS] = {0};
	int64_t package = 0;
	char text[16];

	for (int i = 0; i < VERSIONS; i++) {
		snprintf(text, sizeof(text), "{many%d}", i);
		many[i] = await_push("many", package, text, NULL);
		package = many[i].package_id;
	}
	for (int i = 0; i < SOURCES; i++)
		p[i].source = 100 + i;
	await_h_all(take_part, p, sizeof(p[0]), SOURCES + KEEPERS);
	await_fold_all();
	for (int i = 0; i < VERSIONS; i++)
		assert_int_equal(await_total(&many[i]).total,
				 (int64_t)SOURCES * BATCHES * (i + 1));
	assert_int_equal(await_h_int("SELECT downloads FROM download_package d JOIN package p "
				     "ON p.id = d.package_id WHERE p.name = 'many'"),
			 SOURCES * BATCHES * VERSIONS * (VERSIONS + 1) / 2);
	assert_int_equal(await_h_int("SELECT sum(d.checks)::bigint FROM download_tag_day d "
				     "JOIN package p ON p.id = d.package_id "
				     "WHERE p.name = 'many'"),
			 SOURCES * BATCHES * VERSIONS / 2);
}

H_TEST(a_version_that_is_gone_is_left_out)
{
	struct manifest_put m = await_push("gone", 0, "{gone}", NULL);
	struct collected c;

	await_counted(&m, NULL, 0, 4, 0);
	await_fold_all();
	await_h_sql("UPDATE manifest SET deleted_at = now() WHERE digest = sha256('{gone}')");
	assert_int_equal(await_manifests_collect(h_db, 0, &c), 0);
	assert_int_equal(c.gone, 1);
	await_counted(&m, "v1", 0, 2, 0);
	await_fold_all();
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest m RIGHT JOIN "
				     "download_version v ON v.manifest_id = m.id "
				     "WHERE m.id IS NULL"),
			 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest m RIGHT JOIN "
				     "download_version_day v ON v.manifest_id = m.id "
				     "WHERE m.id IS NULL"),
			 0);
	assert_int_equal(await_h_int("SELECT downloads FROM download_package d JOIN package p "
				     "ON p.id = d.package_id WHERE p.name = 'gone'"),
			 6);
}

/* Somebody deletes a version at this moment: its pulls wait, no keeper does. */
H_TEST(a_version_that_is_held_waits)
{
	struct manifest_put one = await_push("held", 0, "{held}", NULL);
	struct manifest_put two = await_push("held", one.package_id, "{free}", NULL);
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	await_counted(&one, NULL, 0, 1, 0);
	await_counted(&two, NULL, 0, 2, 0);
	assert_int_equal(await_pg_begin(tx), 0);
	pg_tx_add(tx, "SELECT FROM manifest WHERE digest = sha256('{held}') FOR UPDATE");
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(await_downloads_fold(h_db), 1);
	assert_int_equal(await_total(&two).total, 2);
	assert_int_equal(await_downloads_fold(h_db), 0);
	assert_int_equal(await_pg_commit(tx), 0);
	assert_int_equal(await_downloads_fold(h_db), 1);
	assert_int_equal(await_total(&one).total, 1);
	arena_free(a);
}

H_TEST(old_days_go)
{
	struct manifest_put m = await_push("old", 0, "{old}", "v1");

	for (int ago = 0; ago < 10; ago++)
		await_counted(&m, "v1", ago, 1, 1);
	await_fold_all();
	await_h_sql("UPDATE download_source SET at = now() - interval '8 days' WHERE id = 1");
	assert_true(await_downloads_expire(h_db, 3) > 0);
	assert_int_equal(await_downloads_expire(h_db, 3), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM download_version_day d "
				     "JOIN manifest m ON m.id = d.manifest_id "
				     "WHERE m.digest = sha256('{old}')"),
			 3);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM download_package_day d JOIN package p "
			    "ON p.id = d.package_id WHERE p.name = 'old'"),
		3);
	assert_int_equal(await_h_int("SELECT count(*) FROM download_tag_day d JOIN package p "
				     "ON p.id = d.package_id WHERE p.name = 'old'"),
			 3);
	assert_int_equal(await_h_int("SELECT count(*) FROM download_source WHERE id = 1"), 0);
	assert_int_equal(await_total(&m).total, 10);
}

/* To a stranger. */
static int await_popular(const struct manifest_put *m, int64_t version)
{
	return await_downloads_popular(h_db, m->package_id, &version, version != 0,
				       alice.account_id + 1);
}

H_TEST(what_is_popular)
{
	struct manifest_put m = await_push("liked", 0, "{liked}", "v1");
	struct manifest_put other = await_push("liked", m.package_id, "{other}", "v2");
	const int64_t both[] = {other.manifest_id, m.manifest_id};

	await_counted(&m, NULL, 0, DOWNLOADS_POPULAR, 0);
	await_fold_all();
	await_h_sql("UPDATE package SET visibility = 2 WHERE name = 'liked'");
	assert_int_equal(await_popular(&m, m.manifest_id), 0);
	await_counted(&m, NULL, 0, 1, 0);
	await_fold_all();
	assert_int_equal(await_popular(&m, m.manifest_id), 1);
	assert_int_equal(await_popular(&m, other.manifest_id), 0);
	assert_int_equal(
		await_downloads_popular(h_db, m.package_id + 1, both, 2, alice.account_id), 0);
	assert_int_equal(await_downloads_popular(h_db, m.package_id, both, 2, alice.account_id),
			 2);
	assert_int_equal(await_popular(&m, 0), 1);
	await_h_sql("UPDATE package SET visibility = 0 WHERE name = 'liked'");
	assert_int_equal(await_popular(&m, m.manifest_id), 0);
	assert_int_equal(await_popular(&m, 0), 0);
	await_h_sql("UPDATE package SET visibility = 2 WHERE name = 'liked'");
	await_h_sql("UPDATE manifest SET deleted_at = now() WHERE digest = sha256('{liked}')");
	assert_int_equal(await_popular(&m, 0), 0);
}

/* Of 30,000 versions with their days, a batch touches its own rows; with plans that were made
 * when all was empty. The figure has all that a row needs, twice over. */
H_TEST(a_batch_costs_what_is_in_it)
{
	static const char *const world[] = {
		"INSERT INTO download_version SELECT 10000000 + i, i / 10, 10, now(), false "
		"FROM generate_series(1, 30000) i",
		"INSERT INTO download_version_day SELECT 10000000 + i / 4, "
		"current_date - i % 4 - 5, 1 FROM generate_series(1, 30000) i",
		"INSERT INTO download_package SELECT 10000000 + i, 10, now() "
		"FROM generate_series(1, 10000) i",
		"INSERT INTO download_package_day SELECT 10000000 + i, current_date - 5, 1 "
		"FROM generate_series(1, 10000) i",
		"INSERT INTO download_tag_day SELECT 10000000 + i, 'v1', current_date - 5, "
		"1, 1 FROM generate_series(1, 20000) i",
		"INSERT INTO download (package_id, manifest_id, tag, day, downloads, checks, "
		"last_at) SELECT p.id, m.id, 'v1', current_date, 1, 1, now() FROM manifest m "
		"JOIN package p ON p.id = m.package_id CROSS JOIN generate_series(1, 300)",
		"ANALYZE download, download_version, download_version_day, "
		"download_package, download_package_day, download_tag_day",
	};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	for (size_t i = 0; i < sizeof(world) / sizeof(world[0]); i++)
		await_h_sql(world[i]);
	assert_int_equal(await_pg_begin(tx), 0);
	await_h_cheap(tx, "SELECT downloads_fold(100)", 1, 1200);
	await_h_cheap(tx, "SELECT downloads_expire(4, 100)", 1, 800);
	await_h_cheap(tx, "SELECT version_downloads(10000007)", 1, 2);
	await_h_cheap(tx, "SELECT FROM downloads_by_day(10000007, NULL, NULL, 30)", 30, 62);
	await_h_cheap(tx, "SELECT package_popular(1)", 1, 4);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(by_version_tag_package_and_day),
		cmocka_unit_test(only_asking_is_no_download),
		cmocka_unit_test(a_batch_that_is_sent_again_counts_once),
		cmocka_unit_test(tomorrow_does_not_count),
		cmocka_unit_test(many_workers_and_keepers),
		cmocka_unit_test(a_version_that_is_gone_is_left_out),
		cmocka_unit_test(a_version_that_is_held_waits),
		cmocka_unit_test(old_days_go),
		cmocka_unit_test(what_is_popular),
		cmocka_unit_test(a_batch_costs_what_is_in_it),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
