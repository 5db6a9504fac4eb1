/*
 * Settings of packages: whom a grant may go to, what inheriting overwrites, what links give and
 * take, who may make what visible.
 */
#include "metadb/package_detail.h"
#include "tests/db/settings_world.h"

#define ROUNDS 24

H_TEST(grants_go_to_people_of_the_organization)
{
	int64_t p = await_package(acme, "grants", VISIBILITY_PRIVATE);

	assert_int_equal(await_package_grant_set(h_db, &member, p, "owner", ROLE_READ), 0);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "acme+ci", ROLE_WRITE), 0);
	for (enum visibility v = VISIBILITY_PRIVATE; v <= VISIBILITY_INTERNAL; v++) {
		await_sql("UPDATE package SET visibility = %d WHERE id = %lld", v,
			  (long long)p);
		assert_int_equal(
			await_package_grant_set(h_db, &member, p, "outsider", ROLE_READ),
			SETTINGS_OUTSIDER);
		assert_int_equal(
			await_package_grant_set(h_db, &member, p, "globex+ci", ROLE_READ),
			SETTINGS_OUTSIDER);
	}
	await_sql("UPDATE package SET visibility = 2 WHERE id = %lld", (long long)p);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "outsider", ROLE_WRITE), 0);
	await_sql("UPDATE package SET visibility = 0 WHERE id = %lld", (long long)p);
	assert_int_equal(await_granted(p, "outsider"), ROLE_WRITE);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "outsider", ROLE_NONE), 0);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "outsider", ROLE_NONE),
			 SETTINGS_UNKNOWN);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "nobody", ROLE_READ),
			 SETTINGS_UNKNOWN);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "acme", ROLE_READ),
			 SETTINGS_UNKNOWN);
	assert_int_equal(await_granted(p, "outsider"), ROLE_NONE);
	assert_int_equal(await_granted(p, "acme+ci"), ROLE_WRITE);
	assert_int_equal(await_events(p, "package.access_set"), 4);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "acme+ci", ROLE_WRITE), 0);
	assert_int_equal(await_events(p, "package.access_set"), 4);
}

H_TEST(a_users_package_is_open_to_anybody_and_to_no_team)
{
	int64_t p = await_package(member.account_id, "mine", VISIBILITY_PRIVATE);

	assert_int_equal(await_package_grant_set(h_db, &member, p, "outsider", ROLE_READ), 0);
	assert_int_equal(await_package_team_set(h_db, &member, p, "web", ROLE_READ),
			 SETTINGS_NO_TEAMS);
	assert_int_equal(await_package_visibility_set(h_db, &member, p, VISIBILITY_INTERNAL),
			 SETTINGS_NO_INTERNAL);
	assert_int_equal(await_package_visibility_set(h_db, &member, p, VISIBILITY_PUBLIC), 0);
	assert_int_equal(await_package_visibility_set(h_db, &member, p, VISIBILITY_PRIVATE), 0);
	assert_int_equal(await_events(p, "package.visibility_set"), 2);
}

/* Teams of other organizations are unknown, and secret ones of one's own to whoever is not in
 * them. */
H_TEST(teams_are_those_one_may_know)
{
	int64_t p = await_package(acme, "teams", VISIBILITY_PUBLIC);

	assert_int_equal(await_package_team_set(h_db, &member, p, "web", ROLE_WRITE), 0);
	assert_int_equal(await_package_team_set(h_db, &member, p, "ops", ROLE_READ),
			 SETTINGS_UNKNOWN);
	assert_int_equal(await_package_team_set(h_db, &member, p, "dark", ROLE_READ),
			 SETTINGS_UNKNOWN);
	assert_int_equal(await_package_team_set(h_db, &owner, p, "dark", ROLE_READ), 0);
	assert_int_equal(await_package_team_set(h_db, &member, p, "dark", ROLE_ADMIN), 0);
	assert_int_equal(await_package_team_set(h_db, &member, p, "dark", ROLE_NONE), 0);
	assert_int_equal(await_package_team_set(h_db, &member, p, "dark", ROLE_NONE),
			 SETTINGS_UNKNOWN);
	assert_int_equal(await_count("SELECT role FROM package_team WHERE package_id = %lld",
				     (long long)p),
			 ROLE_WRITE);
}

