/* Repositories: names and sources, roles on them, lists. */
#include <string.h>

#include "metadb/repository_access.h"
#include "tests/db/harness.h"

static struct arena *mem;
static int64_t ann, bea, carl, org;

static struct actor as(int64_t account)
{
	return (struct actor){.account_id = account};
}

static int64_t await_id(const char *login)
{
	struct account found;

	assert_int_equal(await_account_by_login(h_db, mem, login, &found), 0);
	return found.id;
}

/* ann owns org, bea is a member, carl is nobody there. */
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
}

static int await_make(int64_t who, int64_t owner, const char *name, const char *source,
		      int64_t *id)
{
	struct repository_change wanted = {.name = name, .url = source, .source = source};
	struct actor actor = as(who);

	return await_repository_create(h_db, &actor, owner, &wanted, id);
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

H_TEST(names_differ_without_case)
{
	struct repository found;
	int64_t id, other;

	assert_int_equal(await_make(ann, org, "Web", "h/web", &id), REPOSITORY_DONE);
	assert_int_equal(await_make(bea, org, "wEB", "", &other), REPOSITORY_NAME_TAKEN);
	assert_int_equal(await_make(ann, ann, "web", "", &other), REPOSITORY_DONE);
	assert_int_equal(await_repository_find(h_db, mem, bea, "org", "WEB", &found), 0);
	assert_int_equal(found.id, id);
	assert_string_equal(found.name, "Web");
	assert_string_equal(found.owner.login, "org");
	assert_int_equal(found.owner.kind, ACCOUNT_ORGANIZATION);
	assert_string_equal(found.url, "h/web");
	assert_int_equal(found.visibility, VISIBILITY_PRIVATE);
	assert_int_equal(found.role, REPOSITORY_READ);
	assert_int_equal(await_repository_find(h_db, mem, 0, "org", "none", &found),
			 ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit a JOIN event e USING (action) "
				     "WHERE action = 'repo.create' AND a.detail = e.detail "
				     "AND a.detail ->> 'name' = 'Web'"),
			 1);
}

H_TEST(who_may_create)
{
	int64_t id;

	assert_int_equal(await_make(carl, org, "mine", "", &id), REPOSITORY_OWNER_FOREIGN);
	assert_int_equal(await_make(carl, ann, "mine", "", &id), REPOSITORY_OWNER_FOREIGN);
	assert_int_equal(await_make(ann, 4711, "mine", "", &id), REPOSITORY_ACCOUNT_MISSING);
	assert_int_equal(await_make(0, org, "of-the-program", "", &id), REPOSITORY_DONE);
	assert_int_equal(await_make(bea, org, "of-bea", "", &id), REPOSITORY_DONE);
	assert_int_equal(await_role_of(bea, id), REPOSITORY_READ);
}

H_TEST(a_source_leads_to_one)
{
	struct actor who = as(ann);
	struct repository_change change = {.url = "U", .source = "h/first"};
	int64_t one, two;

	assert_int_equal(await_make(ann, org, "first", "h/first", &one), REPOSITORY_DONE);
	assert_int_equal(await_make(ann, org, "second", "h/first", &two),
			 REPOSITORY_SOURCE_TAKEN);
	assert_int_equal(await_h_int("SELECT count(*) FROM repository WHERE key = 'second'"),
			 0);
	two = await_h_repository(org, "second");
	change.description = "not written either";
	assert_int_equal(await_repository_update(h_db, &who, two, &change),
			 REPOSITORY_SOURCE_TAKEN);
	assert_int_equal(await_h_int("SELECT count(*) FROM repository WHERE key = 'second' "
				     "AND url = '' AND description = ''"),
			 1);
	change.source = "h/elsewhere";
	assert_int_equal(await_repository_update(h_db, &who, one, &change), REPOSITORY_DONE);
	change.source = "h/first";
	assert_int_equal(await_repository_update(h_db, &who, two, &change), REPOSITORY_DONE);
	change.url = change.source = "";
	assert_int_equal(await_repository_update(h_db, &who, two, &change), REPOSITORY_DONE);
	assert_int_equal(await_h_int("SELECT count(*) FROM repository_source "
				     "WHERE source IN ('h/first', 'h/elsewhere')"),
			 1);
}

