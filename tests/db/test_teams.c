/* Teams: their tree, who sees and changes them, who is in them. */
#include <string.h>

#include "metadb/people.h"
#include "metadb/teams.h"
#include "tests/db/harness.h"

static int64_t org, owner_id, ann_id, bob_id, zoe_id;
static struct team_actor owner, ann, bob, zoe;

static struct team_actor someone(int64_t id)
{
	return (struct team_actor){.actor = {.account_id = id}};
}

/* An organization with an owner and two members; zoe is nobody there. */
H_TEST(an_organization)
{
	struct arena *a = arena_new();
	struct account made;

	owner_id = await_h_user("olga");
	ann_id = await_h_user("ann");
	bob_id = await_h_user("bob");
	zoe_id = await_h_user("zoe");
	assert_int_equal(await_organization_create(h_db, a, NULL, "acme", NULL, "olga", &made),
			 0);
	org = made.id;
	assert_int_equal(await_membership_set(h_db, NULL, org, ann_id, MEMBERSHIP_MEMBER), 0);
	assert_int_equal(await_membership_set(h_db, NULL, org, bob_id, MEMBERSHIP_MEMBER), 0);
	owner = someone(owner_id);
	ann = someone(ann_id);
	bob = someone(bob_id);
	zoe = someone(zoe_id);
	arena_free(a);
}

static int64_t await_made(const struct team_actor *who, const char *name, int64_t parent)
{
	struct team_new wanted = {.name = name, .parent_id = parent};
	int64_t id = 0;

	assert_int_equal(await_team_create(h_db, who, org, &wanted, &id), TEAM_DONE);
	return id;
}

static int await_make(const struct team_actor *who, struct team_new wanted)
{
	int64_t id;

	return await_team_create(h_db, who, org, &wanted, &id);
}

/* Above a team stand its parent and all above that one, at their distance. */
static void await_assert_paths(void)
{
	assert_int_equal(
		await_h_int(
			"WITH RECURSIVE up(team_id, ancestor_id, depth) AS ("
			"SELECT id, id, 0 FROM team UNION ALL SELECT up.team_id, t.parent_id, "
			"up.depth + 1 FROM up JOIN team t ON t.id = up.ancestor_id "
			"WHERE t.parent_id IS NOT NULL) "
			"SELECT (SELECT count(*) FROM (SELECT * FROM up EXCEPT "
			"SELECT team_id, ancestor_id, depth FROM team_path) x) + "
			"(SELECT count(*) FROM (SELECT team_id, ancestor_id, depth "
			"FROM team_path EXCEPT SELECT * FROM up) y)"),
		0);
}

H_TEST(names_become_slugs)
{
	struct arena *a = arena_new();
	enum team_power power;
	struct team t;

	await_made(&ann, "My TEam Näme", 0);
	assert_int_equal(await_team_get(h_db, a, &ann, org, "my-team-name", &t, &power), 0);
	assert_string_equal(t.self.name, "My TEam Näme");
	assert_string_equal(t.organization, "acme");
	assert_int_equal(power, TEAM_MAINTAINS);
	assert_int_equal(t.members, 1);
	assert_int_equal(await_make(&bob, (struct team_new){.name = "my team name"}),
			 TEAM_NAME_TAKEN);
	assert_int_equal(await_make(&bob, (struct team_new){.name = "漢"}), TEAM_NAME_EMPTY);
	assert_int_equal(await_make(&zoe, (struct team_new){.name = "zoes"}), TEAM_ABSENT);
	assert_int_equal(await_team_get(h_db, a, &zoe, org, "my-team-name", &t, &power),
			 ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit WHERE action = 'team.create'"),
			 1);
	arena_free(a);
}

H_TEST(maintainers_are_members)
{
	const char *people[] = {"bob", "zoe"};
	struct team_new wanted = {.name = "kept", .maintainers = people, .maintainer_count = 2};

	assert_int_equal(await_make(&ann, wanted), TEAM_NO_MEMBER);
	wanted.maintainer_count = 1;
	assert_int_equal(await_make(&owner, wanted), TEAM_DONE);
	assert_int_equal(await_h_int("SELECT count(*) FROM team_member m JOIN team t "
				     "ON t.id = m.team_id WHERE t.slug = 'kept' AND role = 2"),
			 2);
}

