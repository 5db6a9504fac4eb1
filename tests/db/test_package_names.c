/*
 * Names of packages: a former one leads to the package, a name has one meaning, and what does
 * not fit where a package goes ends.
 */
#include "tests/db/settings_world.h"

#define ROUNDS 16

static int64_t await_leads(int64_t namespace, const char *name)
{
	return await_count("SELECT coalesce((SELECT package_id FROM package_alias "
			   "WHERE namespace_id = %lld AND name = '%s'), 0)",
			   (long long)namespace, name);
}

H_TEST(a_former_name_leads_to_the_package_and_is_nobody_elses)
{
	int64_t p = await_package(acme, "old", VISIBILITY_PRIVATE);
	int64_t other = await_package(acme, "other", VISIBILITY_PRIVATE);
	struct package_target target = {.namespace_id = acme, .name = "old"};
	struct upload u;

	await_sql("INSERT INTO token (account_id, kind, hash, hint, scopes, limited) "
		  "VALUES (%lld, 1, sha256('t'), '', 0, true)",
		  (long long)member.account_id);
	await_sql("INSERT INTO token_limit SELECT id, %lld, 'old' FROM token "
		  "WHERE hash = sha256('t')",
		  (long long)acme);
	assert_int_equal(await_package_rename(h_db, &member, p, "other"), SETTINGS_TAKEN);
	assert_int_equal(await_package_rename(h_db, &member, p, "new/name"), 0);
	assert_int_equal(await_package_rename(h_db, &member, p, "new/name"), 0);
	assert_int_equal(await_events(p, "package.rename"), 1);
	assert_int_equal(await_leads(acme, "old"), p);
	assert_int_equal(await_package_rename(h_db, &member, other, "old"), SETTINGS_ALIAS);
	assert_int_equal(await_leads(acme, "old"), p);
	assert_int_equal(
		await_count("SELECT count(*) FROM package WHERE id = %lld AND name = 'other'",
			    (long long)other),
		1);
	assert_int_equal(await_upload_start(h_db, &member, &target, DIGEST_SHA256, &u),
			 ERR_CONFLICT);
	assert_int_equal(await_count("SELECT count(*) FROM package_grant g JOIN token_limit l "
				     "ON l.name = g.name WHERE g.package_id = %lld "
				     "AND g.name = 'new/name' AND l.namespace_id = %lld",
				     (long long)p, (long long)acme),
			 1);
	assert_int_equal(await_package_alias_end(h_db, &member, acme, "old", other),
			 ERR_NOT_FOUND);
	assert_int_equal(await_package_rename(h_db, &member, p, "old"), 0);
	assert_int_equal(await_leads(acme, "old"), 0);
	assert_int_equal(await_leads(acme, "new/name"), p);
	assert_int_equal(await_package_alias_end(h_db, &member, acme, "new/name", p), 0);
	assert_int_equal(await_package_alias_end(h_db, &member, acme, "new/name", p),
			 ERR_NOT_FOUND);
	target.name = "new/name";
	assert_int_equal(await_upload_start(h_db, &member, &target, DIGEST_SHA256, &u), 0);
}

/* What several try at the same moment to be called. */
struct wish {
	int64_t package; /* 0: a push makes it */
	const char *name;
	int delay;
	int rc;
};

static void make_wish(void *arg)
{
	struct package_target target = {.namespace_id = acme};
	struct wish *w = arg;
	struct upload u;

	assert_int_equal(await_sleep(w->delay), 0);
	target.name = w->name;
	if (w->package != 0)
		w->rc = await_package_rename(h_db, &member, w->package, w->name);
	else
		w->rc = await_upload_start(h_db, &member, &target, DIGEST_SHA256, &u);
}

#define NAME_OF_TWO                                                                \
	"SELECT count(*) FROM package_alias a JOIN package p ON p.namespace_id = " \
	"a.namespace_id AND p.name = a.name AND p.deleted_at IS NULL AND p.id <> " \
	"a.package_id JOIN package q ON q.id = a.package_id AND q.deleted_at IS NULL"

/* A package leaves a name while a push and another package come to it: the name has one
 * meaning. */
H_TEST(a_name_has_one_meaning)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct wish w[3] = {{.name = "left"}, {.name = "left"}, {.delay = round % 5}};
		char away[32], from[32];

		snprintf(away, sizeof(away), "away-%d", round);
		snprintf(from, sizeof(from), "from-%d", round);
		w[2].package = await_package(acme, "left", VISIBILITY_PRIVATE);
		w[2].name = away;
		w[0].package = await_package(acme, from, VISIBILITY_PRIVATE);
		w[0].delay = round % 3;
		w[1].delay = round % 4;
		await_h_all(make_wish, w, sizeof(w[0]), 3);
		assert_int_equal(w[2].rc, 0);
		assert_true(w[0].rc == SETTINGS_TAKEN || w[0].rc == SETTINGS_ALIAS);
		/* The push found its own package there, or the name led away already. */
		assert_true(w[1].rc == 0 || w[1].rc == ERR_CONFLICT);
		assert_int_equal(await_h_int(NAME_OF_TWO), 0);
		assert_int_equal(await_package_alias_end(h_db, &member, acme, "left", 0), 0);
	}
}

