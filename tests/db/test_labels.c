/* What versions say of themselves, and the links to repositories that pushes make of it. */
#include <stdio.h>
#include <string.h>

#include "metadb/manifests.h"
#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

static struct actor owner, member;
static int64_t acme;
static int tokens; /* made so far */

#define SOURCE	"\"org.opencontainers.image.source\":\"https://git.example/acme/app\""
#define AT_HOME "here.example/acme"

/* A push; what is not said is what docker pushes into acme. */
struct push {
	const char *package, *text, *tag, *labels, *source;
	enum role role;
	const char *images[3]; /* texts of an index's images */
};

static struct manifest_put await_push(const struct actor *who, struct push p)
{
	struct package_target target = {.namespace_id = acme, .name = p.package};
	const char *tags[] = {p.tag};
	struct digest images[3];
	struct manifest_new m = {
		.target = target,
		.digest = h_digest(p.text),
		.bytes = {p.text, strlen(p.text)},
		.media_type = p.images[0] == NULL ? MEDIA_OCI_MANIFEST : MEDIA_OCI_INDEX,
		.kind = p.images[0] == NULL ? MANIFEST_IMAGE : MANIFEST_INDEX,
		.tags = tags,
		.tags_count = p.tag != NULL,
		.labels = p.labels,
		.source = p.source,
		.own_source = AT_HOME,
		.pusher_role = p.role,
		.images = images,
		.children = images,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	m.target.published = true;
	for (; m.images_count < 3 && p.images[m.images_count] != NULL; m.images_count++)
		images[m.images_count] = h_digest(p.images[m.images_count]);
	m.children_count = m.images_count;
	assert_int_equal(await_manifest_put(h_db, a, who, &m, &put), 0);
	arena_free(a);
	return put;
}

/* The first column of a statement as text must be that. */
static void await_is(const char *wanted, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void await_is(const char *wanted, const char *fmt, ...)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_READ);
	const char *found;
	va_list args;

	va_start(args, fmt);
	pg_tx_add(tx, arena_vprintf(a, fmt, args));
	va_end(args);
	assert_int_equal(await_pg_tx(tx), 0);
	found = pg_rows_count(pg_tx_rows(tx, 0)) == 0 ? "no row"
						      : pg_text(pg_tx_rows(tx, 0), 0, 0);
	if (strcmp(found == NULL ? "NULL" : found, wanted) != 0)
		fail_msg("%s, not %s: %s", found, wanted, fmt);
	arena_free(a);
}

static void await_labels_are(const char *text, const char *wanted)
{
	await_is(wanted,
		 "SELECT coalesce(labels::text, 'none') || ' ' || coalesce(source, 'none') "
		 "FROM manifest WHERE digest = sha256('%s') ORDER BY id DESC LIMIT 1",
		 text);
}

/* repository, linked by, inherits, role of its workflows, direct grants */
static void await_link_is(const char *package, const char *wanted)
{
	await_is(wanted,
		 "SELECT concat_ws(' ', coalesce(r.name, '-'), coalesce(p.linked_by, 0), "
		 "p.inherits, coalesce((SELECT x.role FROM package_actions x WHERE "
		 "x.package_id = p.id AND x.repository_id = r.id), 0), "
		 "(SELECT count(*) FROM package_grant g WHERE g.package_id = p.id)) "
		 "FROM package p LEFT JOIN repository r ON r.id = p.repository_id "
		 "WHERE p.name = '%s'",
		 package);
}

/* A token of a workflow of that repository, set going by a member. */
static struct actor await_workflow(const char *repository)
{
	struct arena *a = arena_new();
	struct actor who = member;

	who.token_id = await_h_int(arena_printf(
		a,
		"INSERT INTO token (account_id, kind, hash, hint, scopes, repository_id) "
		"SELECT %lld, 3, sha256('w%d'), 'x', 3, id FROM repository WHERE name = '%s' "
		"RETURNING id",
		(long long)member.account_id, ++tokens, repository));
	arena_free(a);
	return who;
}

