/* What ends with a repository that is deleted or goes to another owner. */
#include <string.h>

#include "metadb/repository_access.h"
#include "tests/db/harness.h"

static struct arena *mem;
static int64_t ann, bea, carl, org;

static struct actor as(int64_t account)
{
	return (struct actor){.account_id = account};
}

/* ann owns org, bea is a member, carl is nobody there; a team and a robot. */
H_TEST(people)
{
	struct account made;

	ann = await_h_user("ann");
	bea = await_h_user("bea");
	carl = await_h_user("carl");
	assert_int_equal(await_organization_create(h_db, mem, NULL, "org", NULL, "ann", &made),
			 0);
	org = made.id;
	assert_int_equal(await_membership_set(h_db, NULL, org, bea, MEMBERSHIP_MEMBER), 0);
	await_h_sql("INSERT INTO team (organization_id, slug, name) "
		    "SELECT id, 'team', 'team' FROM account WHERE login = 'org'");
	await_h_sql("INSERT INTO team_path SELECT id, id, 0 FROM team");
	await_h_sql("INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id "
		    "FROM team t, account a WHERE a.login = 'bea'");
	await_h_sql("INSERT INTO account (kind, login, organization_id) "
		    "SELECT 3, 'org+bot', id FROM account WHERE login = 'org'");
}

static enum repository_role await_role_of(int64_t person, int64_t repository)
{
	enum repository_role role;

	assert_int_equal(await_repository_role(h_db, person, repository, &role), 0);
	return role;
}

static int await_grant(int64_t repository, const char *login, enum repository_role role)
{
	struct actor who = as(ann);

	return await_collaborator_set(h_db, &who, repository, login, role);
}

/*
 * A repository with two linked packages, `inheriting` and `apart`, each with a grant of bea's,
 * in the lists of a third, and with a workflow's token.
 */
static void await_linked(const char *name, int64_t owner)
{
	int64_t id = await_h_repository(owner, name);
	const char *const packages[] = {"inheriting", "apart", "listing"};

	for (int i = 0; i < 3; i++)
		await_h_sql(arena_printf(
			mem,
			"WITH p AS (INSERT INTO package (namespace_id, name, publisher_id, "
			"published_at, repository_id, linked_by, inherits) "
			"VALUES (%lld, '%s-%s', %lld, now(), %s, %s, %s) RETURNING id) "
			"INSERT INTO package_grant (package_id, account_id, role) "
			"SELECT id, %lld, 2 FROM p",
			(long long)owner, name, packages[i], (long long)ann,
			i < 2 ? arena_printf(mem, "%lld", (long long)id) : "NULL",
			i < 2 ? "1" : "NULL", i == 0 ? "true" : "false", (long long)bea));
	await_h_sql(
		arena_printf(mem,
			     "WITH p AS (SELECT id FROM package WHERE name = '%s-listing'),"
			     " a AS (INSERT INTO package_actions SELECT id, %lld, 2 FROM p) "
			     "INSERT INTO package_codespace SELECT id, %lld FROM p",
			     name, (long long)id, (long long)id));
	await_h_sql(arena_printf(mem,
				 "INSERT INTO token (account_id, kind, hash, hint, scopes, "
				 "repository_id) VALUES (%lld, 3, sha256('%s'), '', 1, %lld)",
				 (long long)ann, name, (long long)id));
}

static int64_t await_count(const char *what, const char *name)
{
	return await_h_int(arena_printf(mem, what, name));
}

/* Nothing is left of what await_linked() made; ann alone is admin of what inherited. */
static void await_links_ended(const char *name)
{
	assert_int_equal(await_count("SELECT count(*) FROM package WHERE name LIKE '%s-%%' "
				     "AND (repository_id IS NOT NULL OR inherits)",
				     name),
			 0);
	assert_int_equal(await_count("SELECT count(*) FROM package_grant g "
				     "JOIN package p ON p.id = g.package_id JOIN account a "
				     "ON a.id = g.account_id WHERE p.name = '%s-inheriting' "
				     "AND a.login = 'ann' AND g.role = 3",
				     name),
			 1);
	assert_int_equal(await_count("SELECT count(*) FROM package_grant g JOIN package p "
				     "ON p.id = g.package_id WHERE p.name LIKE '%s-%%'",
				     name),
			 3);
	assert_int_equal(await_count("SELECT count(*) FROM token WHERE hash = sha256('%s') "
				     "AND revoked_at IS NULL",
				     name),
			 0);
	assert_int_equal(await_count("SELECT count(*) FROM audit WHERE "
				     "action = 'package.unlink' "
				     "AND detail ->> 'name' LIKE '%s-%%'",
				     name),
			 2);
	assert_int_equal(await_count("SELECT count(*) FROM audit JOIN token t "
				     "ON t.id = (detail ->> 'token')::bigint "
				     "WHERE action = 'token.revoke' AND t.hash = sha256('%s')",
				     name),
			 1);
}

H_TEST(a_rename_keeps_links)
{
	struct repository_change change = {.name = "other-name"};
	struct actor who = as(ann);

	await_linked("linked", org);
	assert_int_equal(await_repository_update(
				 h_db, &who,
				 await_h_int("SELECT id FROM repository WHERE key = 'linked'"),
				 &change),
			 REPOSITORY_DONE);
	assert_int_equal(await_h_int("SELECT count(*) FROM package p JOIN repository r "
				     "ON r.id = p.repository_id WHERE r.key = 'other-name'"),
			 2);
}

