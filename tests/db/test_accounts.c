/* Users, organizations, members, tokens. */
#include <string.h>

#include "metadb/tokens.h"
#include "tests/db/harness.h"

H_TEST(users_are_made_once)
{
	struct arena *a = arena_new();
	struct actor who = {.account_id = 7, .token_id = 8, .remote = "192.0.2.1"};
	struct account one;
	struct account two;

	assert_int_equal(
		await_user_create(h_db, a, &who, "ann", "ann@example.org", "Ann", &one), 0);
	assert_int_equal(one.kind, ACCOUNT_USER);
	assert_string_equal(one.login, "ann");
	assert_string_equal(one.email, "ann@example.org");
	assert_string_equal(one.name, "Ann");
	assert_true(one.created_at > 1700000000);
	assert_int_equal(await_user_create(h_db, a, &who, "ann", NULL, NULL, &two),
			 ERR_CONFLICT);
	assert_int_equal(await_account_by_login(h_db, a, "ann", &two), 0);
	assert_int_equal(two.id, one.id);
	assert_int_equal(await_account_by_id(h_db, a, one.id, &two), 0);
	assert_string_equal(two.login, "ann");
	assert_int_equal(await_account_by_login(h_db, a, "nobody", &two), ERR_NOT_FOUND);
	assert_int_equal(await_account_by_id(h_db, a, 12345, &two), ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit WHERE action = 'user.create' "
				     "AND actor_id = 7 AND token_id = 8 "
				     "AND remote = '192.0.2.1' AND request_id = 'test-rq'"),
			 1);
	assert_int_equal(await_h_int("SELECT count(*) FROM event WHERE action = 'user.create'"),
			 1);
	arena_free(a);
}

/* A name that is free again gives nothing of the old account: the id is another one. */
H_TEST(ids_are_not_reused)
{
	struct arena *a = arena_new();
	struct account one;
	struct account two;

	assert_int_equal(await_user_create(h_db, a, NULL, "again", NULL, NULL, &one), 0);
	await_h_sql("UPDATE account SET deleted_at = now() WHERE login = 'again'");
	assert_int_equal(await_account_by_login(h_db, a, "again", &two), ERR_NOT_FOUND);
	assert_int_equal(await_user_create(h_db, a, NULL, "again", NULL, NULL, &two), 0);
	assert_true(two.id > one.id);
	arena_free(a);
}

H_TEST(organizations_keep_an_owner)
{
	struct arena *a = arena_new();
	struct account ann;
	struct account bea;
	struct account org;
	enum membership role;

	assert_int_equal(await_account_by_login(h_db, a, "ann", &ann), 0);
	bea.id = await_h_user("bea");
	assert_int_equal(await_organization_create(h_db, a, NULL, "org", NULL, "who", &org),
			 ERR_NOT_FOUND);
	assert_int_equal(await_organization_create(h_db, a, NULL, "ann", NULL, "ann", &org),
			 ERR_CONFLICT);
	assert_int_equal(
		await_organization_create(h_db, a, NULL, "org", "The Org", "ann", &org), 0);
	assert_int_equal(org.kind, ACCOUNT_ORGANIZATION);
	assert_string_equal(org.name, "The Org");
	assert_int_equal(await_membership_get(h_db, org.id, ann.id, &role), 0);
	assert_int_equal(role, MEMBERSHIP_OWNER);
	assert_int_equal(await_membership_set(h_db, NULL, org.id, ann.id, MEMBERSHIP_MEMBER),
			 ERR_CONFLICT);
	assert_int_equal(await_membership_set(h_db, NULL, org.id, ann.id, MEMBERSHIP_NONE),
			 ERR_CONFLICT);
	assert_int_equal(await_membership_set(h_db, NULL, org.id, bea.id, MEMBERSHIP_OWNER), 0);
	assert_int_equal(await_membership_set(h_db, NULL, org.id, ann.id, MEMBERSHIP_NONE), 0);
	assert_int_equal(await_membership_get(h_db, org.id, ann.id, &role), 0);
	assert_int_equal(role, MEMBERSHIP_NONE);
	assert_int_equal(await_membership_set(h_db, NULL, org.id, 4711, MEMBERSHIP_MEMBER),
			 ERR_NOT_FOUND);
	assert_int_equal(await_membership_set(h_db, NULL, ann.id, bea.id, MEMBERSHIP_MEMBER),
			 ERR_NOT_FOUND);
	arena_free(a);
}

struct leave {
	int64_t organization;
	int64_t user;
	int rc;
};

static void leave_one(void *arg)
{
	struct leave *l = arg;

	l->rc = await_membership_set(h_db, NULL, l->organization, l->user, MEMBERSHIP_NONE);
}

