/* Tokens of people, robots and for single sign-on: what they may be made with, and lists. */
#include <string.h>

#include "metadb/robots.h"
#include "metadb/sso.h"
#include "metadb/tokens.h"
#include "proto/model/access.h"
#include "tests/db/harness.h"

static int64_t organization_of(const char *login, const char *owner)
{
	struct arena *a = arena_new();
	struct account org;

	assert_int_equal(await_organization_create(h_db, a, NULL, login, NULL, owner, &org), 0);
	arena_free(a);
	return org.id;
}

/* A token that is made with nothing: by a site admin, as it were. */
static struct token plain(struct arena *a, int64_t account, unsigned scopes, int64_t ends,
			  const struct token_limit *limits, size_t count)
{
	struct token_new wanted = {.account_id = account,
				   .kind = TOKEN_PERSONAL,
				   .scopes = scopes,
				   .expires_at = ends,
				   .limits = limits,
				   .limit_count = count};
	char text[TOKEN_TEXT_LEN + 1];
	struct token t;

	assert_int_equal(await_token_issue(h_db, a, NULL, NULL, &wanted, text, &t), TOKEN_MADE);
	return t;
}

/* With that token another one of the same account. */
static int with(struct arena *a, const struct token *maker, struct token_new wanted,
		struct token *out)
{
	struct actor who = {.account_id = maker->account_id, .token_id = maker->id};
	struct token_bounds bounds = {scope_closure(maker->scopes), true, true};
	char text[TOKEN_TEXT_LEN + 1];

	wanted.account_id = maker->account_id;
	wanted.kind = TOKEN_PERSONAL;
	return await_token_issue(h_db, a, &who, &bounds, &wanted, text, out);
}

H_TEST(a_token_passes_on_no_more_than_it_has)
{
	struct arena *a = arena_new();
	int64_t ann = await_h_user("ann");
	struct token maker =
		plain(a, ann, SCOPE_USER | SCOPE_WRITE_PACKAGES, 4000000000, NULL, 0);
	struct token t;

	assert_int_equal(with(a, &maker, (struct token_new){.expires_at = 3900000000}, &t), 0);
	assert_int_equal(t.expires_at, 3900000000);
	assert_int_equal(
		with(a, &maker,
		     (struct token_new){.scopes = SCOPE_READ_PACKAGES | SCOPE_READ_USER,
					.expires_at = 4000000000},
		     &t),
		0);
	assert_int_equal(t.scopes, SCOPE_READ_PACKAGES | SCOPE_READ_USER);
	assert_int_equal(
		with(a, &maker,
		     (struct token_new){.scopes = SCOPE_SITE_ADMIN, .expires_at = 3900000000},
		     &t),
		TOKEN_BEYOND_SCOPES);
	assert_int_equal(with(a, &maker,
			      (struct token_new){.scopes = SCOPE_DELETE_PACKAGES,
						 .expires_at = 3900000000},
			      &t),
			 TOKEN_BEYOND_SCOPES);
	assert_int_equal(with(a, &maker, (struct token_new){.expires_at = 4000000001}, &t),
			 TOKEN_BEYOND_LIFETIME);
	assert_int_equal(with(a, &maker, (struct token_new){.expires_at = 0}, &t),
			 TOKEN_BEYOND_LIFETIME);
	assert_int_equal(await_token_take_back(h_db, NULL, ann, TOKEN_PERSONAL, maker.id), 0);
	assert_int_equal(with(a, &maker, (struct token_new){.expires_at = 3900000000}, &t),
			 TOKEN_MAKER_INVALID);
	arena_free(a);
}

H_TEST(limits_only_narrow)
{
	struct token_limit own[] = {{"bea", NULL}, {"shop", "web/app"}};
	struct token_limit inside[] = {{"bea", "tool"}, {"shop", "web/app"}};
	struct token_limit whole[] = {{"shop", NULL}}, other[] = {{"shop", "web"}};
	struct token_limit nowhere[] = {{"nobody-there", NULL}};
	struct arena *a = arena_new();
	int64_t bea = await_h_user("bea");
	struct token maker, t;

	organization_of("shop", "bea");
	maker = plain(a, bea, SCOPE_USER, 0, own, 2);
	assert_int_equal(maker.limit_count, 2);
	assert_string_equal(maker.limits[0].namespace, "bea");
	assert_null(maker.limits[0].package);
	assert_string_equal(maker.limits[1].package, "web/app");
	assert_int_equal(
		with(a, &maker, (struct token_new){.limits = inside, .limit_count = 2}, &t), 0);
	assert_int_equal(t.limit_count, 2);
	assert_string_equal(t.limits[0].package, "tool");
	assert_int_equal(
		with(a, &maker, (struct token_new){.limits = whole, .limit_count = 1}, &t),
		TOKEN_BEYOND_LIMITS);
	assert_int_equal(
		with(a, &maker, (struct token_new){.limits = other, .limit_count = 1}, &t),
		TOKEN_BEYOND_LIMITS);
	assert_int_equal(
		with(a, &maker, (struct token_new){.limits = nowhere, .limit_count = 1}, &t),
		TOKEN_NO_NAMESPACE);
	/* None are those of the maker, not all. */
	assert_int_equal(with(a, &maker, (struct token_new){0}, &t), 0);
	assert_int_equal(t.limit_count, 2);
	assert_int_equal(await_h_int("SELECT count(*) FROM token WHERE limited "
				     "AND id IN (SELECT token_id FROM token_limit)"),
			 3);
	arena_free(a);
}

