/*
 * What explains a role leads to the role that is decided: over hundreds of ways in which
 * grants, teams, repositories, visibility and memberships come together.
 */
#include "metadb/explain.h"
#include "tests/db/settings_world.h"

#define ROUNDS 400

static unsigned dice_state = 20261128;

/* 0 to below − 1, the same in every run. */
static int dice(int below)
{
	dice_state = dice_state * 1103515245U + 12345U;
	return (int)((dice_state >> 16) % (unsigned)below);
}

/* Everything that may give a role to somebody on the package, at random. */
static void await_shuffle(int64_t package)
{
	static const char *const people[] = {"member", "outsider", "acme+ci", "owner"};
	long long p = (long long)package;

	await_sql("DELETE FROM package_grant WHERE package_id = %lld", p);
	await_sql("DELETE FROM package_team WHERE package_id = %lld", p);
	await_h_sql("DELETE FROM team_member");
	await_h_sql("DELETE FROM repository_grant");
	await_h_sql("DELETE FROM repository_team");
	await_sql("UPDATE package SET visibility = %d, inherits = %s WHERE id = %lld", dice(3),
		  dice(2) ? "true" : "false", p);
	await_sql("UPDATE account SET base_role = (ARRAY[0, 1, 3, 5])[%d] WHERE login = 'acme'",
		  1 + dice(4));
	for (int i = 0; i < 4; i++) {
		if (dice(2))
			await_sql("INSERT INTO package_grant (package_id, account_id, role) "
				  "SELECT %lld, id, %d FROM account WHERE login = '%s'",
				  p, 1 + dice(3), people[i]);
		if (dice(2))
			await_sql("INSERT INTO repository_grant (repository_id, account_id, "
				  "role) SELECT r.id, a.id, %d FROM repository r, account a "
				  "WHERE r.key = 'site' AND a.login = '%s'",
				  1 + dice(5), people[i]);
		if (dice(2) && i != 1)
			await_sql("INSERT INTO team_member (team_id, account_id) "
				  "SELECT t.id, a.id FROM team t, account a "
				  "WHERE t.slug = '%s' AND a.login = '%s'",
				  dice(2) ? "web" : "dark", people[i]);
	}
	if (dice(2))
		await_sql("INSERT INTO package_team (package_id, team_id, role) "
			  "SELECT %lld, id, %d FROM team WHERE slug = 'web'",
			  p, 1 + dice(3));
	if (dice(2))
		await_sql("INSERT INTO repository_team (repository_id, team_id, role) "
			  "SELECT r.id, t.id, %d FROM repository r, team t "
			  "WHERE r.key = 'site' AND t.slug = 'web'",
			  1 + dice(5));
}

/* The role of the ways that count. */
static enum role told(const struct explanation *e)
{
	enum role most = ROLE_NONE;

	for (size_t i = 0; i < e->count; i++) {
		const struct reason *r = &e->reason[i];
		bool counts = r->kind != REASON_GRANT || e->insider ||
			      e->visibility == VISIBILITY_PUBLIC;

		if (counts && r->role > most)
			most = r->role;
	}
	return most;
}

H_TEST(the_ways_lead_to_what_is_decided)
{
	static const char *const people[] = {"member", "outsider", "acme+ci", "owner"};
	int64_t p = await_package(acme, "explained", VISIBILITY_PRIVATE);
	int seen[4] = {0};

	await_sql("INSERT INTO team_path SELECT id, id, 0 FROM team");
	await_sql("INSERT INTO team_path SELECT d.id, w.id, 1 FROM team d, team w "
		  "WHERE d.slug = 'dark' AND w.slug = 'web'");
	assert_int_equal(await_package_link(h_db, &owner, p, "acme", "site"), 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct arena *a = arena_new();

		await_shuffle(p);
		for (int i = 0; i < 4; i++) {
			struct explanation e;

			assert_int_equal(await_explain_person(h_db, a, p, people[i], &e), 0);
			assert_int_equal(told(&e), e.role);
			seen[e.role]++;
		}
		arena_free(a);
	}
	for (int i = 0; i < 4; i++)
		assert_true(seen[i] > ROUNDS / 20);
}

H_TEST(who_is_not_there_is_not_explained)
{
	int64_t p = await_package(acme, "silent", VISIBILITY_PRIVATE);
	struct token_asker nobody = {.account_id = outsider.account_id};
	struct arena *a = arena_new();
	struct token_explanation t;
	struct explanation e;

	assert_int_equal(await_explain_person(h_db, a, p, "nobody", &e), ERR_NOT_FOUND);
	assert_int_equal(await_explain_person(h_db, a, p, "acme", &e), ERR_NOT_FOUND);
	assert_int_equal(await_explain_person(h_db, a, p + 1000, "owner", &e), ERR_NOT_FOUND);
	assert_int_equal(await_explain_token(h_db, a, p, 12345, nobody, &t), ERR_NOT_FOUND);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_people_teams_and_repositories),
		cmocka_unit_test(the_ways_lead_to_what_is_decided),
		cmocka_unit_test(who_is_not_there_is_not_explained),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