H_TEST(makes_a_world)
{
	struct arena *a = arena_new();
	struct account org;

	owner.account_id = await_h_user("owner");
	member.account_id = await_h_user("member");
	await_h_user("other");
	assert_int_equal(
		await_organization_create(h_db, a, NULL, "acme", "Acme", "owner", &org), 0);
	acme = org.id;
	await_h_sql("INSERT INTO membership (organization_id, account_id, role) SELECT o.id, "
		    "m.id, 1 FROM account o, account m WHERE o.login = 'acme' AND m.login = "
		    "'member'");
	await_h_sql("INSERT INTO repository (owner_id, name) SELECT a.id, n FROM account a, "
		    "unnest(ARRAY['app', 'App2', 'closed']) AS n WHERE a.login = 'acme'");
	await_h_sql("INSERT INTO repository (owner_id, name) SELECT id, 'foreign' FROM account "
		    "WHERE login = 'other'");
	await_h_sql("INSERT INTO repository_source (source, repository_id) SELECT "
		    "'git.example/acme/' || key, id FROM repository");
	await_h_sql("INSERT INTO repository_grant (repository_id, account_id, role) SELECT "
		    "r.id, m.id, CASE r.key WHEN 'app' THEN 3 WHEN 'app2' THEN 5 ELSE 2 END "
		    "FROM repository r, account m WHERE m.login = 'member'");
	arena_free(a);
}

H_TEST(labels_are_kept_and_come_with_the_next_push)
{
	await_push(&member, (struct push){.package = "kept", .text = "{k1}", .labels = "{}"});
	await_labels_are("{k1}", "{} none");
	await_push(&member, (struct push){.package = "kept", .text = "{k2}"});
	await_labels_are("{k2}", "none none");
	await_push(&member, (struct push){.package = "kept",
					  .text = "{k2}",
					  .labels = "{\"a\":\"b\"}",
					  .source = "x/y"});
	await_labels_are("{k2}", "{\"a\": \"b\"} x/y");
	await_push(&member,
		   (struct push){.package = "kept", .text = "{k2}", .labels = "{\"a\":\"c\"}"});
	await_labels_are("{k2}", "{\"a\": \"b\"} x/y");
}

H_TEST(an_index_says_what_its_images_agree_on)
{
	static const struct push images[] = {
		{.package = "multi",
		 .text = "{i1}",
		 .source = "s/1",
		 .labels = "{\"all\":\"1\",\"some\":\"1\",\"own\":\"x\",\"one\":\"1\"}"},
		{.package = "multi",
		 .text = "{i2}",
		 .source = "s/1",
		 .labels = "{\"all\":\"1\",\"some\":\"2\",\"own\":\"x\"}"},
		{.package = "multi",
		 .text = "{i3}",
		 .source = "s/2",
		 .labels = "{\"all\":\"1\"}"},
		{.package = "multi", .text = "{i4}"},
	};

	for (size_t i = 0; i < 4; i++)
		await_push(&member, images[i]);
	await_push(&member, (struct push){.package = "multi",
					  .text = "{x1}",
					  .labels = "{\"own\":\"y\"}",
					  .images = {"{i1}", "{i2}"}});
	await_labels_are("{x1}", "{\"all\": \"1\", \"own\": \"y\"} s/1");
	await_push(&member, (struct push){.package = "multi",
					  .text = "{x2}",
					  .images = {"{i1}", "{i2}", "{i3}"}});
	await_labels_are("{x2}", "{\"all\": \"1\"} none");
	await_push(&member, (struct push){.package = "multi",
					  .text = "{x3}",
					  .images = {"{i1}", "{i2}", "{i4}"}});
	await_labels_are("{x3}", "none none");
	await_push(&member, (struct push){.package = "multi",
					  .text = "{x4}",
					  .source = "s/own",
					  .labels = "{\"a\":\"b\"}",
					  .images = {"{i1}", "{i2}"}});
	await_labels_are("{x4}", "{\"a\": \"b\", \"all\": \"1\", \"own\": \"x\"} s/own");
}

#define LABELS_OF                                                            \
	"SELECT concat_ws('|', description, licenses, source, labels) FROM " \
	"package_labels((SELECT id FROM package WHERE name = '%s'))"