/* What is given to a team its children have: nobody puts his team under one that he does not
 * maintain. */
H_TEST(nesting_needs_both)
{
	int64_t high = await_made(&owner, "high", 0);
	int64_t mine = await_made(&ann, "anns", 0);
	struct team_change under = {.secret = -1, .moves = true, .parent_id = high};
	struct team_change hide = {.secret = 1};

	assert_int_equal(await_make(&ann, (struct team_new){.name = "x", .parent_id = high}),
			 TEAM_PARENT_FOREIGN);
	assert_int_equal(await_team_update(h_db, &ann, mine, &under), TEAM_PARENT_FOREIGN);
	assert_int_equal(await_team_update(h_db, &bob, mine, &under), TEAM_FOREIGN);
	assert_int_equal(await_team_member_set(h_db, &owner, high, ann_id, TEAM_MAINTAINER), 0);
	assert_int_equal(await_team_update(h_db, &ann, mine, &under), TEAM_DONE);
	await_assert_paths();
	assert_int_equal(await_team_update(h_db, &owner, mine, &hide), TEAM_SECRET_NESTED);
	assert_int_equal(await_team_update(h_db, &owner, high, &hide), TEAM_SECRET_NESTED);
	under.parent_id = 0;
	assert_int_equal(await_team_update(h_db, &ann, mine, &under), TEAM_DONE);
	await_assert_paths();
	assert_int_equal(await_team_update(h_db, &owner, high, &hide), TEAM_DONE);
	under.parent_id = high;
	assert_int_equal(await_team_update(h_db, &owner, mine, &under), TEAM_PARENT_SECRET);
	assert_int_equal(await_team_update(h_db, &bob, mine, &under), TEAM_FOREIGN);
	under.parent_id = 4711;
	assert_int_equal(await_team_update(h_db, &owner, mine, &under), TEAM_PARENT_ABSENT);
}

H_TEST(no_circles_and_no_abyss)
{
	int64_t id[TEAM_DEPTH_MAX];
	struct team_change under = {.secret = -1, .moves = true};

	for (int i = 0; i < TEAM_DEPTH_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "deep %d", i);
		id[i] = await_made(&owner, name, i == 0 ? 0 : id[i - 1]);
	}
	await_assert_paths();
	assert_int_equal(
		await_make(&owner, (struct team_new){.name = "deeper",
						     .parent_id = id[TEAM_DEPTH_MAX - 1]}),
		TEAM_TOO_DEEP);
	under.parent_id = id[0];
	assert_int_equal(await_team_update(h_db, &owner, id[0], &under), TEAM_PARENT_BELOW);
	under.parent_id = id[9];
	assert_int_equal(await_team_update(h_db, &owner, id[4], &under), TEAM_PARENT_BELOW);
	under.parent_id = await_made(&owner, "above", 0);
	assert_int_equal(await_team_update(h_db, &owner, id[0], &under), TEAM_TOO_DEEP);
	assert_int_equal(await_team_update(h_db, &owner, id[5], &under), TEAM_DONE);
	await_assert_paths();
	assert_int_equal(await_team_delete(h_db, &owner, id[6]), TEAM_DONE);
	await_assert_paths();
	assert_int_equal(await_h_int("SELECT count(*) FROM team WHERE slug LIKE 'deep-%'"), 6);
}

struct move {
	int64_t team, under;
	int rc;
};

static void move_one(void *arg)
{
	struct move *m = arg;
	struct team_change c = {.secret = -1, .moves = true, .parent_id = m->under};

	m->rc = await_team_update(h_db, &owner, m->team, &c);
}

H_TEST(two_moves_make_no_circle)
{
	struct team_change top = {.secret = -1, .moves = true};
	int64_t one = await_made(&owner, "one", 0);
	int64_t two = await_made(&owner, "two", 0);

	for (int round = 0; round < 10; round++) {
		struct move m[] = {{one, two, 0}, {two, one, 0}};

		await_h_all(move_one, m, sizeof(m[0]), 2);
		assert_int_equal(m[0].rc + m[1].rc, TEAM_DONE + TEAM_PARENT_BELOW);
		await_assert_paths();
		assert_int_equal(await_team_update(h_db, &owner, one, &top), TEAM_DONE);
		assert_int_equal(await_team_update(h_db, &owner, two, &top), TEAM_DONE);
	}
}