H_TEST(updates_change_what_they_name)
{
	static const enum visibility internal = VISIBILITY_INTERNAL;
	struct repository_change change = {.name = "Renamed", .visibility = &internal};
	struct actor who = as(ann);
	int64_t id = await_h_repository(org, "before"), own = await_h_repository(ann, "own");
	struct repository found;
	const char *readme;

	assert_int_equal(await_repository_update(h_db, &who, id, &change), REPOSITORY_DONE);
	change = (struct repository_change){.description = "d", .homepage = "p", .readme = "r"};
	assert_int_equal(await_repository_update(h_db, &who, id, &change), REPOSITORY_DONE);
	assert_int_equal(await_repository_find(h_db, mem, carl, "org", "renamed", &found), 0);
	assert_int_equal(found.visibility, VISIBILITY_INTERNAL);
	assert_string_equal(found.description, "d");
	assert_string_equal(found.homepage, "p");
	assert_int_equal(found.role, REPOSITORY_NONE);
	assert_int_equal(await_repository_readme(h_db, mem, id, &readme), 0);
	assert_string_equal(readme, "r");
	assert_int_equal(await_h_int("SELECT count(*) FROM audit WHERE namespace_id = "
				     "(SELECT id FROM account WHERE login = 'org') AND "
				     "detail ->> 'name' = 'Renamed'"),
			 3);
	assert_int_equal(await_repository_update(h_db, &who, id, &change), REPOSITORY_DONE);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit "
				     "WHERE action = 'repo.update' "
				     "AND detail ->> 'name' = 'Renamed'"),
			 1);
	change = (struct repository_change){.name = "web"};
	assert_int_equal(await_repository_update(h_db, &who, id, &change),
			 REPOSITORY_NAME_TAKEN);
	change = (struct repository_change){.visibility = &internal};
	assert_int_equal(await_repository_update(h_db, &who, own, &change),
			 REPOSITORY_USER_INTERNAL);
	assert_int_equal(await_repository_update(h_db, &who, 4711, &change), ERR_NOT_FOUND);
}

/* A team, its parent, and who is in it. */
static void await_teams(void)
{
	await_h_sql("INSERT INTO team (organization_id, slug, name) "
		    "SELECT id, x, x FROM account, unnest('{above,below}'::text[]) x "
		    "WHERE login = 'org'");
	await_h_sql("UPDATE team SET parent_id = (SELECT id FROM team WHERE slug = 'above') "
		    "WHERE slug = 'below'");
	await_h_sql("INSERT INTO team_path SELECT id, id, 0 FROM team UNION ALL "
		    "SELECT id, parent_id, 1 FROM team WHERE parent_id IS NOT NULL");
	await_h_sql("INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id "
		    "FROM team t, account a WHERE t.slug = 'below' "
		    "AND a.login IN ('bea', 'org+bot')");
}

static int64_t await_team(const char *slug)
{
	return await_h_int(arena_printf(mem, "SELECT id FROM team WHERE slug = '%s'", slug));
}

