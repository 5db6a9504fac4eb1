/* Lists that grow without bound: referrers, tags and packages, page by page, at the page's
 * cost. */
#include <stdio.h>
#include <string.h>

#include "metadb/deletes.h"
#include "metadb/manifests.h"
#include "metadb/packages.h"
#include "metadb/pg_tx.h"
#include "metadb/referrers.h"
#include "tests/db/harness.h"

#define ALL ((size_t)1 << 40)

static struct actor alice;

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

/* Pushes a manifest of that text with a subject; its package's id. */
static int64_t await_refer(const char *name, const char *text, const struct digest *subject,
			   const char *type, const char *annotations)
{
	struct manifest_new m = {
		.target = {.namespace_id = alice.account_id, .name = name},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
		.artifact_type = type,
		.subject = subject,
		.annotations = annotations,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	arena_free(a);
	return put.package_id;
}

static struct referrer_list await_list(struct arena *a, struct referrer_query q)
{
	struct referrer_list list;

	if (q.count == 0)
		q.count = 100;
	if (q.bytes == 0)
		q.bytes = ALL;
	assert_int_equal(await_referrers_list(h_db, a, &q, &list), 0);
	return list;
}

H_TEST(a_referrer_comes_and_goes_with_its_manifest)
{
	struct digest subject = h_digest("subject"), other = h_digest("other"), by;
	struct digest sbom = h_digest("{sbom}");
	int64_t package = await_refer("refer", "{sbom}", &subject, "a/sbom", "{\"k\":\"v\"}");
	struct referrer_query q = {.package_id = package, .subject = subject};
	struct arena *a = arena_new();
	struct referrer_list list;

	await_refer("refer", "{signature}", &subject, "a/sig", NULL);
	await_refer("refer", "{index}", &subject, NULL, NULL);
	await_refer("refer", "{plain}", NULL, "a/sbom", NULL);
	await_refer("refer", "{else}", &other, "a/sbom", NULL);
	await_refer("refer-2", "{far}", &subject, "a/sbom", NULL);
	list = await_list(a, q);
	assert_int_equal(list.count, 3);
	assert_false(list.more);
	assert_true(digest_equal(&list.item[0].digest, &sbom));
	assert_string_equal(list.item[0].media_type, MEDIA_OCI_MANIFEST);
	assert_int_equal(list.item[0].size, strlen("{sbom}"));
	assert_string_equal(list.item[0].artifact_type, "a/sbom");
	assert_string_equal(list.item[0].annotations, "{\"k\": \"v\"}");
	assert_null(list.item[1].annotations);
	assert_null(list.item[2].artifact_type);
	q.artifact_type = "a/sig";
	assert_int_equal(await_list(a, q).count, 1);
	q.artifact_type = "";
	assert_int_equal(await_list(a, q).count, 1);
	q.artifact_type = "a/none";
	assert_int_equal(await_list(a, q).count, 0);
	q.artifact_type = NULL;
	assert_int_equal(await_manifest_delete(h_db, &alice, package, &sbom, &by), 0);
	assert_int_equal(await_list(a, q).count, 2);
	await_refer("refer", "{sbom}", &subject, "a/sbom", NULL); /* pushed again */
	assert_int_equal(await_list(a, q).count, 3);
	arena_free(a);
}

H_TEST(pages_end_by_count_and_by_size)
{
	struct digest subject = h_digest("paged");
	struct referrer_query q = {.subject = subject, .count = 2};
	struct arena *a = arena_new();
	struct referrer_list list;
	char text[20];

	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "{page %d}", i);
		q.package_id = await_refer("pages", text, &subject, "a/b", NULL);
	}
	for (size_t seen = 0; seen < 5; seen += list.count) {
		list = await_list(a, q);
		assert_int_equal(list.count, seen < 4 ? 2 : 1);
		assert_int_equal(list.more, seen < 4);
		q.after = list.item[list.count - 1].id;
	}
	assert_int_equal(await_list(a, q).count, 0);
	q = (struct referrer_query){.package_id = q.package_id, .subject = subject};
	q.bytes = 2 * strlen("{page 0}") + 1; /* the third begins below it, the fourth not */
	list = await_list(a, q);
	assert_int_equal(list.count, 3);
	assert_true(list.more);
	q.bytes = 1; /* never none, or paging would stand still */
	assert_int_equal(await_list(a, q).count, 1);
	arena_free(a);
}