H_TEST(two_owners_cannot_leave_at_once)
{
	struct arena *a = arena_new();
	struct account org;
	struct leave leave[2];

	leave[0].user = await_h_user("carl");
	leave[1].user = await_h_user("dora");
	assert_int_equal(await_organization_create(h_db, a, NULL, "duo", NULL, "carl", &org),
			 0);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 2; i++) {
			leave[i].organization = org.id;
			assert_int_equal(await_membership_set(h_db, NULL, org.id, leave[i].user,
							      MEMBERSHIP_OWNER),
					 0);
		}
		await_h_all(leave_one, leave, sizeof(leave[0]), 2);
		assert_int_equal(leave[0].rc + leave[1].rc, ERR_CONFLICT);
	}
	arena_free(a);
}

H_TEST(tokens_are_known_by_their_hash_only)
{
	struct arena *a = arena_new();
	struct token_new wanted = {.kind = TOKEN_PERSONAL, .scopes = 3, .note = "ci"};
	struct account ann;
	struct token t;
	char text[TOKEN_TEXT_LEN + 1];
	char note[TOKEN_NOTE_MAX + 2];

	assert_int_equal(await_account_by_login(h_db, a, "ann", &ann), 0);
	wanted.account_id = ann.id;
	wanted.expires_at = 4000000000;
	assert_int_equal(await_token_create(h_db, a, NULL, &wanted, text, &t), 0);
	assert_int_equal(strlen(text), TOKEN_TEXT_LEN);
	assert_string_equal(t.hint, text + TOKEN_TEXT_LEN - 8);
	assert_string_equal(t.note, "ci");
	assert_int_equal(t.expires_at, 4000000000);
	assert_int_equal(await_h_int("SELECT count(*) FROM token WHERE length(hash) = 32 "
				     "AND extract(epoch FROM expires_at) = 4000000000"),
			 1);
	assert_int_equal(await_h_int(arena_printf(a,
						  "SELECT count(*) FROM token t, audit a "
						  "WHERE t::text LIKE '%%%.20s%%' "
						  "OR a::text LIKE '%%%.20s%%'",
						  text, text)),
			 0);
	assert_int_equal(await_token_revoke(h_db, NULL, ann.id + 1, t.id), ERR_NOT_FOUND);
	assert_int_equal(await_token_revoke(h_db, NULL, ann.id, t.id), 0);
	assert_int_equal(await_token_revoke(h_db, NULL, ann.id, t.id), 0);
	memset(note, 'n', sizeof(note));
	note[sizeof(note) - 1] = '\0';
	wanted.note = note;
	assert_int_equal(await_token_create(h_db, a, NULL, &wanted, text, &t), ERR_LIMIT);
	wanted.note = NULL;
	wanted.account_id = 999;
	assert_int_equal(await_token_create(h_db, a, NULL, &wanted, text, &t), ERR_NOT_FOUND);
	arena_free(a);
}

static void mistyped_tokens_are_refused(void **state)
{
	static const char good[] = "ph_0000000000000000000000000000000000";
	char text[TOKEN_TEXT_LEN + 1];

	(void)state;
	assert_false(token_shaped("", 0));
	assert_false(token_shaped(good, sizeof(good) - 1));
	memset(text, '0', sizeof(text));
	memcpy(text, "ph_", 3);
	text[TOKEN_TEXT_LEN] = '\0';
	assert_false(token_shaped(text, TOKEN_TEXT_LEN));
	text[10] = '-';
	assert_false(token_shaped(text, TOKEN_TEXT_LEN));
}

H_TEST(site_admins_are_made_or_promoted)
{
	struct arena *a = arena_new();
	struct account one;
	struct account two;

	assert_int_equal(await_site_admin_ensure(h_db, a, "root-of-all", &one), 0);
	assert_true(one.site_admin);
	assert_int_equal(await_site_admin_ensure(h_db, a, "root-of-all", &two), 0);
	assert_int_equal(one.id, two.id);
	assert_int_equal(await_site_admin_ensure(h_db, a, "bea", &two), 0);
	assert_true(two.site_admin);
	assert_int_equal(await_site_admin_ensure(h_db, a, "org", &two), ERR_CONFLICT);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_made_once),
		cmocka_unit_test(ids_are_not_reused),
		cmocka_unit_test(organizations_keep_an_owner),
		cmocka_unit_test(two_owners_cannot_leave_at_once),
		cmocka_unit_test(tokens_are_known_by_their_hash_only),
		cmocka_unit_test(mistyped_tokens_are_refused),
		cmocka_unit_test(site_admins_are_made_or_promoted),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
