/*
 * What a page of a list costs among 40,000 packages and 80,000 versions: rows that follow the
 * page, whoever asks and wherever it begins, with plans that were made before there were any
 * statistics.
 *
 * Organization 2 has the packages 1 to 40,000, every second one public; package 1 has 40,000
 * versions, every second one deleted, a few of these deferred; the others one each. ada owns
 * the organization, dog was given every package, nobody nothing.
 */
#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

/* The rows below are right, and words are made at once: otherwise that would take most of the
 * time. */
static const char *const world[] = {
	"DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS t, conname "
	"FROM pg_constraint WHERE contype = 'f' LOOP "
	"EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP; END $$",
	"ALTER TABLE package DISABLE TRIGGER USER",
	"ALTER TABLE package_grant DISABLE TRIGGER USER",
	"ALTER TABLE package_team DISABLE TRIGGER USER",
	"INSERT INTO account (id, kind, login) OVERRIDING SYSTEM VALUE "
	"VALUES (1, 1, 'ada'), (2, 2, 'acme'), (3, 1, 'dog'), (4, 1, 'nobody')",
	"UPDATE account SET opened = true WHERE id = 2",
	"INSERT INTO membership VALUES (2, 1, 2)",
	"INSERT INTO repository (id, owner_id, name, visibility) OVERRIDING SYSTEM VALUE "
	"VALUES (1, 2, 'r', 2)",
	"INSERT INTO package (id, namespace_id, name, publisher_id, published_at, visibility, "
	"repository_id, linked_by, description) OVERRIDING SYSTEM VALUE "
	"SELECT i, 2, 'p' || i, 1, now(), 2 * (i % 2), CASE WHEN i % 4 = 1 THEN 1 END, "
	"CASE WHEN i % 4 = 1 THEN 3 END, CASE WHEN i % 100 = 1 THEN 'fast proxy' END "
	"FROM generate_series(1, 40000) i",
	"UPDATE package SET deleted_at = now() WHERE id % 100 = 50",
	"INSERT INTO package_word (package_id, word, namespace_id) SELECT p.id, w, 2 "
	"FROM package p CROSS JOIN LATERAL words_of(p.name || ' ' || coalesce(p.description, "
	"'')) w WHERE p.deleted_at IS NULL",
	"INSERT INTO package_grant (package_id, account_id, role, namespace_id, name) "
	"SELECT p.id, 3, 3, 2, p.name FROM package p",
	"INSERT INTO package_team (package_id, team_id, role, namespace_id, name) "
	"SELECT p.id, 1, 3, 2, p.name FROM package p",
	"INSERT INTO manifest (id, package_id, algorithm, digest, kind, media_type, size, "
	"subject_algorithm, subject_digest, pushed_by, bytes, variety, deleted_at, "
	"deferred_at, created_at) OVERRIDING SYSTEM VALUE "
	"SELECT i, greatest(1, i - 40000), 1, sha256(i::text::bytea), "
	"1, 'x', 2, 1, sha256('s'), 1, '{}', 1 + i / 2 % 5, "
	"CASE WHEN i <= 40000 AND i % 2 = 0 AND i % 100 <> 0 THEN now() END, "
	"CASE WHEN i <= 40000 AND i % 100 = 0 THEN now() END, now() - interval '1 hour' "
	"FROM generate_series(1, 80000) i",
	"INSERT INTO tag (package_id, name, manifest_id, updated_by, updated_at) "
	"SELECT m.package_id, 't' || m.id, m.id, 1, now() - m.id * interval '1 minute' "
	"FROM manifest m WHERE m.deleted_at IS NULL AND m.deferred_at IS NULL "
	"AND m.id % 4 <> 3",
};

#define PAGE(sql) "SELECT unnest(x.ids) FROM " sql " x"
#define MANY	  "1, false, "
#define LAST	  "9223372036854775807, "
/* Everything of package 1 is deleted but the first 100, from version 20000 on. */
#define COURSE(kinds, mode)                                                               \
	"ROW(1, 20000, now(), false, NULL, " kinds ", NULL, " mode ", 39000, NULL, true)" \
	"::deletion_course"