H_TEST(secret_teams_are_seen_by_their_own)
{
	struct arena *a = arena_new();
	struct team_actor site = {.site = true};
	struct team_list list;
	enum team_power power;
	struct team t;
	int64_t id;

	assert_int_equal(await_team_create(h_db, &ann, org,
					   &(struct team_new){.name = "hush", .secret = true},
					   &id),
			 0);
	assert_int_equal(await_team_get(h_db, a, &bob, org, "hush", &t, &power), ERR_NOT_FOUND);
	assert_int_equal(await_team_get(h_db, a, &owner, org, "hush", &t, &power), 0);
	assert_int_equal(power, TEAM_OWNS);
	assert_int_equal(await_team_delete(h_db, &bob, id), TEAM_ABSENT);
	assert_int_equal(await_team_member_set(h_db, &bob, id, bob_id, TEAM_MEMBER),
			 ERR_NOT_FOUND);
	/* Who says that he is a site admin must be one. */
	site.actor.account_id = bob_id;
	assert_int_equal(await_team_get(h_db, a, &site, org, "hush", &t, &power),
			 ERR_NOT_FOUND);
	await_h_sql("UPDATE account SET site_admin = true WHERE login = 'zoe'");
	site.actor.account_id = zoe_id;
	assert_int_equal(await_team_get(h_db, a, &site, org, "hush", &t, &power), 0);
	assert_int_equal(await_team_get(h_db, a, &zoe, org, "hush", &t, &power), ERR_NOT_FOUND);
	await_h_sql("UPDATE account SET site_admin = false WHERE login = 'zoe'");

	assert_int_equal(await_team_list(h_db, a, &bob, org, 0, 0, 100, &list), 0);
	for (size_t i = 0; i < list.count; i++)
		assert_false(list.at[i].self.secret);
	id = list.total;
	assert_int_equal(await_team_list(h_db, a, &ann, org, 0, 0, 2, &list), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.total, id + 2); /* hush, and the high one that he maintains */
	assert_int_equal(await_team_list(h_db, a, &ann, org, 0, list.total - 1, 2, &list), 0);
	assert_int_equal(list.count, 1);
	arena_free(a);
}

H_TEST(who_may_change_the_members)
{
	int64_t id = await_made(&ann, "crew", 0);
	enum team_role role;

	assert_int_equal(await_team_member_set(h_db, &bob, id, bob_id, TEAM_MEMBER),
			 ERR_DENIED);
	assert_int_equal(await_team_member_set(h_db, &ann, id, zoe_id, TEAM_MEMBER),
			 ERR_CONFLICT);
	assert_int_equal(await_team_member_set(h_db, &ann, id, 4711, TEAM_MEMBER),
			 ERR_NOT_FOUND);
	assert_int_equal(await_team_member_set(h_db, &ann, id, org, TEAM_MEMBER),
			 ERR_NOT_FOUND);
	assert_int_equal(await_team_member_set(h_db, &ann, id, bob_id, TEAM_MEMBER), 0);
	assert_int_equal(await_team_member_set(h_db, &bob, id, bob_id, TEAM_MAINTAINER),
			 ERR_DENIED);
	assert_int_equal(await_team_member_set(h_db, &bob, id, ann_id, TEAM_NONE), ERR_DENIED);
	assert_int_equal(await_team_member_set(h_db, &bob, id, bob_id, TEAM_NONE), 0);
	assert_int_equal(await_team_member_get(h_db, id, bob_id, &role), 0);
	assert_int_equal(role, TEAM_NONE);
	/* An owner makes somebody else a member of the organization, too. */
	assert_int_equal(await_team_member_set(h_db, &owner, id, zoe_id, TEAM_MEMBER), 0);
	assert_int_equal(await_h_int("SELECT role FROM membership m JOIN account a "
				     "ON a.id = m.account_id WHERE a.login = 'zoe'"),
			 MEMBERSHIP_MEMBER);
	assert_int_equal(await_team_member_set(h_db, &owner, id, owner_id, TEAM_MEMBER), 0);
	assert_int_equal(await_team_member_get(h_db, id, owner_id, &role), 0);
	assert_int_equal(role, TEAM_MAINTAINER);
}