H_TEST(the_largest_role_counts)
{
	int64_t id = await_h_repository(org, "roles"), bot;
	struct actor who = as(ann);
	enum repository_role role;

	await_h_sql("INSERT INTO account (kind, login, organization_id) "
		    "SELECT 3, 'org+bot', id FROM account WHERE login = 'org'");
	bot = await_id("org+bot");
	await_teams();
	assert_int_equal(await_role_of(ann, id), REPOSITORY_ADMIN);
	assert_int_equal(await_role_of(bea, id), REPOSITORY_READ);
	assert_int_equal(await_role_of(carl, id), REPOSITORY_NONE);
	assert_int_equal(await_role_of(bot, id), REPOSITORY_NONE);
	await_h_sql("UPDATE account SET base_role = 0 WHERE login = 'org'");
	assert_int_equal(await_role_of(bea, id), REPOSITORY_NONE);
	assert_int_equal(await_repository_team_set(h_db, &who, id, await_team("above"),
						   REPOSITORY_TRIAGE),
			 REPOSITORY_DONE);
	assert_int_equal(await_role_of(bea, id), REPOSITORY_TRIAGE);
	assert_int_equal(await_role_of(bot, id), REPOSITORY_TRIAGE);
	assert_int_equal(await_repository_team_set(h_db, &who, id, await_team("below"),
						   REPOSITORY_WRITE),
			 REPOSITORY_DONE);
	assert_int_equal(await_role_of(bea, id), REPOSITORY_WRITE);
	assert_int_equal(await_team_repository_role(h_db, await_team("below"), id, &role), 0);
	assert_int_equal(role, REPOSITORY_WRITE);
	assert_int_equal(await_team_repository_role(h_db, await_team("above"), id, &role), 0);
	assert_int_equal(role, REPOSITORY_TRIAGE);
	assert_int_equal(await_grant(id, "bea", REPOSITORY_READ), REPOSITORY_DONE);
	assert_int_equal(await_role_of(bea, id), REPOSITORY_WRITE);
	assert_int_equal(await_grant(id, "bea", REPOSITORY_MAINTAIN), REPOSITORY_DONE);
	assert_int_equal(await_role_of(bea, id), REPOSITORY_MAINTAIN);
	assert_int_equal(await_grant(id, "bea", REPOSITORY_NONE), REPOSITORY_DONE);
	assert_int_equal(await_role_of(bea, id), REPOSITORY_WRITE);
	await_h_sql("UPDATE account SET base_role = 5 WHERE login = 'org'");
	assert_int_equal(await_role_of(bea, id), REPOSITORY_ADMIN);
	assert_int_equal(await_role_of(bot, id), REPOSITORY_WRITE);
	await_h_sql("UPDATE account SET base_role = 1 WHERE login = 'org'");
}

H_TEST(who_may_be_given_a_role)
{
	int64_t id = await_h_repository(org, "given"), own = await_h_repository(ann, "hers");
	struct actor who = as(ann);

	assert_int_equal(await_grant(id, "carl", REPOSITORY_WRITE), REPOSITORY_DONE);
	assert_int_equal(await_role_of(carl, id), REPOSITORY_WRITE);
	assert_int_equal(await_grant(id, "org+bot", REPOSITORY_READ), REPOSITORY_DONE);
	assert_int_equal(await_grant(own, "org+bot", REPOSITORY_READ),
			 REPOSITORY_ACCOUNT_MISSING);
	assert_int_equal(await_grant(id, "org", REPOSITORY_READ), REPOSITORY_ACCOUNT_MISSING);
	assert_int_equal(await_grant(id, "nobody", REPOSITORY_READ),
			 REPOSITORY_ACCOUNT_MISSING);
	assert_int_equal(await_grant(own, "ann", REPOSITORY_READ), REPOSITORY_OWNED);
	assert_int_equal(await_repository_team_set(h_db, &who, own, await_team("above"),
						   REPOSITORY_READ),
			 REPOSITORY_TEAM_FOREIGN);
	assert_int_equal(await_repository_team_set(h_db, &who, id, 4711, REPOSITORY_READ),
			 REPOSITORY_ACCOUNT_MISSING);
	assert_int_equal(await_grant(4711, "carl", REPOSITORY_READ), ERR_NOT_FOUND);
	assert_int_equal(await_grant(id, "carl", REPOSITORY_WRITE), REPOSITORY_DONE);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit "
				     "WHERE action = 'repo.access_set' AND "
				     "detail ->> 'login' = 'carl' "
				     "AND detail ->> 'name' = 'given'"),
			 1);
}

/* Names of what is listed, each with a slash behind it. */
static const char *await_listed(const struct repository_filter *f, int64_t limit,
				int64_t offset, bool *more)
{
	struct list_part part = {.limit = limit, .offset = offset};
	struct repository_list list;
	const char *names = "";

	assert_int_equal(await_repository_list(h_db, mem, f, &part, &list), 0);
	for (size_t i = 0; i < list.count; i++)
		names = arena_printf(mem, "%s%s/", names, list.repository[i].name);
	*more = list.more;
	return names;
}