H_TEST(a_package_shows_its_newest_tagged_version)
{
	char fallback[80] = "sha256-", signature[80];

	memset(fallback + 7, 'a', 64);
	snprintf(signature, sizeof(signature), "%s.sig", fallback);
	await_push(&member, (struct push){.package = "shown",
					  .text = "{s0}",
					  .labels = "{\"untagged\":\"\"}"});
	await_is("", LABELS_OF, "shown");
	await_push(&member,
		   (struct push){.package = "shown",
				 .text = "{s1}",
				 .tag = "v1",
				 .labels =
					 "{\"org.opencontainers.image.description\":\"d\","
					 "\"org.opencontainers.image.licenses\":\"MIT\"," SOURCE
					 "}"});
	await_push(&member, (struct push){.package = "shown",
					  .text = "{s2}",
					  .tag = signature,
					  .labels = "{\"sig\":\"\"}"});
	await_push(&member, (struct push){.package = "shown",
					  .text = "{s3}",
					  .tag = fallback,
					  .labels = "{\"fallback\":\"\"}"});
	await_is("d|MIT|https://git.example/acme/app|"
		 "{\"org.opencontainers.image.source\": \"https://git.example/acme/app\", "
		 "\"org.opencontainers.image.licenses\": \"MIT\", "
		 "\"org.opencontainers.image.description\": \"d\"}",
		 LABELS_OF, "shown");
	await_push(&member, (struct push){.package = "shown",
					  .text = "{s4}",
					  .tag = "sha256-x",
					  .labels = "{\"new\":\"\"}"});
	await_is("{\"new\": \"\"}", LABELS_OF, "shown");
}

H_TEST(the_first_tagged_version_links_and_inherits)
{
	struct push p = {.package = "first", .text = "{f1}", .source = "git.example/acme/app"};

	await_push(&member, p); /* a child comes first, and settles nothing */
	await_link_is("first", "- 0 f 0 1");
	p = (struct push){.package = "first",
			  .text = "{f2}",
			  .tag = "v1",
			  .role = ROLE_ADMIN,
			  .images = {"{f1}"}};
	await_push(&member, p);
	await_link_is("first", "app 1 t 2 0");
	await_is("{\"by\": \"label\", \"name\": \"first\", \"role\": \"write\"}",
		 "SELECT (detail - 'repository' - 'inherits')::text FROM audit "
		 "WHERE action = 'package.link'");
	/* never anew */
	p = (struct push){.package = "first",
			  .text = "{f3}",
			  .tag = "v2",
			  .source = "git.example/acme/app2"};
	await_push(&owner, p);
	await_link_is("first", "app 1 t 2 0");
	await_is("1", "SELECT count(*)::text FROM event WHERE action = 'package.link'");
}

H_TEST(a_later_one_links_without)
{
	struct push p = {.package = "later", .text = "{l1}", .tag = "v1"};

	await_push(&member, p);
	await_link_is("later", "- 0 f 0 1");
	p = (struct push){.package = "later",
			  .text = "{l2}",
			  .tag = "v2",
			  .role = ROLE_WRITE,
			  .source = "git.example/acme/app2"};
	await_push(&member, p);
	await_link_is("later", "App2 1 f 2 1"); /* admin there, but writes here only */
	await_h_sql("UPDATE package SET repository_id = NULL, linked_by = NULL "
		    "WHERE name = 'later'");
	p.text = "{l3}";
	await_push(&member, p);
	await_link_is("later", "- 0 f 0 1"); /* somebody ended it */
}

H_TEST(only_where_the_pusher_may_write)
{
	static const char *const others[] = {
		"git.example/acme/closed", "git.example/acme/foreign", "git.example/acme/none",
		AT_HOME "/foreign",	   AT_HOME "/app/x",	       AT_HOME,
		"here.example/other/app"};
	struct push p = {.package = "may", .role = ROLE_ADMIN};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		p.text = p.tag = arena_printf(a, "m%zu", i);
		p.source = others[i];
		await_push(&member, p);
		await_link_is("may", "- 0 f 0 1");
	}
	p.text = p.tag = "mine";
	p.source = AT_HOME "/app2"; /* in lower case, as sources are */
	await_push(&member, p);
	await_link_is("may", "App2 1 f 3 1");
	arena_free(a);
}

H_TEST(an_organization_may_want_no_inheriting)
{
	await_h_sql("UPDATE account SET default_inherits = false WHERE login = 'acme'");
	await_push(&member, (struct push){.package = "direct",
					  .text = "{d1}",
					  .tag = "v1",
					  .source = AT_HOME "/app"});
	await_link_is("direct", "app 1 f 2 1");
	await_h_sql("UPDATE account SET default_inherits = true WHERE login = 'acme'");
}