/* Of a team and those below; each person once. */
H_TEST(members_of_children_are_members)
{
	struct arena *a = arena_new();
	int64_t high = await_made(&owner, "roof", 0);
	int64_t low = await_made(&owner, "floor", high);
	struct account_list list;
	enum team_role role;
	enum team_power power;
	struct team t;

	assert_int_equal(await_team_member_set(h_db, &owner, low, ann_id, TEAM_MAINTAINER), 0);
	assert_int_equal(await_team_member_set(h_db, &owner, low, bob_id, TEAM_MEMBER), 0);
	assert_int_equal(await_team_member_set(h_db, &owner, high, bob_id, TEAM_MAINTAINER), 0);
	assert_int_equal(await_team_member_list(h_db, a, high, 0, 0, 10, &list), 0);
	assert_int_equal(list.total, 3);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.at[1].account.login, "ann");
	assert_true(list.at[1].inherited);
	assert_int_equal(list.at[1].role, TEAM_MEMBER);
	assert_int_equal(list.at[2].role, TEAM_MAINTAINER);
	assert_false(list.at[2].inherited);
	assert_int_equal(await_team_member_list(h_db, a, high, TEAM_MEMBER, 0, 10, &list), 0);
	assert_int_equal(list.total, 1);
	assert_int_equal(await_team_member_list(h_db, a, high, 0, 1, 1, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.total, 3);
	assert_int_equal(await_team_member_get(h_db, high, ann_id, &role), 0);
	assert_int_equal(role, TEAM_MEMBER);
	assert_int_equal(await_team_get(h_db, a, &bob, org, "roof", &t, &power), 0);
	assert_int_equal(t.members, 3);
	/* A maintainer deletes his team, but not those below it. */
	assert_int_equal(await_team_delete(h_db, &bob, high), TEAM_HAS_CHILDREN);
	assert_int_equal(await_team_delete(h_db, &bob, low), TEAM_FOREIGN);
	assert_int_equal(await_team_delete(h_db, &ann, low), TEAM_DONE);
	assert_int_equal(await_team_delete(h_db, &bob, high), TEAM_DONE);
	arena_free(a);
}

/* Whoever leaves leaves all teams, and what he was given. */
H_TEST(with_the_membership_all_ends)
{
	int64_t id = await_made(&owner, "leavers", 0);

	assert_int_equal(await_team_member_set(h_db, &owner, id, bob_id, TEAM_MAINTAINER), 0);
	await_h_sql("INSERT INTO repository (owner_id, name) SELECT id, 'src' FROM account "
		    "WHERE login IN ('acme', 'zoe')");
	await_h_sql("INSERT INTO repository_grant SELECT r.id, a.id, 3 FROM repository r, "
		    "account a WHERE a.login = 'bob'");
	await_h_sql("INSERT INTO package (namespace_id, name, publisher_id) SELECT id, 'p', id "
		    "FROM account WHERE login IN ('acme', 'zoe')");
	await_h_sql("INSERT INTO package_grant SELECT p.id, a.id, 2 FROM package p, account a "
		    "WHERE a.login = 'bob'");
	/* He leaves by himself; nobody else but an owner could make him. */
	assert_int_equal(await_membership_set(h_db, &ann.actor, org, bob_id, MEMBERSHIP_NONE),
			 ERR_DENIED);
	assert_int_equal(await_membership_set(h_db, &bob.actor, org, bob_id, MEMBERSHIP_OWNER),
			 ERR_DENIED);
	assert_int_equal(await_membership_set(h_db, &bob.actor, org, bob_id, MEMBERSHIP_NONE),
			 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM team_member m JOIN account a "
				     "ON a.id = m.account_id WHERE a.login = 'bob'"),
			 0);
	assert_int_equal(await_h_int("SELECT (SELECT count(*) FROM repository_grant) * 10 + "
				     "(SELECT count(*) FROM package_grant)"),
			 11);
	assert_int_equal(await_membership_set(h_db, NULL, org, bob_id, MEMBERSHIP_MEMBER), 0);
	await_h_sql("DELETE FROM package_grant");
	await_h_sql("DELETE FROM repository_grant");
}