/* Who may write to the repository of acme that is called docs. */
static void await_writer(struct actor *who)
{
	await_sql(
		"INSERT INTO repository_grant (repository_id, account_id, role) "
		"SELECT id, %lld, 3 FROM repository WHERE key = 'docs' ON CONFLICT DO NOTHING",
		(long long)who->account_id);
}

static int64_t await_linked(int64_t package, const char *key)
{
	return await_count("SELECT count(*) FROM package p JOIN repository r "
			   "ON r.id = p.repository_id WHERE p.id = %lld AND r.key = '%s' "
			   "AND p.linked_by = 3",
			   (long long)package, key);
}

static int64_t await_workflow_role(int64_t package, const char *key)
{
	return await_count("SELECT coalesce((SELECT l.role FROM package_actions l "
			   "JOIN repository r ON r.id = l.repository_id "
			   "WHERE l.package_id = %lld AND r.key = '%s'), 0)::int",
			   (long long)package, key);
}

H_TEST(a_link_needs_a_writer_and_gives_workflows_admin)
{
	int64_t p = await_package(acme, "links", VISIBILITY_PRIVATE);

	assert_int_equal(await_package_link(h_db, &member, p, "acme", "site"),
			 SETTINGS_NO_WRITER);
	assert_int_equal(await_package_link(h_db, &member, p, "globex", "open"),
			 SETTINGS_ELSEWHERE);
	assert_int_equal(await_package_link(h_db, &member, p, "globex", "closed"),
			 SETTINGS_UNKNOWN);
	assert_int_equal(await_package_link(h_db, &member, p, "acme", "none"),
			 SETTINGS_UNKNOWN);
	assert_int_equal(await_package_unlink(h_db, &member, p), SETTINGS_UNLINKED);
	await_writer(&member);
	assert_int_equal(await_package_link(h_db, &member, p, "acme", "DOCS"), 0);
	assert_int_equal(await_package_link(h_db, &member, p, "acme", "docs"), 0);
	assert_int_equal(await_events(p, "package.link"), 1);
	assert_int_equal(await_linked(p, "docs"), 1);
	assert_int_equal(await_workflow_role(p, "docs"), ROLE_ADMIN);
	assert_int_equal(
		await_count("SELECT inherits::int FROM package WHERE id = %lld", (long long)p),
		0);
	assert_int_equal(await_package_link(h_db, &owner, p, "acme", "site"), 0);
	assert_int_equal(await_linked(p, "site"), 1);
	assert_int_equal(await_workflow_role(p, "docs"), ROLE_NONE);
	assert_int_equal(await_granted(p, "member"), ROLE_ADMIN);
	assert_int_equal(await_package_unlink(h_db, &member, p), 0);
	assert_int_equal(await_workflow_role(p, "site"), ROLE_NONE);
	assert_int_equal(await_events(p, "package.unlink"), 2);
}