/* dora's organization: one repository of each visibility, and one of her own. */
static int64_t await_gallery(void)
{
	static const enum visibility internal = VISIBILITY_INTERNAL, public = VISIBILITY_PUBLIC;
	int64_t dora = await_h_user("dora"), id;
	struct repository_change wanted = {.name = "b-internal", .visibility = &internal};
	struct actor who = as(dora);
	struct account made;

	assert_int_equal(
		await_organization_create(h_db, mem, NULL, "arts", NULL, "dora", &made), 0);
	assert_int_equal(await_repository_create(h_db, &who, made.id, &wanted, &id), 0);
	wanted = (struct repository_change){.name = "A-public", .visibility = &public};
	assert_int_equal(await_repository_create(h_db, &who, made.id, &wanted, &id), 0);
	assert_int_equal(await_make(dora, made.id, "c-private", "", &id), 0);
	assert_int_equal(await_make(dora, dora, "at-home", "", &id), 0);
	await_h_sql("UPDATE repository SET created_at = now() + id * interval '1 second'");
	return made.id;
}

H_TEST(lists_show_what_one_may_see)
{
	struct repository_filter f = {.owner = await_gallery(),
				      .visibilities = 7,
				      .order = ORDER_NAME,
				      .scoped = true};
	int64_t dora = await_id("dora");
	bool more;

	f.person = dora;
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/b-internal/c-private/");
	f.scoped = false;
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/");
	f.scoped = true;
	f.person = carl;
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/b-internal/");
	assert_int_equal(await_grant(await_h_int("SELECT id FROM repository "
						 "WHERE key = 'c-private'"),
				     "carl", REPOSITORY_READ),
			 REPOSITORY_DONE);
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/b-internal/c-private/");
	f.visibilities = 1 << VISIBILITY_PRIVATE;
	assert_string_equal(await_listed(&f, 9, 0, &more), "c-private/");
	f.visibilities = 7;
	f.descending = true;
	assert_string_equal(await_listed(&f, 2, 0, &more), "c-private/b-internal/");
	assert_true(more);
	assert_string_equal(await_listed(&f, 2, 2, &more), "A-public/");
	assert_false(more);
	f.order = ORDER_CREATED;
	assert_string_equal(await_listed(&f, 9, 0, &more), "c-private/A-public/b-internal/");
}

H_TEST(lists_of_ones_own)
{
	struct repository_filter f = {
		.visibilities = 7, .order = ORDER_NAME, .scoped = true, .affiliations = 7};
	bool more;

	f.person = await_id("dora");
	assert_string_equal(await_listed(&f, 9, 0, &more),
			    "A-public/b-internal/c-private/at-home/");
	f.affiliations = AFFILIATION_OWNER;
	assert_string_equal(await_listed(&f, 9, 0, &more), "at-home/");
	f.affiliations = AFFILIATION_MEMBER;
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/b-internal/c-private/");
	f.person = carl;
	f.affiliations = AFFILIATION_COLLABORATOR;
	assert_string_equal(await_listed(&f, 9, 0, &more), "c-private/given/");
	f.affiliations = AFFILIATION_OWNER | AFFILIATION_MEMBER;
	assert_string_equal(await_listed(&f, 9, 0, &more), "");
	f.person = await_id("org+bot"); /* through its team */
	f.affiliations = AFFILIATION_MEMBER;
	assert_string_equal(await_listed(&f, 9, 0, &more), "roles/");
}

/* Where a token counts as nobody's it sees what is public. */
H_TEST(lists_of_limited_tokens)
{
	struct repository_filter f = {
		.visibilities = 7, .order = ORDER_NAME, .scoped = true, .affiliations = 7};
	bool more;

	f.person = await_id("dora");
	await_h_sql(
		"WITH t AS (INSERT INTO token (account_id, kind, hash, hint, scopes, limited) "
		"SELECT id, 1, sha256('d'), '', 0, true FROM account WHERE login = 'dora' "
		"RETURNING id, account_id) "
		"INSERT INTO token_limit SELECT id, account_id FROM t");
	f.token = await_h_int("SELECT id FROM token WHERE hash = sha256('d')");
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/at-home/");
	f.owner = await_id("arts");
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/");
	await_h_sql("UPDATE token SET limited = false WHERE hash = sha256('d')");
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/b-internal/c-private/");
	await_h_sql("UPDATE account SET sso_required = true WHERE login = 'arts'");
	assert_string_equal(await_listed(&f, 9, 0, &more), "A-public/");
	await_h_sql("INSERT INTO token_sso SELECT t.id, a.id FROM token t, account a "
		    "WHERE hash = sha256('d') AND login = 'arts'");
	f.owner = 0;
	assert_string_equal(await_listed(&f, 9, 0, &more),
			    "A-public/b-internal/c-private/at-home/");
}

