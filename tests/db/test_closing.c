/* Accounts that get new names, are suspended, or deleted; packages that are deleted as a whole.
 */
#include <string.h>

#include "metadb/account_changes.h"
#include "metadb/collect.h"
#include "metadb/packages.h"
#include "metadb/tokens.h"
#include "tests/db/harness.h"

static int64_t admin_id;
static struct actor admin;

H_TEST(a_site_admin)
{
	struct arena *a = arena_new();
	struct account made;

	assert_int_equal(await_site_admin_ensure(h_db, a, "boss", &made), 0);
	admin_id = made.id;
	admin.account_id = admin_id;
	arena_free(a);
}

static int await_create(const char *login)
{
	struct arena *a = arena_new();
	struct account made;
	int rc = await_user_create(h_db, a, &admin, login, NULL, NULL, &made);

	arena_free(a);
	return rc;
}

static int64_t await_aliases(void)
{
	return await_h_int("SELECT count(*) FROM account_alias WHERE login = 'old'");
}

H_TEST(an_old_name_leads_to_the_account)
{
	int64_t id = await_h_user("old");

	assert_int_equal(await_account_rename(h_db, &admin, id, "boss"), ERR_CONFLICT);
	assert_int_equal(await_account_rename(h_db, &admin, 4711, "free"), ERR_NOT_FOUND);
	assert_int_equal(await_account_rename(h_db, &admin, id, "new"), 0);
	assert_int_equal(await_aliases(), 1);
	/* Nobody else gets it, in whatever way. */
	assert_int_equal(await_create("old"), ERR_CONFLICT);
	assert_int_equal(await_account_rename(h_db, &admin, admin_id, "old"), ERR_CONFLICT);
	/* The account itself gets it back, and the alias goes. */
	assert_int_equal(await_account_rename(h_db, &admin, id, "old"), 0);
	assert_int_equal(await_aliases(), 0);
	assert_int_equal(await_create("new"), ERR_CONFLICT);
	assert_int_equal(await_account_rename(h_db, &admin, id, "old"), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit WHERE action = 'user.rename'"),
			 2);
}

/* Names under which nobody could pull are free when the account is gone; others never. */
H_TEST(public_names_are_not_given_away)
{
	struct arena *a = arena_new();
	const char *sole;
	int64_t quiet = await_h_user("quiet");
	int64_t loud = await_h_user("loud");

	assert_int_equal(await_account_rename(h_db, &admin, quiet, "quieter"), 0);
	assert_int_equal(await_account_rename(h_db, &admin, loud, "louder"), 0);
	await_h_sql(
		"INSERT INTO package (namespace_id, name, publisher_id, published_at) "
		"SELECT id, 'p', id, now() FROM account WHERE login IN ('quieter', 'louder')");
	await_h_sql("UPDATE package SET visibility = 2 WHERE namespace_id = "
		    "(SELECT id FROM account WHERE login = 'louder')");
	await_h_sql("UPDATE package SET visibility = 0");
	assert_int_equal(await_account_rename(h_db, &admin, loud, "loudest"), 0);
	assert_int_equal(await_user_delete(h_db, a, &admin, quiet, &sole), 0);
	assert_int_equal(await_user_delete(h_db, a, &admin, loud, &sole), 0);
	assert_int_equal(await_user_delete(h_db, a, &admin, loud, &sole), ERR_NOT_FOUND);
	assert_int_equal(await_create("quiet"), 0);
	assert_int_equal(await_create("quieter"), 0);
	assert_int_equal(await_create("loud"), ERR_CONFLICT);
	assert_int_equal(await_create("louder"), ERR_CONFLICT);
	assert_int_equal(await_create("loudest"), ERR_CONFLICT);
	arena_free(a);
}

struct naming {
	int64_t account;
	const char *login;
	int rc;
};

static void name_one(void *arg)
{
	struct naming *n = arg;

	n->rc = n->account == 0 ? await_create(n->login)
				: await_account_rename(h_db, &admin, n->account, n->login);
}