/* Own grants are gone with the switch, either way; whoever ends it is the only direct admin. */
H_TEST(inheriting_overwrites)
{
	int64_t p = await_package(acme, "inherits", VISIBILITY_PRIVATE);

	assert_int_equal(await_package_inherit_set(h_db, &owner, p, true), SETTINGS_UNLINKED);
	assert_int_equal(await_package_link(h_db, &owner, p, "acme", "site"), 0);
	assert_int_equal(await_package_team_set(h_db, &owner, p, "web", ROLE_READ), 0);
	await_sql("INSERT INTO repository_grant (repository_id, account_id, role) "
		  "SELECT id, %lld, 5 FROM repository WHERE key = 'site'",
		  (long long)member.account_id);
	for (int ended_by_unlink = 0; ended_by_unlink < 2; ended_by_unlink++) {
		assert_int_equal(await_package_inherit_set(h_db, &owner, p, true), 0);
		assert_int_equal(
			await_count(
				"SELECT count(*) FROM (SELECT package_id FROM package_grant "
				"UNION ALL SELECT package_id FROM package_team) l "
				"WHERE package_id = %lld",
				(long long)p),
			0);
		assert_int_equal(await_package_grant_set(h_db, &owner, p, "member", ROLE_READ),
				 SETTINGS_INHERITS);
		assert_int_equal(await_package_team_set(h_db, &owner, p, "web", ROLE_READ),
				 SETTINGS_INHERITS);
		assert_int_equal(
			await_package_actions_set(h_db, &owner, p, "acme", "docs", ROLE_READ),
			0);
		assert_int_equal(ended_by_unlink
					 ? await_package_unlink(h_db, &member, p)
					 : await_package_inherit_set(h_db, &member, p, false),
				 0);
		assert_int_equal(await_granted(p, "member"), ROLE_ADMIN);
		assert_int_equal(await_count("SELECT count(*) FROM package_grant "
					     "WHERE package_id = %lld",
					     (long long)p),
				 1);
		assert_int_equal(await_count("SELECT inherits::int FROM package "
					     "WHERE id = %lld",
					     (long long)p),
				 0);
	}
	assert_int_equal(await_events(p, "package.inherit_set"), 3);
}

H_TEST(workflows_and_codespaces_are_of_repositories_one_may_know)
{
	int64_t p = await_package(acme, "flows", VISIBILITY_PRIVATE);

	assert_int_equal(
		await_package_actions_set(h_db, &member, p, "acme", "SITE", ROLE_WRITE), 0);
	assert_int_equal(await_workflow_role(p, "site"), ROLE_WRITE);
	assert_int_equal(await_package_codespace_set(h_db, &member, p, "acme", "site", true),
			 0);
	assert_int_equal(await_package_codespace_set(h_db, &member, p, "acme", "site", true),
			 0);
	assert_int_equal(await_events(p, "package.codespaces_set"), 1);
	assert_int_equal(
		await_package_actions_set(h_db, &member, p, "globex", "open", ROLE_READ),
		SETTINGS_OUTSIDER);
	assert_int_equal(await_package_codespace_set(h_db, &member, p, "globex", "open", true),
			 SETTINGS_OUTSIDER);
	assert_int_equal(
		await_package_actions_set(h_db, &member, p, "globex", "closed", ROLE_READ),
		SETTINGS_UNKNOWN);
	assert_int_equal(await_package_visibility_set(h_db, &owner, p, VISIBILITY_PUBLIC), 0);
	assert_int_equal(
		await_package_actions_set(h_db, &member, p, "globex", "open", ROLE_READ), 0);
	assert_int_equal(await_package_visibility_set(h_db, &owner, p, VISIBILITY_INTERNAL), 0);
	assert_int_equal(await_workflow_role(p, "open"), ROLE_NONE);
	assert_int_equal(await_workflow_role(p, "site"), ROLE_WRITE);
	assert_int_equal(await_package_codespace_set(h_db, &member, p, "acme", "site", false),
			 0);
	assert_int_equal(await_package_codespace_set(h_db, &member, p, "acme", "site", false),
			 SETTINGS_UNKNOWN);
}

H_TEST(visibility_is_what_the_organization_allows)
{
	int64_t p = await_package(acme, "seen", VISIBILITY_PRIVATE);

	await_sql("UPDATE account SET visibilities = 3 WHERE id = %lld", (long long)acme);
	assert_int_equal(await_package_visibility_set(h_db, &owner, p, VISIBILITY_PUBLIC),
			 SETTINGS_POLICY);
	assert_int_equal(await_package_visibility_set(h_db, &member, p, VISIBILITY_INTERNAL),
			 0);
	await_sql("UPDATE account SET visibilities = 7 WHERE id = %lld", (long long)acme);
	assert_int_equal(await_package_visibility_set(h_db, &member, p, VISIBILITY_PUBLIC), 0);
	assert_int_equal(await_package_visibility_set(h_db, &member, p, VISIBILITY_PRIVATE),
			 SETTINGS_OWNERS_ONLY);
	assert_int_equal(await_package_visibility_set(h_db, &member, p, VISIBILITY_PUBLIC), 0);
	assert_int_equal(await_package_visibility_set(h_db, &owner, p, VISIBILITY_PRIVATE), 0);
	assert_int_equal(await_events(p, "package.visibility_set"), 3);
}