static const char *await_people(const char *repository, enum collaborator_kind among,
				enum repository_role least)
{
	struct list_part part = {.limit = 10};
	struct collaborator_list list;
	const char *text = "";
	int64_t id = await_h_int(arena_printf(
		mem, "SELECT id FROM repository WHERE key = '%s' AND deleted_at IS NULL",
		repository));

	assert_int_equal(await_collaborator_list(h_db, mem, id, among, least, &part, &list), 0);
	for (size_t i = 0; i < list.count; i++)
		text = arena_printf(mem, "%s%s:%s/", text, list.collaborator[i].account.login,
				    repository_role_name(list.collaborator[i].role));
	return text;
}

H_TEST(collaborators)
{
	assert_string_equal(await_people("given", COLLABORATORS_ALL, REPOSITORY_READ),
			    "ann:admin/bea:read/carl:write/org+bot:read/");
	assert_string_equal(await_people("given", COLLABORATORS_DIRECT, REPOSITORY_READ),
			    "carl:write/org+bot:read/");
	assert_string_equal(await_people("given", COLLABORATORS_ALL, REPOSITORY_WRITE),
			    "ann:admin/carl:write/");
	assert_int_equal(
		await_grant(await_h_int("SELECT id FROM repository WHERE key = 'given'"), "bea",
			    REPOSITORY_TRIAGE),
		REPOSITORY_DONE);
	assert_string_equal(await_people("given", COLLABORATORS_DIRECT, REPOSITORY_READ),
			    "bea:triage/carl:write/org+bot:read/");
	assert_string_equal(await_people("given", COLLABORATORS_OUTSIDE, REPOSITORY_READ),
			    "carl:write/org+bot:read/");
	assert_string_equal(await_people("roles", COLLABORATORS_ALL, REPOSITORY_READ),
			    "ann:admin/bea:write/org+bot:write/");
	assert_string_equal(await_people("hers", COLLABORATORS_ALL, REPOSITORY_READ),
			    "ann:admin/");
}

H_TEST(repositories_of_a_team)
{
	struct list_part part = {.limit = 10};
	struct repository_list list;

	assert_int_equal(await_team_repository_list(h_db, mem, bea, true, await_team("below"),
						    &part, &list),
			 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.repository[0].name, "roles");
	assert_int_equal(list.repository[0].role, REPOSITORY_WRITE);
	assert_int_equal(await_team_repository_list(h_db, mem, carl, true, await_team("below"),
						    &part, &list),
			 0);
	assert_int_equal(list.count, 0);
}

/* Each table of the rules is reached through an index, however empty it was. */
H_TEST(roles_are_index_probes)
{
	const char *plan = await_h_plan(
		mem, "SELECT max((SELECT t.role FROM repository_team t WHERE "
		     "t.repository_id = 1 AND t.team_id = p.ancestor_id)) "
		     "FROM team_member m CROSS JOIN LATERAL (SELECT ancestor_id FROM team_path "
		     "WHERE team_path.team_id = m.team_id OFFSET 0) p WHERE m.account_id = 1");

	assert_null(strstr(plan, "Seq Scan"));
	assert_null(strstr(plan, "Hash"));
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
		cmocka_unit_test(names_differ_without_case),
		cmocka_unit_test(who_may_create),
		cmocka_unit_test(a_source_leads_to_one),
		cmocka_unit_test(updates_change_what_they_name),
		cmocka_unit_test(the_largest_role_counts),
		cmocka_unit_test(who_may_be_given_a_role),
		cmocka_unit_test(lists_show_what_one_may_see),
		cmocka_unit_test(lists_of_ones_own),
		cmocka_unit_test(lists_of_limited_tokens),
		cmocka_unit_test(collaborators),
		cmocka_unit_test(repositories_of_a_team),
		cmocka_unit_test(roles_are_index_probes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