static const char *await_catalog(struct arena *a, const char *login, const char *last,
				 size_t limit)
{
	int64_t id = *login == '\0'
			     ? 0
			     : await_h_int(arena_printf(
				       a, "SELECT id FROM account WHERE login = '%s'", login));
	const char *text = "";
	struct name_list list;

	assert_int_equal(await_catalog_list(h_db, a, id, last, limit, &list), 0);
	for (size_t i = 0; i < list.count; i++)
		text = arena_printf(a, "%s%s ", text, list.name[i]);
	return list.more ? arena_printf(a, "%s…", text) : text;
}

/* Users cat, cat-9, dog; organization pack with owner cat and member dog; packages in all
 * states. */
static void await_catalog_rows(struct arena *a)
{
	struct account org;

	await_h_user("cat");
	await_h_user("cat-9");
	await_h_user("dog");
	assert_int_equal(await_organization_create(h_db, a, NULL, "pack", NULL, "cat", &org),
			 0);
	await_h_sql("INSERT INTO membership (organization_id, account_id, role) "
		    "SELECT o.id, u.id, 1 "
		    "FROM account o, account u WHERE o.login = 'pack' AND u.login = 'dog'");
	await_h_sql(
		"INSERT INTO package (namespace_id, name, publisher_id, visibility, inherits, "
		"published_at, deleted_at) "
		"SELECT n.id, s.name, n.id, s.visibility, s.inherits, "
		"CASE WHEN s.published THEN now() END, CASE WHEN s.gone THEN now() END "
		"FROM account n, (VALUES ('private', 0, false, true, false), "
		"('internal', 1, false, true, false), ('public', 2, false, true, false), "
		"('granted', 0, false, true, false), ('granted/x', 2, false, true, false), "
		"('inherits', 0, true, true, false), ('young', 2, false, false, false), "
		"('deleted', 2, false, true, true)) "
		"AS s(name, visibility, inherits, published, gone) "
		"WHERE n.login IN ('cat', 'cat-9', 'pack')");
	await_h_sql(
		"INSERT INTO package_grant (package_id, account_id, role) "
		"SELECT p.id, u.id, 1 FROM package p, account u "
		"WHERE (p.name LIKE 'granted%' OR p.name IN ('inherits', 'young', 'deleted')) "
		"AND u.login IN ('cat', 'dog')");
}

/* What find_authorization() and the visibilities allow, as access_decide() puts them together.
 */
static void await_catalog_agrees(struct arena *a, const char *login)
{
	const char *rule = arena_printf(
		a,
		"SELECT string_agg(path, ' ' ORDER BY path COLLATE \"C\") || ' ' FROM ("
		"SELECT n.login || '/' || p.name AS path FROM package p "
		"JOIN account n ON n.id = p.namespace_id CROSS JOIN LATERAL find_authorization("
		"ARRAY[sha256('%s')], ARRAY[NULL::bigint], ARRAY[NULL::bigint], "
		"ARRAY[n.login], "
		"ARRAY[p.name]) z WHERE p.deleted_at IS NULL AND z.published "
		"AND (z.role > 0 OR z.visibility = 2 OR (z.visibility = 1 AND z.state = 1))) r",
		login);
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_READ);

	pg_tx_add(tx, rule);
	assert_int_equal(await_pg_tx(tx), 0);
	assert_string_equal(await_catalog(a, login, "", 1000),
			    pg_text(pg_tx_rows(tx, 0), 0, 0));
}

