/* Versions and packages, newest first, as one person may see them. */
#include <string.h>

#include "metadb/manifests.h"
#include "metadb/package_detail.h"
#include "metadb/pg_tx.h"
#include "metadb/versions.h"
#include "tests/db/harness.h"

static struct actor alice;

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

static struct manifest_put await_push(const char *name, int64_t package, const char *text,
				      const char *tag, const struct digest *child)
{
	struct manifest_new m = {
		.target = {.namespace_id = alice.account_id,
			   .name = name,
			   .package_id = package,
			   .published = package != 0},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = child != NULL ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST,
		.kind = child != NULL ? MANIFEST_INDEX : MANIFEST_IMAGE,
		.tags = &tag,
		.tags_count = tag != NULL,
		.children = child,
		.children_count = child != NULL,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	arena_free(a);
	return put;
}

static struct version_list await_list(struct arena *a, int64_t package, bool deleted,
				      int64_t offset, int64_t limit)
{
	struct version_list list;

	assert_int_equal(await_version_list(h_db, a, package, deleted,
					    &(struct list_part){offset, limit}, &list),
			 0);
	return list;
}

H_TEST(newest_first_with_tags_and_parents)
{
	struct arena *a = arena_new();
	struct digest child = h_digest("{child}");
	struct manifest_put first = await_push("one", 0, "{child}", NULL, NULL);
	int64_t package = first.package_id, total;
	struct version_list list;
	struct version found;

	await_push("one", package, "{index}", "a", &child);
	await_push("one", package, "{index}", "b", &child);
	list = await_list(a, package, false, 0, 30);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.version[0].kind, MANIFEST_INDEX);
	assert_string_equal(list.version[0].tags, "[\"b\", \"a\"]");
	assert_string_equal(list.version[0].parents, "[]");
	assert_int_equal(list.version[0].size, 7);
	assert_int_equal(list.version[1].id, first.manifest_id);
	assert_string_equal(list.version[1].tags, "[]");
	assert_string_equal(
		list.version[1].parents,
		arena_printf(a, "[\"%s\"]", digest_str(a, &list.version[0].digest)));
	assert_int_equal(await_list(a, package, false, 1, 30).version[0].id, first.manifest_id);
	assert_int_equal(await_list(a, package, true, 0, 30).count, 0);
	assert_int_equal(await_version_count(h_db, package, false, &total), 0);
	assert_int_equal(total, 2);
	assert_int_equal(await_version_find(h_db, a, package, first.manifest_id, &found), 0);
	assert_true(digest_equal(&found.digest, &child));
	assert_int_equal(await_version_find(h_db, a, package + 1, first.manifest_id, &found),
			 ERR_NOT_FOUND);
	arena_free(a);
}

/* 100,000 in each list, and no statistics. */
H_TEST(a_page_costs_a_page)
{
	static const char *const whose[] = {"alice", "dog", "nobody"};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);
	long long many = await_push("many", 0, "{many}", "latest", NULL).package_id;

	await_h_user("dog");
	await_h_user("nobody");
	await_h_sql("INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, "
		    "size, pushed_by, bytes, deleted_at) SELECT p.id, 1, "
		    "sha256(('m' || i)::bytea), 1, 'x', 2, 1, '{}', "
		    "CASE WHEN i % 2 = 0 THEN now() END "
		    "FROM package p, generate_series(1, 200000) i WHERE p.name = 'many'");
	await_h_sql("INSERT INTO tag (package_id, name, manifest_id, updated_by, updated_at) "
		    "SELECT m.package_id, 't' || m.id, m.id, 1, "
		    "now() - m.id * interval '1 minute' FROM manifest m "
		    "WHERE m.media_type = 'x' AND m.deleted_at IS NULL");
	await_h_sql("INSERT INTO package (namespace_id, name, publisher_id, visibility, "
		    "published_at) SELECT a.id, 'p' || i, a.id, 2 * (i % 2), now() "
		    "FROM account a, generate_series(1, 100000) i WHERE a.login = 'alice'");
	await_h_sql("INSERT INTO package_grant (package_id, account_id, role) "
		    "SELECT p.id, a.id, 1 FROM package p, account a "
		    "WHERE a.login = 'dog' AND p.name LIKE 'p_%'");
	assert_int_equal(await_pg_begin(tx), 0);
	for (int i = 0; i < 3; i++)
		await_h_cheap(tx,
			      arena_printf(a,
					   "SELECT readable_packages((SELECT id FROM account "
					   "WHERE login = '%s'), NULL, %lld, 7, 101, 300)",
					   whose[i], (long long)alice.account_id),
			      101, 2500);
	for (int i = 0; i < 2; i++)
		await_h_cheap(tx,
			      arena_printf(a,
					   "SELECT * FROM find_versions(ARRAY(SELECT "
					   "list_versions(%lld, %s, 100, 300)), 1000)",
					   many, i == 0 ? "false" : "true"),
			      100, 1100);
	for (int i = 0; i < 4; i++)
		await_h_cheap(tx,
			      arena_printf(a,
					   "SELECT * FROM find_tags(%lld, ARRAY(SELECT "
					   "tags_by_%s(%lld, %s, 100, 300)))",
					   many, i < 2 ? "age" : "name", many,
					   i % 2 == 0 ? "false" : "true"),
			      100, 1100);
	await_h_cheap(tx,
		      arena_printf(a,
				   "SELECT * FROM versions_meant(%lld, 9223372036854775807, "
				   "100, now(), false, '{x%%}', 0, now())",
				   many),
		      100, 700);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(newest_first_with_tags_and_parents),
		cmocka_unit_test(a_page_costs_a_page),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