H_TEST(a_transfer_keeps_what_fits)
{
	int64_t p = await_package(acme, "goes", VISIBILITY_INTERNAL);
	int64_t there = await_package(globex, "goes", VISIBILITY_PRIVATE);

	assert_int_equal(await_package_grant_set(h_db, &owner, p, "acme+ci", ROLE_WRITE), 0);
	assert_int_equal(await_package_team_set(h_db, &owner, p, "web", ROLE_READ), 0);
	assert_int_equal(await_package_link(h_db, &owner, p, "acme", "site"), 0);
	assert_int_equal(await_package_codespace_set(h_db, &owner, p, "acme", "docs", true), 0);
	assert_int_equal(await_package_transfer(h_db, &member, p, "globex"),
			 SETTINGS_NO_CREATOR);
	assert_int_equal(await_package_transfer(h_db, &member, p, "nobody"), SETTINGS_UNKNOWN);
	assert_int_equal(await_package_transfer(h_db, &member, p, "acme+ci"), SETTINGS_UNKNOWN);
	assert_int_equal(await_package_transfer(h_db, &owner, p, "owner"),
			 SETTINGS_NO_INTERNAL);
	assert_int_equal(await_package_transfer(h_db, &owner, p, "globex"), SETTINGS_TAKEN);
	await_sql("UPDATE package SET deleted_at = now() WHERE id = %lld", (long long)there);
	await_sql("UPDATE account SET visibilities = 1 WHERE id = %lld", (long long)globex);
	assert_int_equal(await_package_transfer(h_db, &owner, p, "globex"), SETTINGS_POLICY);
	await_sql("UPDATE account SET visibilities = 7 WHERE id = %lld", (long long)globex);
	assert_int_equal(await_package_transfer(h_db, &owner, p, "globex"), 0);
	assert_int_equal(await_leads(acme, "goes"), p);
	assert_int_equal(await_granted(p, "owner"), ROLE_ADMIN);
	assert_int_equal(
		await_count(
			"SELECT (SELECT count(*) FROM package_grant g "
			"WHERE g.package_id = p.id AND g.namespace_id = %lld) "
			"+ 10 * (SELECT count(*) FROM package_team t WHERE t.package_id = p.id)"
			"+ 10 * (SELECT count(*) FROM package_actions l "
			"WHERE l.package_id = p.id)"
			"+ 10 * (SELECT count(*) FROM package_codespace c "
			"WHERE c.package_id = p.id)"
			"+ 10 * (p.repository_id IS NOT NULL)::int "
			"FROM package p WHERE p.id = %lld AND p.namespace_id = %lld",
			(long long)globex, (long long)p, (long long)globex),
		1);
	assert_int_equal(await_events(p, "package.transfer"), 1);
	assert_int_equal(await_count("SELECT count(*) FROM event WHERE action = "
				     "'package.receive' AND namespace_id = %lld",
				     (long long)globex),
			 1);
	assert_int_equal(await_package_transfer(h_db, &owner, p, "globex"), 0);
	assert_int_equal(await_package_alias_end(h_db, &owner, acme, "goes", 0), 0);
}

/* To a user goes what anybody may have been given; robots stay at home. */
H_TEST(a_users_package_may_be_anybodys_but_no_foreign_robots)
{
	int64_t p = await_package(acme, "home", VISIBILITY_PUBLIC);

	assert_int_equal(await_package_grant_set(h_db, &member, p, "acme+ci", ROLE_WRITE), 0);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "outsider", ROLE_READ), 0);
	assert_int_equal(await_package_transfer(h_db, &member, p, "member"), 0);
	assert_int_equal(await_granted(p, "outsider"), ROLE_READ);
	assert_int_equal(await_granted(p, "acme+ci"), ROLE_NONE);
	assert_int_equal(await_granted(p, "member"), ROLE_ADMIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_people_teams_and_repositories),
		cmocka_unit_test(a_former_name_leads_to_the_package_and_is_nobody_elses),
		cmocka_unit_test(a_name_has_one_meaning),
		cmocka_unit_test(a_transfer_keeps_what_fits),
		cmocka_unit_test(a_users_package_may_be_anybodys_but_no_foreign_robots),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