struct join {
	int64_t team;
	int rc;
};

static void join_team(void *arg)
{
	struct join *j = arg;

	j->rc = await_team_member_set(h_db, &ann, j->team, bob_id, TEAM_MEMBER);
}

static void leave(void *arg)
{
	struct join *j = arg;

	j->rc = await_membership_set(h_db, NULL, org, bob_id, MEMBERSHIP_NONE);
}

static void either(void *arg)
{
	struct join *j = arg;

	if (j->team != 0)
		join_team(arg);
	else
		leave(arg);
}

/* Nobody is left in a team who has left the organization. */
H_TEST(joining_and_leaving_at_once)
{
	int64_t id = await_made(&ann, "door", 0);

	for (int round = 0; round < 20; round++) {
		struct join j[] = {{id, 0}, {0, 0}};

		assert_int_equal(
			await_membership_set(h_db, NULL, org, bob_id, MEMBERSHIP_MEMBER), 0);
		await_h_all(either, j, sizeof(j[0]), 2);
		assert_true(j[0].rc == 0 || j[0].rc == ERR_CONFLICT);
		assert_int_equal(j[1].rc, 0);
		assert_int_equal(await_h_int("SELECT count(*) FROM team_member m "
					     "JOIN account a ON a.id = m.account_id "
					     "WHERE a.login = 'bob'"),
				 0);
	}
}

/* Pages of many: each member once, in the order of ids; owners are found without a walk. */
H_TEST(members_page_by_page)
{
	struct arena *a = arena_new();
	struct account_list list;
	int64_t last = 0, seen = 0;
	struct account many;

	assert_int_equal(await_organization_create(h_db, a, NULL, "many", NULL, "olga", &many),
			 0);
	await_h_sql(
		"WITH u AS (INSERT INTO account (kind, login) SELECT 1, 'm' || i "
		"FROM generate_series(1, 250) i RETURNING id) "
		"INSERT INTO membership SELECT (SELECT id FROM account WHERE login = 'many'), "
		"id, 1 FROM u");
	for (int64_t offset = 0; offset == 0 || list.count == 100; offset += 100) {
		assert_int_equal(await_member_list(h_db, a, many.id, 0, offset, 100, &list), 0);
		assert_int_equal(list.total, 251);
		for (size_t i = 0; i < list.count; i++, seen++) {
			assert_true(list.at[i].account.id > last);
			last = list.at[i].account.id;
		}
	}
	assert_int_equal(seen, 251);
	assert_int_equal(await_member_list(h_db, a, many.id, MEMBERSHIP_OWNER, 0, 100, &list),
			 0);
	assert_int_equal(list.total, 1);
	assert_string_equal(list.at[0].account.login, "olga");
	last = seen = 0;
	do {
		assert_int_equal(await_account_list(h_db, a, 0, last, 100, &list), 0);
		seen += (int64_t)list.count;
		last = list.at[list.count - 1].account.id;
	} while (list.more);
	assert_int_equal(seen, await_h_int("SELECT count(*) FROM account"));
	assert_int_equal(await_account_list(h_db, a, ACCOUNT_ORGANIZATION, 0, 100, &list), 0);
	assert_int_equal(list.count, 2);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_organization),
		cmocka_unit_test(names_become_slugs),
		cmocka_unit_test(maintainers_are_members),
		cmocka_unit_test(nesting_needs_both),
		cmocka_unit_test(no_circles_and_no_abyss),
		cmocka_unit_test(two_moves_make_no_circle),
		cmocka_unit_test(secret_teams_are_seen_by_their_own),
		cmocka_unit_test(who_may_change_the_members),
		cmocka_unit_test(members_of_children_are_members),
		cmocka_unit_test(with_the_membership_all_ends),
		cmocka_unit_test(joining_and_leaving_at_once),
		cmocka_unit_test(members_page_by_page),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
