/* Lists that grow without bound: referrers, tags and packages, page by page. What a page costs:
 * test_lists_scale.c. */
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

/* With the token whose hash is that of `word`; "" is nobody. */
static const char *await_catalog(struct arena *a, const char *word, const char *last,
				 size_t limit)
{
	const char *token = arena_printf(a, "FROM token WHERE hash = sha256('%s')", word);
	int64_t token_id = 0, account_id = 0;
	const char *text = "";
	struct name_list list;

	if (*word != '\0') {
		token_id = await_h_int(arena_printf(a, "SELECT id %s", token));
		account_id = await_h_int(arena_printf(a, "SELECT account_id %s", token));
	}
	assert_int_equal(await_catalog_list(h_db, a, account_id, token_id, last, limit, &list),
			 0);
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

/* What find_rights() and the visibilities allow, as access_decide() puts them together. */
static void await_catalog_agrees(struct arena *a, const char *word)
{
	const char *rule = arena_printf(
		a,
		"SELECT string_agg(path, ' ' ORDER BY path COLLATE \"C\") || ' ' FROM ("
		"SELECT n.login || '/' || p.name AS path FROM package p "
		"JOIN account n ON n.id = p.namespace_id CROSS JOIN LATERAL find_rights("
		"ARRAY[sha256('%s')], ARRAY[NULL::bigint], ARRAY[NULL::bigint], "
		"ARRAY[n.login], ARRAY[p.name], ARRAY[NULL::text]) z "
		"WHERE p.deleted_at IS NULL AND z.published AND (z.role > 0 "
		"OR z.visibility = 2 OR (z.visibility = 1 AND z.state = 1 AND "
		"z.outside = 0))) r",
		word);
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_READ);

	pg_tx_add(tx, rule);
	assert_int_equal(await_pg_tx(tx), 0);
	assert_string_equal(await_catalog(a, word, "", 1000), pg_text(pg_tx_rows(tx, 0), 0, 0));
}

/* Ways to a package of pack, and to cat's, that are not grants: teams, repositories, workflows,
 * codespaces; and tokens that are worth less than their person. */
static void await_catalog_ways(void)
{
	await_h_sql(
		"INSERT INTO package (namespace_id, name, publisher_id, published_at) "
		"SELECT n.id, s.name, n.id, now() FROM account n, (VALUES ('team'), ('above'), "
		"('repo'), ('repo/team'), ('listed'), ('space'), ('robot')) AS s(name) "
		"WHERE n.login IN ('cat', 'pack')");
	await_h_sql("INSERT INTO team (organization_id, slug, name) SELECT id, s, s "
		    "FROM account, (VALUES ('low'), ('high')) AS v(s) WHERE login = 'pack'");
	await_h_sql("INSERT INTO team_path SELECT id, id, 0 FROM team");
	await_h_sql("INSERT INTO team_path SELECT l.id, h.id, 1 FROM team l, team h "
		    "WHERE l.slug = 'low' AND h.slug = 'high'");
	await_h_sql("INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id "
		    "FROM team t, account a WHERE t.slug = 'low' AND a.login IN ('dog', "
		    "'cat-9')");
	await_h_sql("INSERT INTO package_team (package_id, team_id, role) SELECT p.id, t.id, 1 "
		    "FROM package p, team t, account n WHERE n.id = p.namespace_id "
		    "AND n.login = 'pack' AND (p.name, t.slug) IN (('team', 'low'), "
		    "('above', 'high'), ('repo', 'low'))");
	await_h_sql("INSERT INTO repository (owner_id, name) SELECT id, s FROM account, "
		    "(VALUES ('one'), ('two')) AS v(s) WHERE login IN ('pack', 'cat')");
	await_h_sql("UPDATE package p SET repository_id = r.id, linked_by = 3, inherits = true "
		    "FROM repository r WHERE r.owner_id = p.namespace_id "
		    "AND (p.name, r.name) IN (('repo', 'one'), ('repo/team', 'two'))");
	await_h_sql("INSERT INTO repository_grant (repository_id, account_id, role) "
		    "SELECT r.id, a.id, 1 FROM repository r, account a WHERE r.name = 'one' "
		    "AND a.login = 'alice'");
	await_h_sql(
		"INSERT INTO repository_team (repository_id, team_id, role) "
		"SELECT r.id, t.id, 2 FROM repository r JOIN team t "
		"ON t.organization_id = r.owner_id WHERE r.name = 'two' AND t.slug = 'high'");
	await_h_sql("INSERT INTO package_actions (package_id, repository_id, role) "
		    "SELECT p.id, r.id, 1 FROM package p, repository r, account o "
		    "WHERE p.name = 'listed' AND r.name = 'one' AND o.id = r.owner_id "
		    "AND o.login = 'pack'");
	await_h_sql("INSERT INTO package_codespace (package_id, repository_id) "
		    "SELECT p.id, r.id FROM package p, repository r, account o "
		    "WHERE p.name = 'space' AND r.name = 'one' AND o.id = r.owner_id "
		    "AND o.login = 'pack'");
	await_h_sql("INSERT INTO account (kind, login, organization_id) "
		    "SELECT 3, 'pack+bot', id FROM account WHERE login = 'pack'");
	await_h_sql("INSERT INTO package_grant (package_id, account_id, role) "
		    "SELECT p.id, a.id, 1 FROM package p, account a WHERE a.login = 'pack+bot' "
		    "AND p.name = 'robot'");
}