H_TEST(one_of_many_gets_a_name)
{
	int64_t id = await_h_user("racer");

	for (int round = 0; round < 10; round++) {
		struct arena *a = arena_new();
		const char *login = arena_printf(a, "prize-%d", round);
		struct naming n[] = {{id, login, 0}, {0, login, 0}, {admin_id, login, 0}};
		int won = 0;

		await_h_all(name_one, n, sizeof(n[0]), 3);
		for (int i = 0; i < 3; i++) {
			won += n[i].rc == 0;
			assert_true(n[i].rc == 0 || n[i].rc == ERR_CONFLICT);
		}
		assert_int_equal(won, 1);
		arena_free(a);
	}
}

H_TEST(robots_are_named_after_their_organization)
{
	struct arena *a = arena_new();
	struct account org;

	assert_int_equal(await_organization_create(h_db, a, &admin, "works", NULL, "old", &org),
			 0);
	await_h_sql(
		"INSERT INTO account (kind, login, organization_id) SELECT 3, 'works+ci', id "
		"FROM account WHERE login = 'works'");
	assert_int_equal(await_account_rename(h_db, &admin, org.id, "factory"), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM account WHERE login = 'factory+ci'"),
			 1);
	arena_free(a);
}

/* Known by its credential, as at each request. */
static enum caller_state await_state(const struct token *t)
{
	struct credential c = {
		.form = CREDENTIAL_ID, .token_id = t->id, .account_id = t->account_id};
	struct caller caller;

	assert_int_equal(await_caller(h_db, &c, &caller), 0);
	return caller.state;
}

static void await_token(int64_t account, struct token *t)
{
	struct token_new wanted = {.kind = TOKEN_PERSONAL, .account_id = account};
	char text[TOKEN_TEXT_LEN + 1];
	struct arena *a = arena_new();

	assert_int_equal(await_token_create(h_db, a, NULL, &wanted, text, t), 0);
	arena_free(a);
}

H_TEST(suspended_is_nobody_at_once)
{
	int64_t id = await_h_user("sue");
	struct token t;

	await_token(id, &t);
	assert_int_equal(await_state(&t), CALLER_ACTIVE);
	assert_int_equal(await_user_suspend(h_db, &admin, id, true, "spam"), 0);
	assert_int_equal(await_user_suspend(h_db, &admin, id, true, NULL), 0);
	assert_int_equal(await_state(&t), CALLER_SUSPENDED);
	assert_int_equal(await_user_suspend(h_db, &admin, id, false, NULL), 0);
	assert_int_equal(await_state(&t), CALLER_ACTIVE);
	assert_int_equal(await_h_int("SELECT count(*) FROM event "
				     "WHERE action LIKE 'user.%suspend'"),
			 2);
	assert_int_equal(await_user_suspend(h_db, &admin, admin_id, true, NULL), ERR_DENIED);
	assert_int_equal(await_user_suspend(h_db, &admin, 4711, true, NULL), ERR_NOT_FOUND);
	assert_int_equal(await_user_suspend(h_db, &(struct actor){.account_id = id}, admin_id,
					    true, NULL),
			 ERR_DENIED);
}

struct demotion {
	int64_t by, of;
	int rc;
};

static void demote_one(void *arg)
{
	struct demotion *d = arg;
	struct actor who = {.account_id = d->by};

	d->rc = await_site_admin_set(h_db, &who, d->of, false);
}

H_TEST(one_site_admin_stays)
{
	int64_t other = await_h_user("vice");
	struct arena *a = arena_new();

	assert_int_equal(await_site_admin_set(h_db, &admin, admin_id, false), ERR_DENIED);
	for (int round = 0; round < 10; round++) {
		struct demotion d[] = {{admin_id, other, 0}, {other, admin_id, 0}};

		assert_int_equal(await_site_admin_set(h_db, &admin, other, true), 0);
		await_h_all(demote_one, d, sizeof(d[0]), 2);
		assert_int_equal(d[0].rc + d[1].rc, ERR_DENIED);
		await_h_sql(arena_printf(a,
					 "UPDATE account SET site_admin = true WHERE id = %lld",
					 (long long)admin_id));
	}
	assert_int_equal(await_site_admin_set(h_db, NULL, other, false), 0);
	arena_free(a);
}