H_TEST(a_workflow_links_its_own_repository)
{
	struct actor flow = await_workflow("closed");
	struct push p = {.package = "flow", .text = "{w1}", .source = AT_HOME "/app"};

	await_push(&flow, p);
	await_is("3", "SELECT role::text FROM package_actions x JOIN package p "
		      "ON p.id = x.package_id WHERE p.name = 'flow'");
	await_link_is("flow", "- 0 f 0 1");
	p.tag = "v1";
	p.role = ROLE_ADMIN;
	await_push(&flow, p);
	await_link_is("flow", "closed 2 t 3 0");
	/* not the one of somebody else's package, whatever the label says */
	await_push(&owner, (struct push){.package = "theirs", .text = "{t1}", .tag = "v1"});
	await_push(&flow, (struct push){.package = "theirs",
					.text = "{t2}",
					.tag = "v2",
					.role = ROLE_WRITE,
					.source = AT_HOME "/app"});
	await_link_is("theirs", "- 0 f 0 1");
	await_push(&flow, (struct push){.package = "theirs",
					.text = "{t3}",
					.tag = "v3",
					.role = ROLE_WRITE,
					.source = AT_HOME "/closed"});
	await_link_is("theirs", "closed 1 f 2 1");
	/* nor of another namespace */
	flow = await_workflow("foreign");
	await_push(&flow, (struct push){.package = "abroad", .text = "{a1}", .tag = "v1"});
	await_link_is("abroad", "- 0 f 0 1");
}

static void push_labelled(void *arg)
{
	int i = *(int *)arg;
	char text[16];

	snprintf(text, sizeof(text), "{r%d}", i);
	await_push(&member, (struct push){.package = "race",
					  .text = text,
					  .tag = text + 1,
					  .source = AT_HOME "/app",
					  .role = ROLE_ADMIN});
}

H_TEST(of_many_at_once_one_links)
{
	int number[8];

	await_push(&member, (struct push){.package = "race", .text = "{r}"});
	for (int i = 0; i < 8; i++)
		number[i] = i;
	await_h_all(push_labelled, number, sizeof(number[0]), 8);
	await_link_is("race", "app 1 t 2 0");
	await_is("1",
		 "SELECT count(*)::text FROM audit a JOIN package p ON p.id = a.package_id "
		 "WHERE a.action = 'package.link' AND p.name = 'race'");
}

/* 100,000 tags, half of them of signatures and newer than all others. */
H_TEST(showing_a_large_package_costs_the_same)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	await_h_sql("INSERT INTO tag (package_id, name, manifest_id, updated_by, updated_at, "
		    "aside) "
		    "SELECT t.package_id, CASE i % 2 WHEN 0 THEN 't' || i ELSE "
		    "'sha256-' || encode(sha256(i::text::bytea), 'hex') || '.sig' END, "
		    "t.manifest_id, 1, now() + (i % 2) * interval '1 hour', i % 2 = 1 "
		    "FROM (SELECT t.* FROM tag t JOIN package p ON p.id = t.package_id "
		    "WHERE p.name = 'shown' LIMIT 1) t, generate_series(1, 100000) i");
	assert_int_equal(await_pg_begin(tx), 0);
	await_h_cheap(tx,
		      "SELECT * FROM package_labels((SELECT id FROM package "
		      "WHERE name = 'shown'))",
		      1, 40);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_world),
		cmocka_unit_test(labels_are_kept_and_come_with_the_next_push),
		cmocka_unit_test(an_index_says_what_its_images_agree_on),
		cmocka_unit_test(a_package_shows_its_newest_tagged_version),
		cmocka_unit_test(the_first_tagged_version_links_and_inherits),
		cmocka_unit_test(a_later_one_links_without),
		cmocka_unit_test(only_where_the_pusher_may_write),
		cmocka_unit_test(an_organization_may_want_no_inheriting),
		cmocka_unit_test(a_workflow_links_its_own_repository),
		cmocka_unit_test(of_many_at_once_one_links),
		cmocka_unit_test(showing_a_large_package_costs_the_same),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