H_TEST(lists_and_details)
{
	int64_t p = await_package(acme, "lists", VISIBILITY_PUBLIC);
	struct arena *a = arena_new();
	struct package_part two = {.limit = 2};
	struct package_viewer eyes[] = {
		{.account_id = owner.account_id},
		{.knows_link = true},
		{.account_id = outsider.account_id},
		{.account_id = owner.account_id, .repository_id = 1 << 20},
		{0}};
	struct package_detail detail;
	struct package_list list;

	assert_int_equal(await_package_grant_set(h_db, &member, p, "outsider", ROLE_READ), 0);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "owner", ROLE_WRITE), 0);
	assert_int_equal(await_package_link(h_db, &owner, p, "acme", "site"), 0);
	assert_int_equal(await_package_detail(h_db, a, p, eyes[0], &detail), 0);
	assert_string_equal(detail.owner.login, "acme");
	assert_string_equal(detail.package.name, "lists");
	assert_true(detail.linked && !detail.inherits && detail.version_count == 0);
	assert_string_equal(detail.repository.name, "Site");
	assert_string_equal(detail.repository.owner.login, "acme");
	for (int i = 0; i < 5; i++) {
		assert_int_equal(await_package_detail(h_db, a, p, eyes[i], &detail), 0);
		assert_int_equal(detail.linked, i < 2);
	}
	await_sql("UPDATE package SET visibility = 0 WHERE id = %lld", (long long)p);
	assert_int_equal(await_package_people(h_db, a, p, two, &list), 0);
	assert_int_equal(list.total, 3);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.person[0].account.login, "owner");
	assert_true(list.person[0].role == ROLE_WRITE && list.person[0].counts);
	two.offset = 2;
	assert_int_equal(await_package_people(h_db, a, p, two, &list), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.person[0].account.login, "outsider");
	assert_false(list.person[0].counts);
	assert_int_equal(
		await_package_actions(h_db, a, p, (struct package_part){.limit = 9}, &list), 0);
	assert_true(list.count == 1 && list.repository[0].role == ROLE_ADMIN);
	assert_string_equal(list.repository[0].repository.name, "Site");
	arena_free(a);
}

/* Whoever was an admin when his rights were looked up, and is none any more, changes nothing.
 */
H_TEST(only_admins_change_settings)
{
	int64_t p = await_package(acme, "guarded", VISIBILITY_PUBLIC);

	assert_int_equal(await_package_grant_set(h_db, &member, p, "outsider", ROLE_WRITE), 0);
	assert_int_equal(await_package_grant_set(h_db, &outsider, p, "outsider", ROLE_ADMIN),
			 ERR_CONFLICT);
	assert_int_equal(await_package_visibility_set(h_db, &outsider, p, VISIBILITY_INTERNAL),
			 ERR_CONFLICT);
	assert_int_equal(await_package_grant_set(h_db, &owner, p, "member", ROLE_WRITE), 0);
	assert_int_equal(await_package_grant_set(h_db, &member, p, "member", ROLE_ADMIN),
			 ERR_CONFLICT);
	assert_int_equal(await_package_rename(h_db, &member, p, "mine"), ERR_CONFLICT);
	assert_int_equal(await_package_transfer(h_db, &member, p, "member"), ERR_CONFLICT);
	assert_int_equal(await_granted(p, "outsider"), ROLE_WRITE);
}

/* Takes the other's role back after a moment, in a task of its own. */
struct duel {
	struct actor who;
	int64_t package;
	const char *other;
	int delay;
	int rc;
};

static void fight(void *arg)
{
	struct duel *d = arg;

	assert_int_equal(await_sleep(d->delay), 0);
	d->rc = await_package_grant_set(h_db, &d->who, d->package, d->other, ROLE_NONE);
}