static void await_catalog_tokens(void)
{
	await_h_sql(
		"INSERT INTO token (account_id, kind, hash, hint, scopes) "
		"SELECT id, CASE kind WHEN 3 THEN 2 ELSE 1 END, sha256(login::bytea), 'x', 3 "
		"FROM account WHERE kind <> 2");
	await_h_sql("INSERT INTO token (account_id, kind, hash, hint, scopes, limited) "
		    "SELECT id, 1, sha256(('limited ' || login)::bytea), 'x', 3, true "
		    "FROM account WHERE login IN ('cat', 'dog')");
	await_h_sql(
		"INSERT INTO token_limit (token_id, namespace_id, name) "
		"SELECT t.id, n.id, l.name FROM token t JOIN account o ON o.id = t.account_id, "
		"account n, (VALUES ('cat', 'pack', ''), ('dog', 'pack', 'team'), "
		"('dog', 'pack', 'listed'), ('dog', 'pack', 'internal'), "
		"('dog', 'cat', 'granted')) AS l(who, login, name) "
		"WHERE t.limited AND o.login = l.who AND n.login = l.login");
	await_h_sql("INSERT INTO token (account_id, kind, hash, hint, scopes, repository_id) "
		    "SELECT o.id, k, sha256(('acting ' || k)::bytea), 'x', 3, r.id "
		    "FROM repository r JOIN account o ON o.id = r.owner_id, "
		    "(VALUES (3), (4)) AS v(k) WHERE r.name = 'one' AND o.login = 'pack'");
}

H_TEST(the_catalog_is_what_may_be_read)
{
	static const char *const words[] = {
		"cat",	       "cat-9",	      "dog",	  "alice",    "pack+bot",
		"limited cat", "limited dog", "acting 3", "acting 4", ""};
	struct arena *a = arena_new();

	await_catalog_rows(a);
	await_catalog_ways();
	await_catalog_tokens();
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		await_catalog_agrees(a, words[i]);
	await_h_sql("UPDATE account SET base_role = 0, sso_required = true "
		    "WHERE login = 'pack'");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		await_catalog_agrees(a, words[i]);
	await_h_sql("INSERT INTO token_sso (token_id, organization_id) SELECT t.id, o.id "
		    "FROM token t, account o WHERE o.login = 'pack'");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		await_catalog_agrees(a, words[i]);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(a_referrer_comes_and_goes_with_its_manifest),
		cmocka_unit_test(pages_end_by_count_and_by_size),
		cmocka_unit_test(the_catalog_is_what_may_be_read),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