H_TEST(deleting_ends_links)
{
	struct actor who = as(ann);
	struct repository found;
	int64_t id, again;

	await_linked("going", org);
	assert_int_equal(await_repository_find(h_db, mem, ann, "org", "going", &found), 0);
	assert_int_equal(await_grant(found.id, "carl", REPOSITORY_ADMIN), REPOSITORY_DONE);
	assert_int_equal(await_repository_delete(h_db, &who, found.id), REPOSITORY_DONE);
	await_links_ended("going");
	id = found.id;
	assert_int_equal(await_repository_find(h_db, mem, ann, "org", "going", &found),
			 ERR_NOT_FOUND);
	assert_int_equal(await_role_of(ann, id), REPOSITORY_NONE);
	assert_int_equal(await_role_of(carl, id), REPOSITORY_NONE);
	assert_int_equal(await_repository_delete(h_db, &who, id), ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT count(*) FROM package_actions a JOIN package p "
				     "ON p.id = a.package_id WHERE p.name = 'going-listing'"),
			 0);
	again = await_h_repository(org, "going");
	assert_true(again > id);
}

H_TEST(a_transfer_ends_links)
{
	struct actor who = as(ann);
	struct repository found;
	int64_t id, taken;

	await_linked("moving", org);
	id = await_h_int("SELECT id FROM repository WHERE key = 'moving'");
	assert_int_equal(await_grant(id, "carl", REPOSITORY_WRITE), REPOSITORY_DONE);
	assert_int_equal(await_grant(id, "org+bot", REPOSITORY_WRITE), REPOSITORY_DONE);
	assert_int_equal(await_repository_team_set(h_db, &who, id,
						   await_h_int("SELECT id FROM team"),
						   REPOSITORY_WRITE),
			 REPOSITORY_DONE);
	await_h_sql("UPDATE repository SET visibility = 1 WHERE key = 'moving'");
	assert_int_equal(await_repository_transfer(h_db, &who, id, "carl", NULL),
			 REPOSITORY_OWNER_FOREIGN);
	assert_int_equal(await_repository_transfer(h_db, &who, id, "nobody", NULL),
			 REPOSITORY_ACCOUNT_MISSING);
	taken = await_h_repository(ann, "Moving");
	assert_int_equal(await_repository_transfer(h_db, &who, id, "ann", NULL),
			 REPOSITORY_NAME_TAKEN);
	assert_int_equal(await_h_int("SELECT count(*) FROM package WHERE "
				     "name LIKE 'moving-%' AND repository_id IS NOT NULL"),
			 2);
	assert_int_equal(await_repository_transfer(h_db, &who, id, "ann", "moved"),
			 REPOSITORY_DONE);
	await_links_ended("moving");
	assert_true(taken > id);
	assert_int_equal(await_repository_find(h_db, mem, carl, "ann", "moved", &found), 0);
	assert_int_equal(found.id, id);
	assert_int_equal(found.visibility, VISIBILITY_PRIVATE);
	assert_int_equal(found.role, REPOSITORY_WRITE);
	assert_int_equal(await_role_of(bea, id), REPOSITORY_NONE);
	assert_int_equal(
		await_role_of(await_h_int("SELECT id FROM account WHERE kind = 3"), id),
		REPOSITORY_NONE);
	/* back: she who had it becomes a collaborator, which an owner needs not, but may lose
	 */
	assert_int_equal(await_repository_transfer(h_db, &who, id, "org", NULL),
			 REPOSITORY_DONE);
	assert_int_equal(await_count("SELECT role FROM repository_grant WHERE account_id = "
				     "(SELECT id FROM account WHERE login = '%s') ORDER BY "
				     "repository_id DESC LIMIT 1",
				     "ann"),
			 REPOSITORY_ADMIN);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit WHERE action IN "
				     "('repo.transfer', 'repo.receive')"),
			 4);
}

struct race {
	int64_t repository;
	const char *sql; /* NULL: it is deleted instead */
	int rc;
};

static void race_one(void *arg)
{
	struct race *r = arg;
	struct actor who = as(ann);

	if (r->sql != NULL)
		await_h_sql(r->sql);
	else
		r->rc = await_repository_delete(h_db, &who, r->repository);
}

/* Whoever comes first: no package is left that is linked to a repository which is gone. */
H_TEST(links_and_deleting_race)
{
	await_h_sql(arena_printf(mem,
				 "INSERT INTO package (namespace_id, name, publisher_id, "
				 "published_at) VALUES (%lld, 'racing', 1, now())",
				 (long long)org));
	for (int round = 0; round < 20; round++) {
		const char *name = arena_printf(mem, "race-%d", round);
		int64_t id = await_h_repository(org, name);
		struct race race[2] = {
			{.repository = id},
			/* an error is fine: it came too late */
			{.sql = arena_printf(
				 mem,
				 "DO $$ BEGIN UPDATE package SET repository_id = %lld, "
				 "linked_by = 3 WHERE name = 'racing'; "
				 "EXCEPTION WHEN SQLSTATE 'PH409' THEN END $$",
				 (long long)id)}};

		await_h_all(race_one, race, sizeof(race[0]), 2);
		assert_int_equal(race[0].rc, REPOSITORY_DONE);
		assert_int_equal(await_h_int("SELECT count(*) FROM package p JOIN repository r "
					     "ON r.id = p.repository_id "
					     "WHERE r.deleted_at IS NOT NULL"),
				 0);
	}
}

static int setup(void **state)
{
	mem = arena_new();
	return h_setup(state);
}

static int teardown(void **state)
{
	arena_free(mem);
	return h_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people),
		cmocka_unit_test(a_rename_keeps_links),
		cmocka_unit_test(deleting_ends_links),
		cmocka_unit_test(a_transfer_ends_links),
		cmocka_unit_test(links_and_deleting_race),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