/* Of two admins who take each other's role back one is left. */
H_TEST(an_admin_is_left)
{
	int64_t p = await_package(acme, "duel", VISIBILITY_PRIVATE);
	int64_t robot = await_h_int("SELECT id FROM account WHERE login = 'acme+ci'");
	int won[2] = {0, 0};

	for (int round = 0; round < ROUNDS; round++) {
		struct duel d[2] = {{.who = member, .package = p, .other = "acme+ci"},
				    {.package = p, .other = "member"}};

		d[1].who.account_id = robot;
		d[0].delay = round % 3;
		d[1].delay = round % 2;
		assert_int_equal(await_package_grant_set(h_db, &owner, p, "member", ROLE_ADMIN),
				 0);
		assert_int_equal(
			await_package_grant_set(h_db, &owner, p, "acme+ci", ROLE_ADMIN), 0);
		await_h_all(fight, d, sizeof(d[0]), 2);
		assert_int_equal(d[0].rc == 0, d[1].rc != 0);
		assert_int_equal(d[0].rc + d[1].rc, ERR_CONFLICT);
		assert_int_equal(await_granted(p, d[0].rc == 0 ? "member" : "acme+ci"),
				 ROLE_ADMIN);
		won[d[0].rc == 0]++;
	}
	assert_true(won[0] > 0 && won[1] > 0);
}

/* A package that is gone, or has had no manifest yet, has no settings. */
H_TEST(what_is_not_there_has_no_settings)
{
	int64_t p = await_package(acme, "gone", VISIBILITY_PRIVATE);
	static const char *const states[] = {"deleted_at = now()",
					     "deleted_at = NULL, published_at = NULL"};
	struct arena *a = arena_new();
	struct package_detail detail;

	for (int i = 0; i < 2; i++) {
		await_sql("UPDATE package SET %s WHERE id = %lld", states[i], (long long)p);
		assert_int_equal(await_package_grant_set(h_db, &owner, p, "owner", ROLE_READ),
				 ERR_NOT_FOUND);
		assert_int_equal(await_package_team_set(h_db, &owner, p, "web", ROLE_READ),
				 ERR_NOT_FOUND);
		assert_int_equal(await_package_inherit_set(h_db, &owner, p, true),
				 ERR_NOT_FOUND);
		assert_int_equal(
			await_package_actions_set(h_db, &owner, p, "acme", "site", ROLE_READ),
			ERR_NOT_FOUND);
		assert_int_equal(
			await_package_codespace_set(h_db, &owner, p, "acme", "site", true),
			ERR_NOT_FOUND);
		assert_int_equal(
			await_package_visibility_set(h_db, &owner, p, VISIBILITY_PUBLIC),
			ERR_NOT_FOUND);
		assert_int_equal(await_package_link(h_db, &owner, p, "acme", "site"),
				 ERR_NOT_FOUND);
		assert_int_equal(await_package_unlink(h_db, &owner, p), ERR_NOT_FOUND);
		assert_int_equal(await_package_rename(h_db, &owner, p, "x"), ERR_NOT_FOUND);
		assert_int_equal(await_package_transfer(h_db, &owner, p, "globex"),
				 ERR_NOT_FOUND);
		assert_int_equal(
			await_package_detail(h_db, a, p, (struct package_viewer){0}, &detail),
			ERR_NOT_FOUND);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_people_teams_and_repositories),
		cmocka_unit_test(grants_go_to_people_of_the_organization),
		cmocka_unit_test(a_users_package_is_open_to_anybody_and_to_no_team),
		cmocka_unit_test(teams_are_those_one_may_know),
		cmocka_unit_test(a_link_needs_a_writer_and_gives_workflows_admin),
		cmocka_unit_test(inheriting_overwrites),
		cmocka_unit_test(workflows_and_codespaces_are_of_repositories_one_may_know),
		cmocka_unit_test(visibility_is_what_the_organization_allows),
		cmocka_unit_test(lists_and_details),
		cmocka_unit_test(only_admins_change_settings),
		cmocka_unit_test(an_admin_is_left),
		cmocka_unit_test(what_is_not_there_has_no_settings),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