/* A statement, how many rows it answers, and how many it may touch. */
static const struct page {
	const char *sql;
	int rows;
	int64_t most;
} pages[] = {
	/* numbered lists of packages, and the catalog */
	{"SELECT readable_packages(1, NULL, 2, 7, 101, 300)", 101, 2500},
	{"SELECT readable_packages(3, NULL, 2, 7, 101, 300)", 101, 2500},
	{"SELECT readable_packages(4, NULL, 2, 7, 101, 300)", 101, 2500},
	{PAGE("numbered_packages(3, NULL, 2, 7, 100, 900, 1000)"), 100, 5000},
	{PAGE("numbered_packages(3, NULL, 2, 7, 100, 2000, 1000)"), 100, 9000},
	{"SELECT readable_catalog(1, NULL, 'acme/p5', 101)", 101, 1000},
	{"SELECT readable_catalog(3, NULL, 'acme/p5', 101)", 101, 1000},
	{"SELECT readable_catalog(4, NULL, 'acme/p5', 101)", 101, 1000},
	/* versions */
	{"SELECT * FROM find_versions(ARRAY(SELECT list_versions(" MANY "100, 300)), 1000)",
	 100, 1100},
	{"SELECT * FROM find_versions(ARRAY(SELECT list_versions(1, true, 100, 300)), 1000)",
	 100, 1100},
	{PAGE("numbered_versions(" MANY "0, NULL, 100, 300, 10000)"), 100, 11000},
	{PAGE("numbered_versions(" MANY "2, NULL, 100, 300, 10000)"), 100, 11000},
	{PAGE("page_versions(" MANY "0, NULL, 20000, 100, 2000)"), 100, 110},
	{PAGE("page_versions(" MANY "4, NULL, 20000, 100, 2000)"), 100, 110},
	{PAGE("page_versions(" MANY "12, NULL, " LAST "100, 2000)"), 100, 210},
	{PAGE("page_versions(" MANY "0, true, 20000, 100, 2000)"), 100, 4500},
	{PAGE("page_versions(" MANY "0, false, 20000, 100, 2000)"), 100, 4500},
	{PAGE("page_versions(1, true, 2, NULL, 20000, 100, 2000)"), 100, 4500},
	{PAGE("page_versions(20000, false, 0, NULL, " LAST "100, 2000)"), 1, 3},
	{PAGE("page_versions(20000, false, 62, NULL, " LAST "100, 2000)"), 1, 3},
	{"SELECT list_versions(20000, false, 100, 0)", 1, 3},
	{"SELECT named_version(1, 't5001', NULL, NULL)", 1, 2},
	{"SELECT named_version(1, NULL, 1::smallint, sha256('5001'))", 1, 2},
	{"SELECT v.* FROM generate_series(5001, 5100) i, version_facts(i) v", 100, 200},
	{"SELECT * FROM find_referrers(1, 1::smallint, sha256('s'), NULL, 20000, 100, 1000000)",
	 100, 300},
	{"SELECT * FROM list_tags(1, 't5', 101)", 101, 300},
	{"SELECT * FROM find_tags(1, ARRAY(SELECT tags_by_age(" MANY "100, 300)))", 100, 1100},
	{"SELECT * FROM find_tags(1, ARRAY(SELECT tags_by_age(1, true, 100, 300)))", 100, 1100},
	{"SELECT * FROM find_tags(1, ARRAY(SELECT tags_by_name(" MANY "100, 300)))", 100, 1100},
	{"SELECT * FROM find_tags(1, ARRAY(SELECT tags_by_name(1, true, 100, 300)))", 100,
	 1100},
	{"SELECT * FROM versions_meant(1, " LAST "100, now(), false, '{x%}', 0, now())", 100,
	 700},
	/* a dry run: a page behind another one, one of its versions, whether tags are left */
	{"SELECT * FROM versions_meant_then(" COURSE("0", "0") ", 100)", 100, 2500},
	{"SELECT * FROM versions_meant_then(" COURSE("4", "1") ", 100)", 100, 2500},
	{"SELECT * FROM versions_meant_then(" COURSE("0", "2") ", 100)", 100, 25000},
	{"SELECT version_remove(NULL, 1, 19993, 0::smallint, true, true, ARRAY(SELECT "
	 "generate_series(19994, 20992)))",
	 2, 30},
	{"SELECT versions_left(" COURSE("0", "0") ", '{}', '{19993}')", 1, 2000},
	/* what lists say of each package, and how many there are */
	{"SELECT s.* FROM generate_series(1, 100) i, package_summary(i) s", 100, 3200},
	{"SELECT FROM tag WHERE package_id = 1 LIMIT 10001", 10001, 10001},
/* packages by what they are; who asks, whether he sees everything, and where */
#define QUERY(who, whole, where, rest, from)                                       \
	PAGE("page_packages(ROW(" who ", NULL, " whole ", " where ", 7, " rest ")" \
	     "::package_query, " from ", 100, 1000)")
#define ALL "NULL, NULL, NULL, NULL"
	{QUERY("1", "false", "2", ALL, "'', 20000"), 100, 6000},
	{QUERY("3", "false", "2", ALL, "'', 20000"), 100, 6000},
	{QUERY("4", "false", "2", ALL, "'', 20000"), 100, 6000},
	{QUERY("1", "false", "NULL", ALL, "'', 20000"), 100, 6000},
	{QUERY("3", "false", "NULL", ALL, "'', 0"), 100, 6000},
	{QUERY("4", "false", "NULL", ALL, "'', 20000"), 100, 6000},
	{QUERY("4", "true", "NULL", ALL, "'', 20000"), 100, 6000},
	{QUERY("4", "true", "2", ALL, "'', 20000"), 100, 6000},
	{QUERY("4", "false", "NULL", "1, NULL, NULL, NULL", "'', 20000"), 100, 6000},
	{QUERY("3", "false", "NULL", "NULL, 1, NULL, NULL", "'', 20000"), 100, 6000},
	{QUERY("3", "false", "2", "NULL, NULL, now() - interval '1 day', NULL", "'', 0"), 100,
	 6000},
	{QUERY("3", "false", "2", "NULL, NULL, now() + interval '1 day', NULL", "'', 0"), 0,
	 16000},
	{QUERY("4", "false", "NULL", "NULL, NULL, NULL, ARRAY['prox']", "'', 0"), 100, 6000},
	{QUERY("3", "false", "2", "NULL, NULL, NULL, ARRAY['prox', 'fas']", "'proxy', 5000"),
	 100, 6000},
	{QUERY("4", "false", "NULL", "NULL, NULL, NULL, ARRAY['p1']", "'', 0"), 100, 6000},
	{QUERY("4", "false", "NULL", "NULL, NULL, NULL, ARRAY['none']", "'', 0"), 0, 10},
	{PAGE("page_deleted(1, NULL, 2, 20000, 100, 1000)"), 100, 3000},
	{PAGE("page_deleted(4, NULL, 2, 0, 100, 1000)"), 0, 9000},
};

