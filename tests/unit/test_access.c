/* What each standing may do: a table of cases taken from the rules, not from the code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/model/access.h"

#define READER (SCOPE_READ_PACKAGES)
#define WRITER (SCOPE_WRITE_PACKAGES)

struct expectation {
	const char *what;
	struct standing standing;
	enum action action;
	bool creates;
	enum verdict verdict;
};

#define ANONYMOUS .signed_in = false, .scopes = 0
#define WITH(s)	  .signed_in = true, .scopes = (s)
#define PACKAGE(v, r)                                                            \
	.package_exists = true, .published = true, .visibility = VISIBILITY_##v, \
	.role = ROLE_##r

static const struct expectation TABLE[] = {
	{"anonymous pulls public",
	 {ANONYMOUS, PACKAGE(PUBLIC, NONE)},
	 ACTION_PULL,
	 false,
	 VERDICT_ALLOWED},
	{"anonymous and private",
	 {ANONYMOUS, PACKAGE(PRIVATE, NONE)},
	 ACTION_PULL,
	 false,
	 VERDICT_UNAUTHENTICATED},
	{"anonymous and internal",
	 {ANONYMOUS, PACKAGE(INTERNAL, NONE)},
	 ACTION_PULL,
	 false,
	 VERDICT_UNAUTHENTICATED},
	{"anonymous and missing", {ANONYMOUS}, ACTION_PULL, false, VERDICT_UNAUTHENTICATED},
	{"anonymous pushes to public",
	 {ANONYMOUS, PACKAGE(PUBLIC, NONE)},
	 ACTION_PUSH,
	 true,
	 VERDICT_UNAUTHENTICATED},
	{"a token without scopes still pulls public",
	 {WITH(0), PACKAGE(PUBLIC, NONE)},
	 ACTION_PULL,
	 false,
	 VERDICT_ALLOWED},
	{"anyone signed in pulls internal",
	 {WITH(READER), PACKAGE(INTERNAL, NONE)},
	 ACTION_PULL,
	 false,
	 VERDICT_ALLOWED},
	{"internal needs the scope",
	 {WITH(0), PACKAGE(INTERNAL, NONE)},
	 ACTION_PULL,
	 false,
	 VERDICT_SCOPE},
	{"stranger and private",
	 {WITH(READER), PACKAGE(PRIVATE, NONE)},
	 ACTION_PULL,
	 false,
	 VERDICT_DENIED},
	{"stranger and missing", {WITH(READER)}, ACTION_PULL, false, VERDICT_DENIED},
	{"creator and missing",
	 {WITH(READER), .may_create = true},
	 ACTION_PULL,
	 false,
	 VERDICT_ABSENT},
	{"reader pulls",
	 {WITH(READER), PACKAGE(PRIVATE, READ)},
	 ACTION_PULL,
	 false,
	 VERDICT_ALLOWED},
	{"reader without scope",
	 {WITH(0), PACKAGE(PRIVATE, READ)},
	 ACTION_PULL,
	 false,
	 VERDICT_SCOPE},
	{"reader pushes",
	 {WITH(WRITER), PACKAGE(PRIVATE, READ)},
	 ACTION_PUSH,
	 true,
	 VERDICT_FORBIDDEN},
	{"public reader pushes",
	 {WITH(WRITER), PACKAGE(PUBLIC, NONE)},
	 ACTION_PUSH,
	 true,
	 VERDICT_FORBIDDEN},
	{"writer pushes",
	 {WITH(WRITER), PACKAGE(PRIVATE, WRITE)},
	 ACTION_PUSH,
	 true,
	 VERDICT_ALLOWED},
	{"writer pulls with the write scope",
	 {WITH(WRITER), PACKAGE(PRIVATE, WRITE)},
	 ACTION_PULL,
	 false,
	 VERDICT_ALLOWED},
	{"writer with the read scope pushes",
	 {WITH(READER), PACKAGE(PRIVATE, WRITE)},
	 ACTION_PUSH,
	 true,
	 VERDICT_SCOPE},
	{"creator pushes a new package",
	 {WITH(WRITER), .may_create = true},
	 ACTION_PUSH,
	 true,
	 VERDICT_ALLOWED},
	{"creator reads in a new package",
	 {WITH(WRITER), .may_create = true},
	 ACTION_PUSH,
	 false,
	 VERDICT_ABSENT},
	{"stranger pushes a new package", {WITH(WRITER)}, ACTION_PUSH, true, VERDICT_DENIED},
	{"writer deletes",
	 {WITH(~0u), PACKAGE(PRIVATE, WRITE)},
	 ACTION_DELETE,
	 false,
	 VERDICT_FORBIDDEN},
	{"admin deletes",
	 {WITH(READER | SCOPE_DELETE_PACKAGES), PACKAGE(PRIVATE, ADMIN)},
	 ACTION_DELETE,
	 false,
	 VERDICT_ALLOWED},
	{"admin without delete scope",
	 {WITH(WRITER), PACKAGE(PRIVATE, ADMIN)},
	 ACTION_DELETE,
	 false,
	 VERDICT_SCOPE},
	{"admin restores",
	 {WITH(WRITER), PACKAGE(PRIVATE, ADMIN)},
	 ACTION_RESTORE,
	 false,
	 VERDICT_ALLOWED},
	{"site admin has no role",
	 {WITH(SCOPE_SITE_ADMIN), PACKAGE(PRIVATE, NONE)},
	 ACTION_PULL,
	 false,
	 VERDICT_DENIED},
	{"unpublished is missing for strangers",
	 {WITH(READER), .package_exists = true, .visibility = VISIBILITY_PUBLIC},
	 ACTION_PULL,
	 false,
	 VERDICT_DENIED},
};

static void the_table_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(TABLE) / sizeof(TABLE[0]); i++) {
		const struct expectation *e = &TABLE[i];

		if (access_decide(&e->standing, e->action, e->creates) != e->verdict)
			fail_msg("%s", e->what);
	}
}

/* For a stranger, private and missing answer alike for every action. */
static void private_and_missing_are_alike(void **state)
{
	(void)state;
	for (int action = ACTION_PULL; action <= ACTION_SETTINGS; action++) {
		for (unsigned scopes = 0; scopes < 256; scopes++) {
			struct standing missing = {WITH(scopes)};
			struct standing hidden = {WITH(scopes), PACKAGE(PRIVATE, NONE)};

			assert_int_equal(access_decide(&missing, action, action == ACTION_PUSH),
					 access_decide(&hidden, action, action == ACTION_PUSH));
		}
	}
}

