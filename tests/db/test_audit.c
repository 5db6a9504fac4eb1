/* The audit log: pages, conditions, and what a page costs however long the log is. */
#include <string.h>

#include "metadb/audit_log.h"
#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

#define JAN_1 1767225600 /* 2026-01-01T00:00:00Z */
#define DAY   86400

static int64_t ada, acme, app;

/*
 * 300,000 rows, one a minute since January: in one organization, nearly all of them pushes into
 * one package. Every thousandth is ada's change of a repository, every ten-thousandth somebody
 * else's elsewhere.
 */
H_TEST(makes_a_long_log)
{
	struct arena *a = arena_new();
	struct account org;

	ada = await_h_user("ada");
	assert_int_equal(await_organization_create(h_db, a, NULL, "acme", "Acme", "ada", &org),
			 0);
	acme = org.id;
	await_h_sql("DELETE FROM audit");
	app = await_h_int(
		"INSERT INTO package (namespace_id, name, publisher_id) "
		"SELECT id, 'app', id FROM account WHERE login = 'acme' RETURNING id");
	await_h_sql(
		"INSERT INTO audit (at, action, actor_id, namespace_id, package_id, detail) "
		"SELECT to_timestamp(1767225600 + i * 60), "
		"CASE WHEN i % 1000 = 0 THEN 'repo.update' WHEN i % 1000 = 500 "
		"THEN 'package.link' ELSE 'manifest.push' END, "
		"CASE WHEN i % 1000 = 0 THEN u.id ELSE 1000000 END, "
		"CASE WHEN i % 10000 = 7 THEN u.id ELSE o.id END, "
		"CASE WHEN i % 1000 <> 0 AND i % 10000 <> 7 THEN p.id END, "
		"jsonb_build_object('n', i, 'repository', CASE WHEN i % 1000 = 0 THEN i / "
		"1000 END) FROM generate_series(0, 299999) i, account u, account o, package p "
		"WHERE u.login = 'ada' AND o.login = 'acme' AND p.name = 'app'");
	arena_free(a);
}

/* The page's n, with how it goes on: "3 2 1 …" */
static const char *await_page(struct arena *a, struct audit_query q, int64_t *go_on)
{
	struct audit_list l;
	const char *out = "";

	if (q.count == 0)
		q.count = 3;
	if (q.bytes == 0)
		q.bytes = 1000000;
	assert_int_equal(await_audit_list(h_db, a, &q, &l), 0);
	for (size_t i = 0; i < l.count; i++) {
		const char *n = strstr(l.entry[i].detail, "\"n\": ");

		assert_non_null(n);
		out = arena_printf(a, "%s%s%.*s", out, i > 0 ? " " : "",
				   (int)strspn(n + 5, "0123456789"), n + 5);
	}
	*go_on = l.go_on;
	return l.go_on != 0 ? arena_printf(a, "%s …", out) : out;
}

static void await_page_is(const char *wanted, struct audit_query q)
{
	struct arena *a = arena_new();
	int64_t go_on;

	assert_string_equal(await_page(a, q, &go_on), wanted);
	arena_free(a);
}

H_TEST(each_condition_and_both_orders)
{
	await_page_is("299999 299998 299997 …", (struct audit_query){.namespace_id = acme});
	await_page_is("0 1 2 …", (struct audit_query){.ascending = true});
	await_page_is("7 10007 20007 …",
		      (struct audit_query){.namespace_id = ada, .ascending = true});
	await_page_is("299000 298000 297000 …", (struct audit_query){.actor_id = ada});
	await_page_is("1 2 3 …", (struct audit_query){.package_id = app, .ascending = true});
	await_page_is("299500 298500 297500 …",
		      (struct audit_query){.namespace_id = acme, .action = "package.link"});
	await_page_is("299000 298000 297000 …", (struct audit_query){.action = "repo."});
	await_page_is("299999 299998 299997 …", (struct audit_query){.action = "manifest."});
	await_page_is("17000", (struct audit_query){.namespace_id = acme,
						    .actor_id = ada,
						    .action = "repo.update",
						    .repository_id = 17});
	await_page_is("", (struct audit_query){.namespace_id = acme, .action = "team."});
	await_page_is("", (struct audit_query){.namespace_id = AUDIT_NOTHING});
	await_page_is("", (struct audit_query){.namespace_id = ada,
					       .package_id = app,
					       .action = "repo.update",
					       .since = JAN_1 + 1,
					       .until = JAN_1 + DAY});
}

H_TEST(times_are_exact)
{
	struct audit_query q = {.since = JAN_1 + 100 * DAY,
				.until = JAN_1 + 100 * DAY + 121,
				.ascending = true};

	await_page_is("144000 144001 144002", q);
	q.ascending = false;
	await_page_is("144002 144001 144000", q);
	q.until--; /* the minute itself is not among them */
	await_page_is("144001 144000", q);
	await_page_is("", (struct audit_query){.until = JAN_1});
	await_page_is("", (struct audit_query){.since = JAN_1 + 1000 * DAY});
	await_page_is("0 1 2 …", (struct audit_query){.since = JAN_1 - DAY, .ascending = true});
	await_page_is("85000 86000 87000 …", (struct audit_query){.namespace_id = acme,
								  .action = "repo.update",
								  .since = JAN_1 + 59 * DAY,
								  .ascending = true,
								  .until = JAN_1 + 100 * DAY});
}