H_TEST(lists_show_the_newest_first)
{
	struct token_limit two[] = {{"cora", "one"}, {"cora", "two"}};
	struct token_query q = {.kind = TOKEN_PERSONAL, .max = 2};
	struct arena *a = arena_new();
	struct token t[3];
	struct token_list list;

	q.account_id = await_h_user("cora");
	for (int i = 0; i < 3; i++)
		t[i] = plain(a, q.account_id, SCOPE_GIST, 0, two, i == 2 ? 2 : 0);
	assert_int_equal(await_token_list(h_db, a, &q, &list), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.total, 3);
	assert_int_equal(list.item[0].id, t[2].id);
	assert_int_equal(list.item[0].limit_count, 2);
	assert_string_equal(list.item[0].login, "cora");
	assert_string_equal(list.item[0].limits[1].package, "two");
	assert_int_equal(list.item[1].limit_count, 0);
	q.skip = 2;
	assert_int_equal(await_token_list(h_db, a, &q, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.item[0].id, t[0].id);
	q.id = t[1].id;
	q.skip = 0;
	assert_int_equal(
		await_token_take_back(h_db, NULL, q.account_id + 1, TOKEN_PERSONAL, t[1].id),
		ERR_NOT_FOUND);
	assert_int_equal(await_token_take_back(h_db, NULL, q.account_id, TOKEN_ROBOT, t[1].id),
			 ERR_NOT_FOUND);
	assert_int_equal(await_token_list(h_db, a, &q, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(await_token_take_back(h_db, NULL, 0, TOKEN_PERSONAL, t[1].id), 0);
	assert_int_equal(await_token_list(h_db, a, &q, &list), 0);
	assert_int_equal(list.count, 0);
	q = (struct token_query){.kind = TOKEN_PERSONAL, .max = 100};
	assert_int_equal(await_token_list(h_db, a, &q, &list), 0);
	assert_true(list.total >= 2 && list.count == (size_t)list.total);
	arena_free(a);
}

H_TEST(there_are_only_so_many)
{
	struct token_new wanted = {.kind = TOKEN_PERSONAL};
	char text[TOKEN_TEXT_LEN + 1];
	struct arena *a = arena_new();
	struct token t;

	wanted.account_id = await_h_user("many");
	await_h_sql(
		"INSERT INTO token (account_id, kind, hash, hint, scopes, expires_at) SELECT "
		"a.id, 1, sha256(n::text::bytea), '', 0, now() + interval '1 hour' "
		"FROM account a, generate_series(1, 1000) n WHERE a.login = 'many'");
	assert_int_equal(await_token_issue(h_db, a, NULL, NULL, &wanted, text, &t),
			 TOKEN_TOO_MANY);
	await_h_sql("UPDATE token SET expires_at = now() WHERE hash = sha256('7')");
	assert_int_equal(await_token_issue(h_db, a, NULL, NULL, &wanted, text, &t), TOKEN_MADE);
	arena_free(a);
}

H_TEST(robots_belong_to_their_organization)
{
	struct arena *a = arena_new();
	struct robot_list list;
	struct robot r;
	bool yes = true;
	int64_t org;

	await_h_user("dora");
	org = organization_of("works", "dora");
	assert_int_equal(await_robot_create(h_db, NULL, org, "ci", "builds", false), 0);
	assert_int_equal(await_robot_create(h_db, NULL, org, "ci", NULL, false), ERR_CONFLICT);
	assert_int_equal(await_robot_create(h_db, NULL, org, "bot", NULL, true), 0);
	assert_int_equal(await_robot_find(h_db, a, org, "ci", &r), 0);
	assert_string_equal(r.login, "works+ci");
	assert_string_equal(r.name, "ci");
	assert_string_equal(r.description, "builds");
	assert_false(r.may_create);
	assert_int_equal(await_robot_change(h_db, NULL, org, r.id, "pushes", &yes), 0);
	assert_int_equal(await_robot_change(h_db, NULL, org + 1, r.id, "x", NULL),
			 ERR_NOT_FOUND);
	assert_int_equal(await_robot_list(h_db, a, org, 0, 1, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.total, 2);
	assert_string_equal(list.item[0].name, "bot");
	assert_int_equal(await_robot_list(h_db, a, org, 1, 1, &list), 0);
	assert_string_equal(list.item[0].description, "pushes");
	assert_true(list.item[0].may_create);

	arena_free(a);
}

H_TEST(tokens_of_a_robot_end_with_it)
{
	struct token_new wanted = {.kind = TOKEN_ROBOT, .scopes = SCOPE_READ_PACKAGES};
	struct credential cred = {.form = CREDENTIAL_HASH};
	char text[TOKEN_TEXT_LEN + 1];
	struct arena *a = arena_new();
	struct caller caller;
	struct account org_row;
	struct robot r;
	struct token t;
	int64_t org, first;

	assert_int_equal(await_account_by_login(h_db, a, "works", &org_row), 0);
	org = org_row.id;
	assert_int_equal(await_robot_find(h_db, a, org, "ci", &r), 0);
	first = r.id;
	wanted.account_id = first;
	assert_int_equal(await_token_issue(h_db, a, NULL, NULL, &wanted, text, &t), TOKEN_MADE);
	token_hash(text, TOKEN_TEXT_LEN, cred.hash);
	assert_int_equal(await_caller(h_db, &cred, &caller), 0);
	assert_int_equal(caller.state, CALLER_ACTIVE);
	assert_int_equal(caller.account_id, first);
	assert_string_equal(caller.login, "works+ci");
	assert_int_equal(await_h_int("SELECT count(*) FROM audit a JOIN account o "
				     "ON o.id = a.namespace_id WHERE o.login = 'works' "
				     "AND a.action = 'token.create'"),
			 1);
	/* Neither a person's token for a robot, nor the other way round. */
	wanted.kind = TOKEN_PERSONAL;
	assert_int_equal(await_token_issue(h_db, a, NULL, NULL, &wanted, text, &t),
			 TOKEN_NO_ACCOUNT);
	/* A robot joins nothing. */
	assert_int_equal(await_membership_set(h_db, NULL, org, first, MEMBERSHIP_OWNER),
			 ERR_NOT_FOUND);

	assert_int_equal(await_robot_delete(h_db, NULL, org + 1, first), ERR_NOT_FOUND);
	assert_int_equal(await_robot_delete(h_db, NULL, org, first), 0);
	assert_int_equal(await_robot_delete(h_db, NULL, org, first), ERR_NOT_FOUND);
	assert_int_equal(await_caller(h_db, &cred, &caller), 0);
	assert_int_not_equal(caller.state, CALLER_ACTIVE);
	assert_int_equal(await_robot_create(h_db, NULL, org, "ci", NULL, false), 0);
	assert_int_equal(await_robot_find(h_db, a, org, "ci", &r), 0);
	assert_true(r.id > first);
	assert_int_equal(await_caller(h_db, &cred, &caller), 0);
	assert_int_not_equal(caller.state, CALLER_ACTIVE);
	arena_free(a);
}

H_TEST(owners_see_and_withdraw_authorizations)
{
	struct arena *a = arena_new();
	int64_t eve = await_h_user("eve"), org = organization_of("secure", "eve");
	struct token t = plain(a, eve, SCOPE_READ_PACKAGES, 0, NULL, 0);
	struct actor who = {.account_id = eve, .token_id = t.id};
	struct sso_list list;

	/* A token authorizes nothing, not even itself. */
	assert_int_equal(await_sso_authorize(h_db, &who, t.id, org), ERR_DENIED);
	assert_int_equal(await_sso_authorize(h_db, &who, t.id + 1000, org), ERR_NOT_FOUND);
	await_h_sql(arena_printf(a,
				 "INSERT INTO token_sso (token_id, organization_id) "
				 "VALUES (%lld, %lld)",
				 (long long)t.id, (long long)org));
	assert_int_equal(await_sso_authorize(h_db, &who, t.id, org), ERR_DENIED);
	assert_int_equal(await_sso_list(h_db, a, org, NULL, 0, 30, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.item[0].token.id, t.id);
	assert_string_equal(list.item[0].token.login, "eve");
	assert_true(list.item[0].authorized_at > 1700000000);
	assert_int_equal(await_sso_list(h_db, a, org, "ann", 0, 30, &list), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(await_sso_withdraw(h_db, NULL, eve + 1, t.id, org), ERR_NOT_FOUND);
	assert_int_equal(await_sso_withdraw(h_db, NULL, 0, t.id, org), 0);
	assert_int_equal(await_sso_withdraw(h_db, NULL, 0, t.id, org), ERR_NOT_FOUND);
	assert_int_equal(await_sso_list(h_db, a, org, NULL, 0, 30, &list), 0);
	assert_int_equal(list.count, 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_passes_on_no_more_than_it_has),
		cmocka_unit_test(limits_only_narrow),
		cmocka_unit_test(lists_show_the_newest_first),
		cmocka_unit_test(there_are_only_so_many),
		cmocka_unit_test(robots_belong_to_their_organization),
		cmocka_unit_test(tokens_of_a_robot_end_with_it),
		cmocka_unit_test(owners_see_and_withdraw_authorizations),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