H_TEST(deleted_is_gone_with_all)
{
	struct arena *a = arena_new();
	int64_t id = await_h_user("gone");
	const char *sole = NULL;
	struct account org, found;
	struct token t;

	await_token(id, &t);
	await_h_blob(id, "app", "a blob");
	assert_int_equal(
		await_organization_create(h_db, a, &admin, "widow", NULL, "gone", &org), 0);
	assert_int_equal(await_user_delete(h_db, a, &admin, id, &sole), ERR_CONFLICT);
	assert_string_equal(sole, "widow");
	assert_int_equal(await_state(&t), CALLER_ACTIVE);
	assert_int_equal(await_membership_set(h_db, NULL, org.id, admin_id, MEMBERSHIP_OWNER),
			 0);
	assert_int_equal(await_user_delete(h_db, a, &admin, admin_id, &sole), ERR_DENIED);
	assert_int_equal(await_user_delete(h_db, a, &admin, id, &sole), 0);
	assert_int_equal(await_state(&t), CALLER_UNKNOWN);
	assert_int_equal(await_account_by_login(h_db, a, "gone", &found), ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT count(*) FROM membership m LEFT JOIN account a "
				     "ON a.id = m.account_id WHERE a.login = 'gone'"),
			 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM package p JOIN account a "
				     "ON a.id = p.namespace_id WHERE a.login = 'gone' "
				     "AND p.deleted_at IS NULL"),
			 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit WHERE action IN "
				     "('user.delete', 'package.delete') AND namespace_id = "
				     "(SELECT id FROM account WHERE login = 'gone')"),
			 2);
	/* The same name once more is somebody else. */
	assert_int_equal(await_create("gone"), 0);
	assert_int_equal(await_account_by_login(h_db, a, "gone", &found), 0);
	assert_true(found.id > id);
	assert_int_equal(await_state(&t), CALLER_UNKNOWN);
	arena_free(a);
}

H_TEST(an_organization_ends_for_all)
{
	struct actor member = {.account_id = await_h_user("worker")};
	struct arena *a = arena_new();
	struct account org;
	enum membership role;

	assert_int_equal(await_organization_create(h_db, a, &admin, "ends", NULL, "old", &org),
			 0);
	assert_int_equal(
		await_membership_set(h_db, NULL, org.id, member.account_id, MEMBERSHIP_MEMBER),
		0);
	assert_int_equal(await_organization_delete(h_db, &member, org.id), ERR_DENIED);
	assert_int_equal(await_organization_delete(h_db, &admin, member.account_id),
			 ERR_NOT_FOUND);
	assert_int_equal(await_organization_delete(h_db, &admin, org.id), 0);
	assert_int_equal(await_membership_get(h_db, org.id, member.account_id, &role), 0);
	assert_int_equal(role, MEMBERSHIP_NONE);
	assert_int_equal(
		await_membership_set(h_db, NULL, org.id, member.account_id, MEMBERSHIP_MEMBER),
		ERR_NOT_FOUND);
	arena_free(a);
}

H_TEST(an_organizations_rules)
{
	struct organization_change c = {.base_role = 3,
					.members_create = 0,
					.visibilities = 3,
					.default_visibility = 1,
					.default_inherits = 0,
					.sso_required = 1,
					.description = "we make it"};
	struct organization_change only = {NULL, NULL, NULL, -1, -1, 1, -1, -1, -1};
	struct arena *a = arena_new();
	struct account org;

	assert_int_equal(await_organization_create(h_db, a, &admin, "rules", "R", "old", &org),
			 0);
	assert_int_equal(org.rules.visibilities, 7);
	assert_true(org.rules.members_create && org.rules.default_inherits);
	assert_int_equal(await_organization_set(h_db, &admin, org.id, &c), 0);
	assert_int_equal(await_organization_set(h_db, &admin, org.id, &only), ERR_CONFLICT);
	only.default_visibility = 0;
	assert_int_equal(await_organization_set(h_db, &admin, org.id, &only), 0);
	assert_int_equal(await_account_by_id(h_db, a, org.id, &org), 0);
	assert_string_equal(org.name, "R");
	assert_string_equal(org.description, "we make it");
	assert_int_equal(org.rules.base_role, 3);
	assert_int_equal(org.rules.visibilities, 1);
	assert_int_equal(org.rules.default_visibility, VISIBILITY_PRIVATE);
	assert_false(org.rules.members_create || org.rules.default_inherits);
	assert_true(org.rules.sso_required);
	arena_free(a);
}