/* All pages together have every row that is looked for once. */
static int64_t await_walk(struct audit_query q, int *pages)
{
	struct arena *a = arena_new();
	struct audit_list l;
	int64_t found = 0, last = 0;

	q.count = 100;
	q.bytes = 1000000;
	for (*pages = 0; *pages == 0 || l.go_on != 0; ++*pages) {
		assert_int_equal(await_audit_list(h_db, a, &q, &l), 0);
		for (size_t i = 0; i < l.count; i++) {
			assert_true(found == 0 || (q.ascending ? l.entry[i].id > last
							       : l.entry[i].id < last));
			last = l.entry[i].id;
			found++;
		}
		q.past = l.go_on;
	}
	arena_free(a);
	return found;
}

H_TEST(pages_follow_each_other_without_gaps)
{
	int pages;

	assert_int_equal(await_walk((struct audit_query){.namespace_id = ada}, &pages), 30);
	assert_int_equal(pages, 1);
	assert_int_equal(
		await_walk((struct audit_query){.namespace_id = acme, .actor_id = ada}, &pages),
		300);
	assert_true(pages >= 30); /* 10,000 rows each, of which ten are hers */
	assert_int_equal(await_walk((struct audit_query){.namespace_id = acme,
							 .action = "package.link",
							 .ascending = true},
				    &pages),
			 300);
	assert_true(pages <= 4); /* pushes are not looked at */
	assert_int_equal(
		await_walk((struct audit_query){.package_id = app,
						.since = JAN_1 + 200 * DAY,
						.ascending = true},
			   &pages),
		await_h_int("SELECT count(*) FROM audit WHERE package_id IS NOT NULL AND "
			    "at >= to_timestamp(1767225600 + 200 * 86400)"));
}

H_TEST(a_page_ends_where_its_room_does)
{
	await_page_is("0 …", (struct audit_query){.ascending = true, .bytes = 1, .count = 50});
}

/* Whatever is asked for; three times, so that kept plans are among them. */
H_TEST(a_page_costs_a_page)
{
	static const struct {
		const char *query;
		int rows;
		int64_t most;
	} cases[] = {
		{"ids.acme, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false", 101, 20700},
		{"NULL, NULL, NULL, NULL, NULL, NULL, NULL, 150000, true", 101, 20700},
		{"NULL, NULL, ids.ada, NULL, NULL, NULL, NULL, NULL, false", 101, 1500},
		{"NULL, ids.app, NULL, NULL, NULL, NULL, NULL, 100000, true", 101, 20700},
		{"ids.acme, NULL, NULL, NULL, 'package.', NULL, NULL, NULL, false", 101, 2000},
		{"NULL, NULL, NULL, NULL, 'package.', NULL, NULL, NULL, true", 101, 2000},
		{"ids.acme, NULL, NULL, 17, NULL, NULL, NULL, NULL, true", 1, 20100},
		{"ids.acme, NULL, NULL, NULL, NULL, '2026-05-01', '2026-05-02', NULL, true",
		 101, 4000},
		{"NULL, NULL, NULL, NULL, 'team.', NULL, NULL, NULL, false", 1, 2500},
	};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);
	const char *sql;

	assert_int_equal(await_pg_begin(tx), 0);
	for (size_t i = 0; i < 3 * sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i / 3].query;

		sql = arena_printf(
			a,
			"WITH ids AS (SELECT "
			"(SELECT id FROM account WHERE login = 'ada') AS ada, "
			"(SELECT id FROM account WHERE login = 'acme') AS acme, "
			"(SELECT p.id FROM package p JOIN account n ON n.id = p.namespace_id "
			"WHERE p.name = 'app' AND n.login = 'acme') AS app) "
			"SELECT p.* FROM ids, audit_page(ROW(%s)::audit_query, "
			"100, 1000000, 10000) p",
			text);
		await_h_cheap(tx, sql, cases[i / 3].rows, cases[i / 3].most);
	}
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

H_TEST(names_of_what_is_gone_are_found)
{
	struct arena *a = arena_new();
	int64_t package, repository, id;

	await_h_sql(
		"INSERT INTO repository (owner_id, name, deleted_at) SELECT id, 'Old', now() "
		"FROM account WHERE login = 'acme'");
	await_h_sql("UPDATE package SET deleted_at = now() WHERE name = 'app'");
	assert_int_equal(await_audit_names(h_db, a, acme, "app", "OLD", &package, &repository),
			 0);
	assert_int_equal(package, app);
	assert_true(repository > 0);
	assert_int_equal(await_audit_names(h_db, a, acme, "none", NULL, &package, &repository),
			 0);
	assert_int_equal(package, AUDIT_NOTHING);
	assert_int_equal(repository, 0);
	assert_int_equal(await_audit_login(h_db, a, "ada", &id), 0);
	assert_int_equal(id, ada);
	assert_int_equal(await_audit_login(h_db, a, "nobody", &id), 0);
	assert_int_equal(id, AUDIT_NOTHING);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_long_log),
		cmocka_unit_test(each_condition_and_both_orders),
		cmocka_unit_test(times_are_exact),
		cmocka_unit_test(pages_follow_each_other_without_gaps),
		cmocka_unit_test(a_page_ends_where_its_room_does),
		cmocka_unit_test(a_page_costs_a_page),
		cmocka_unit_test(names_of_what_is_gone_are_found),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