H_TEST(the_catalog_is_what_may_be_read)
{
	static const char *const people[] = {"cat", "cat-9", "dog", "alice", ""};
	struct arena *a = arena_new();

	await_catalog_rows(a);
	await_h_sql("INSERT INTO token (account_id, kind, hash, hint, scopes) "
		    "SELECT id, 1, sha256(login::bytea), 'x', 3 FROM account WHERE kind = 1");
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
		await_catalog_agrees(a, people[i]);
	/* cat-9/ comes before cat/: a dash is less than a slash */
	assert_string_equal(await_catalog(a, "", "", 1000),
			    "cat-9/granted/x cat-9/public cat/granted/x cat/public "
			    "pack/granted/x pack/public ");
	assert_string_equal(await_catalog(a, "", "", 3),
			    "cat-9/granted/x cat-9/public cat/granted/x …");
	assert_string_equal(await_catalog(a, "", "cat/granted/x", 2),
			    "cat/public pack/granted/x …");
	assert_string_equal(await_catalog(a, "", "pack/granted/x", 1), "pack/public ");
	assert_string_equal(await_catalog(a, "", "pack/public", 1), "");
	assert_string_equal(await_catalog(a, "", "", 0), "…");
	arena_free(a);
}

static int64_t await_touched(struct pg_tx *tx)
{
	pg_tx_add(tx, "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::"
		      "bigint FROM pg_stat_xact_user_tables");
	assert_int_equal(await_pg_tx(tx), 0);
	return pg_int(pg_tx_rows(tx, 0), 0, 0);
}

/* Runs a statement that answers a page; no more rows are touched than `most`. */
static void await_cheap(struct pg_tx *tx, const char *sql, int rows, int64_t most)
{
	int64_t before = await_touched(tx), touched;

	pg_tx_add(tx, sql);
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(pg_rows_count(pg_tx_rows(tx, 0)), rows);
	touched = await_touched(tx) - before;
	if (touched > most)
		fail_msg("%s: %lld rows touched", sql, (long long)touched);
}

/* 100,000 rows in each list, and no statistics: a page from the middle costs a page. */
H_TEST(a_page_costs_a_page)
{
	static const char *const whose[] = {"alice", "dog", "nobody"};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);
	int64_t many;

	many = await_refer("many", "{many}", NULL, "a/b", NULL);
	await_h_sql(
		"INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, size, "
		"subject_algorithm, subject_digest, pushed_by, bytes) SELECT p.id, 1, "
		"sha256(('m' || i)::bytea), 1, 'x', 2, 1, sha256('s'), 1, '{}' "
		"FROM package p, generate_series(1, 100000) i WHERE p.name = 'many'");
	await_h_sql("INSERT INTO tag (package_id, name, manifest_id, updated_by) "
		    "SELECT m.package_id, 't' || m.id, m.id, 1 FROM manifest m "
		    "WHERE m.media_type = 'x'");
	await_h_sql("INSERT INTO package (namespace_id, name, publisher_id, visibility, "
		    "published_at) SELECT a.id, 'p' || i, a.id, 2 * (i % 2), now() "
		    "FROM account a, generate_series(1, 100000) i WHERE a.login = 'alice'");
	await_h_sql("INSERT INTO package_grant (package_id, account_id, role) "
		    "SELECT p.id, a.id, 3 FROM package p, account a "
		    "WHERE a.login IN ('alice', 'dog') AND p.name LIKE 'p_%' "
		    "ON CONFLICT DO NOTHING");
	assert_int_equal(await_pg_begin(tx), 0);
	for (int i = 0; i < 3; i++)
		await_cheap(
			tx,
			arena_printf(a,
				     "SELECT list_catalog((SELECT coalesce(min(id), 0) FROM "
				     "account WHERE login = '%s'), 'alice/p5', 101)",
				     whose[i]),
			101, 1000);
	await_cheap(tx,
		    arena_printf(a,
				 "SELECT * FROM find_referrers(%lld, 1::smallint, "
				 "sha256('s'), NULL, 50000, 100, 1000000)",
				 (long long)many),
		    100, 300);
	await_cheap(
		tx,
		arena_printf(a, "SELECT * FROM list_tags(%lld, 't5', 101)", (long long)many),
		101, 300);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(a_referrer_comes_and_goes_with_its_manifest),
		cmocka_unit_test(pages_end_by_count_and_by_size),
		cmocka_unit_test(the_catalog_is_what_may_be_read),
		cmocka_unit_test(a_page_costs_a_page),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