struct making {
	int64_t user; /* deletes him, or pushes to him */
	bool deletes;
	int rc;
};

static void delete_or_push(void *arg)
{
	struct making *m = arg;
	struct arena *a = arena_new();
	const char *sole;

	if (m->deletes) {
		m->rc = await_user_delete(h_db, a, &admin, m->user, &sole);
	} else {
		struct actor who = {.account_id = m->user};
		struct package_target target = {.namespace_id = m->user, .name = "late"};
		struct upload u;

		m->rc = await_upload_start(h_db, &who, &target, DIGEST_SHA256, &u);
	}
	arena_free(a);
}

/* No package outlives its account. */
H_TEST(a_package_is_not_made_in_a_deleted_account)
{
	for (int round = 0; round < 20; round++) {
		struct arena *a = arena_new();
		int64_t id = await_h_user(arena_printf(a, "late-%d", round));
		struct making m[] = {{id, false, 0}, {id, true, 0}};

		await_h_all(delete_or_push, m, sizeof(m[0]), 2);
		assert_int_equal(m[1].rc, 0);
		assert_true(m[0].rc == 0 || m[0].rc == ERR_NOT_FOUND);
		arena_free(a);
	}
	assert_int_equal(await_h_int("SELECT count(*) FROM package p JOIN account a "
				     "ON a.id = p.namespace_id WHERE a.deleted_at IS NOT NULL "
				     "AND p.deleted_at IS NULL"),
			 0);
}

/* One transaction marks the account; what it does not hold goes in batches. */
H_TEST(a_large_account_goes_in_batches)
{
	struct arena *a = arena_new();
	int64_t id = await_h_user("large");
	struct collected c;
	const char *sole;

	await_h_sql(
		"INSERT INTO package (namespace_id, name, publisher_id, published_at) "
		"SELECT a.id, 'p' || i, a.id, now() FROM account a, generate_series(1, 1300) i "
		"WHERE a.login = 'large'");
	assert_int_equal(await_user_delete(h_db, a, &admin, id, &sole), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM package p JOIN account a "
				     "ON a.id = p.namespace_id WHERE a.login = 'large' "
				     "AND p.deleted_at IS NULL"),
			 800);
	for (int round = 0; round < 4; round++) {
		assert_int_equal(await_accounts_collect(h_db, &c), 0);
		assert_int_equal(c.seen, 1);
		assert_int_equal(c.gone, COLLECT_BATCH);
	}
	assert_int_equal(await_accounts_collect(h_db, &c), 0);
	assert_int_equal(c.gone, 0);
	assert_int_equal(await_accounts_collect(h_db, &c), 0);
	assert_int_equal(c.seen, 0);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM audit WHERE action = 'package.delete' "
			    "AND namespace_id = (SELECT id FROM account "
			    "WHERE login = 'large')"),
		1300);
	arena_free(a);
}

static void await_manifest(int64_t package, const char *digit, int kind, const char *child)
{
	struct arena *a = arena_new();

	await_h_sql(arena_printf(
		a,
		"INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, size, "
		"pushed_by, bytes) VALUES (%lld, 1, decode(repeat('%s', 64), 'hex'), %d, 'x', "
		"2, 1, '{}')",
		(long long)package, digit, kind));
	if (child != NULL)
		await_h_sql(arena_printf(a,
					 "INSERT INTO manifest_child (manifest_id, package_id, "
					 "algorithm, digest) SELECT max(id), %lld, 1, "
					 "decode(repeat('%s', 64), 'hex') FROM manifest",
					 (long long)package, child));
	arena_free(a);
}

/* A package with a blob, an image that needs it, and an index above; all under tags. */
static int64_t await_full_package(int64_t owner)
{
	int64_t package = await_h_blob(owner, "full", "some bytes");

	await_manifest(package, "a", 1, NULL);
	await_h_sql(
		"INSERT INTO manifest_blob SELECT m.id, l.package_id, l.algorithm, l.digest "
		"FROM package_blob l JOIN manifest m ON m.package_id = l.package_id");
	await_h_sql("INSERT INTO tag (package_id, name, manifest_id, updated_by) "
		    "SELECT package_id, 'image', id, 1 FROM manifest ORDER BY id DESC LIMIT 1");
	await_manifest(package, "b", 2, "a");
	await_h_sql("INSERT INTO tag (package_id, name, manifest_id, updated_by) "
		    "SELECT package_id, 'index', id, 1 FROM manifest ORDER BY id DESC LIMIT 1");
	return package;
}