/*
 * Walks that find nothing: before what they look for the index has thousands of entries more,
 * and a scan that goes on among these touches no row.
 */
static const char *const ends[] = {
	"SELECT walk_versions(1, false, 32, 1, 100)",
	"SELECT walk_namespace(2, 2, 1, 100)",
	"SELECT walk_granted(3, 3, 1, 100)",
	"SELECT walk_team(1, 3, 1, 100)",
	"SELECT newest_given(3, 3, 100)",
	"SELECT newest_of_team(1, 3, 100)",
};

static int64_t await_index_pages(struct pg_tx *tx)
{
	pg_tx_add(tx, "SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint FROM pg_class "
		      "WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace");
	assert_int_equal(await_pg_tx(tx), 0);
	return pg_int(pg_tx_rows(tx, 0), 0, 0);
}

static void await_nothing(struct pg_tx *tx, const char *sql)
{
	pg_tx_add(tx, sql);
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(pg_rows_count(pg_tx_rows(tx, 0)), 0);
}

static void await_ends(struct pg_tx *tx)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		int64_t before, read;

		await_nothing(tx, ends[i]); /* to plan reads pages, too */
		before = await_index_pages(tx);
		await_nothing(tx, ends[i]);
		read = await_index_pages(tx) - before;
		if (read > 10)
			fail_msg("%s: %lld pages of indexes", ends[i], (long long)read);
	}
}

static void await_all(struct pg_tx *tx)
{
	await_ends(tx);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		await_h_cheap(tx, pages[i].sql, pages[i].rows, pages[i].most);
}

/* With what the keeper keeps a package with 20,000 versions costs as much as others. */
static void await_count(struct pg_tx *tx)
{
	pg_tx_add(tx, "SELECT versions_count(1000000)");
	assert_int_equal(await_pg_tx(tx), 0);
	await_h_cheap(tx,
		      "SELECT versions FROM version_count WHERE package_id = 1 AND "
		      "versions = (SELECT count(*) FROM manifest WHERE package_id = 1 "
		      "AND deleted_at IS NULL AND deferred_at IS NULL)",
		      1, 100000);
	await_h_cheap(tx, "SELECT s.* FROM generate_series(1, 100) i, package_summary(i) s",
		      100, 1200);
}

H_TEST(a_page_costs_a_page)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	assert_int_equal(await_pg_begin(tx), 0);
	for (size_t i = 0; i < sizeof(world) / sizeof(world[0]); i++) {
		pg_tx_add(tx, world[i]);
		if (await_pg_tx(tx) < 0)
			fail_msg("%s", world[i]);
	}
	await_all(tx);
	await_count(tx);
	await_all(tx);
	pg_tx_add(tx, "ANALYZE");
	assert_int_equal(await_pg_tx(tx), 0);
	await_all(tx);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_page_costs_a_page)};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