static void names(void **state)
{
	char buf[SCOPE_NAMES_MAX];
	enum role role;
	enum visibility visibility;
	enum repository_role on;
	unsigned bit;

	(void)state;
	assert_int_equal(role_parse("write", &role), 0);
	assert_int_equal(role, ROLE_WRITE);
	assert_int_equal(role_parse("none", &role), ERR_SYNTAX);
	assert_int_equal(visibility_parse("internal", &visibility), 0);
	assert_int_equal(visibility, VISIBILITY_INTERNAL);
	assert_int_equal(repository_role_parse("push", &on), 0);
	assert_int_equal(on, REPOSITORY_WRITE);
	assert_int_equal(repository_role_parse("maintain", &on), 0);
	assert_int_equal(on, REPOSITORY_MAINTAIN);
	assert_int_equal(repository_role_parse("none", &on), ERR_SYNTAX);
	assert_string_equal(repository_role_name(REPOSITORY_READ), "read");
	assert_string_equal(repository_permission_name(REPOSITORY_READ), "pull");
	assert_int_equal(scope_parse("read:packages", 13, &bit), 0);
	assert_int_equal(bit, SCOPE_READ_PACKAGES);
	assert_int_equal(scope_parse("read:package", 12, &bit), ERR_SYNTAX);
	assert_string_equal(
		scope_names(SCOPE_READ_PACKAGES | SCOPE_WRITE_PACKAGES | SCOPE_DELETE_PACKAGES,
			    buf, sizeof(buf)),
		"write:packages, delete:packages");
	assert_int_equal(scope_parse("gist", 4, &bit), 0);
	assert_int_equal(scope_closure(bit), bit);
	assert_string_equal(
		scope_names(SCOPE_ADMIN_ORG | SCOPE_READ_ORG | SCOPE_USER, buf, sizeof(buf)),
		"admin:org, user");
	assert_string_equal(scope_choices(SCOPE_READ_ORG, buf, sizeof(buf)),
			    "read:org, write:org, admin:org");
	assert_string_equal(scope_choices(SCOPE_REPO, buf, sizeof(buf)), "repo");
	assert_string_equal(scope_choices(0, buf, sizeof(buf)), "");
	assert_string_equal(
		scope_choices(SCOPE_READ_PACKAGES | SCOPE_DELETE_PACKAGES, buf, sizeof(buf)),
		"read:packages, delete:packages");
	assert_true(strlen(scope_choices(~0U, buf, sizeof(buf))) + 1 < sizeof(buf));
	assert_int_equal(scope_closure(SCOPE_ADMIN_ORG | SCOPE_USER),
			 SCOPE_ADMIN_ORG | SCOPE_WRITE_ORG | SCOPE_READ_ORG |
				 SCOPE_READ_AUDIT_LOG | SCOPE_USER | SCOPE_READ_USER |
				 SCOPE_USER_EMAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(private_and_missing_are_alike),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