H_TEST(a_package_comes_back_as_it_was)
{
	int64_t owner = await_h_user("keeper");
	int64_t package = await_full_package(owner);
	struct actor who = {.account_id = owner};
	struct collected c;

	assert_int_equal(await_package_restore(h_db, &who, package), ERR_NOT_FOUND);
	assert_int_equal(await_package_delete(h_db, &who, package), 0);
	assert_int_equal(await_package_delete(h_db, &who, package), ERR_NOT_FOUND);
	assert_int_equal(await_packages_collect(h_db, 3600000, &c), 0);
	assert_int_equal(c.seen, 0);
	await_h_sql("INSERT INTO package (namespace_id, name, publisher_id, published_at) "
		    "SELECT id, 'full', id, now() FROM account WHERE login = 'keeper'");
	assert_int_equal(await_package_restore(h_db, &who, package), ERR_CONFLICT);
	await_h_sql("UPDATE package SET name = 'other' WHERE name = 'full' "
		    "AND deleted_at IS NULL");
	assert_int_equal(await_package_restore(h_db, &who, package), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM tag"), 2);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest WHERE deleted_at IS NULL"),
			 2);
	assert_int_equal(await_packages_collect(h_db, 0, &c), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM tag"), 2);
}

/* Until nothing is due any more. */
static void await_collect_all(void)
{
	struct collected c = {.seen = 1};

	for (int i = 0; i < 10000 && c.seen > 0; i++)
		assert_int_equal(await_packages_collect(h_db, 0, &c), 0);
	assert_int_equal(c.seen, 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(await_manifests_collect(h_db, 0, &c), 0);
		assert_int_equal(await_links_collect(h_db, &c), 0);
		assert_int_equal(await_blobs_collect(h_db, &c), 0);
	}
}

/* Tags, manifests, links, blobs; what was pushed meanwhile, too. */
H_TEST(a_deleted_package_is_taken_apart)
{
	struct arena *a = arena_new();
	struct account keeper;
	int64_t package;

	assert_int_equal(await_account_by_login(h_db, a, "keeper", &keeper), 0);
	package = await_h_int("SELECT id FROM package WHERE name = 'full'");
	assert_int_equal(await_package_delete(h_db, NULL, package), 0);
	await_h_sql("UPDATE package_blob SET protect_until = now(), review_at = now()");
	await_collect_all();
	assert_int_equal(await_h_int("SELECT (SELECT count(*) FROM tag) + "
				     "(SELECT count(*) FROM manifest)"),
			 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM package_blob l JOIN package p "
				     "ON p.id = l.package_id WHERE p.name = 'full'"),
			 0);
	assert_int_equal(await_package_restore(h_db, NULL, package), ERR_NOT_FOUND);
	/* A push that had been let in before. */
	await_manifest(package, "c", 1, NULL);
	await_collect_all();
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest"), 1);
	await_h_sql("UPDATE package SET deleted_at = deleted_at - interval '11 minutes', "
		    "collect_at = collect_at - interval '11 minutes'");
	await_collect_all();
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest"), 0);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM package WHERE collect_at IS NOT NULL"), 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_site_admin),
		cmocka_unit_test(an_old_name_leads_to_the_account),
		cmocka_unit_test(public_names_are_not_given_away),
		cmocka_unit_test(one_of_many_gets_a_name),
		cmocka_unit_test(robots_are_named_after_their_organization),
		cmocka_unit_test(suspended_is_nobody_at_once),
		cmocka_unit_test(one_site_admin_stays),
		cmocka_unit_test(deleted_is_gone_with_all),
		cmocka_unit_test(an_organization_ends_for_all),
		cmocka_unit_test(an_organizations_rules),
		cmocka_unit_test(a_package_is_not_made_in_a_deleted_account),
		cmocka_unit_test(a_large_account_goes_in_batches),
		cmocka_unit_test(a_package_comes_back_as_it_was),
		cmocka_unit_test(a_deleted_package_is_taken_apart),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
