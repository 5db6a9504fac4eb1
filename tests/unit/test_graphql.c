/* gateway/graphql.h: what is asked of the viewer, and what is no such question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/graphql.h"

static struct graphql_fields fields;
static struct arena *arena;
static const char *why;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void questions(void **state)
{
	static const char *const good[] = {
		"query UserCurrent{viewer{login}}",
		"{viewer{login}}",
		"query { viewer { login } }",
		" # who\n,query Q($a: Int = 3, $b: [String!]!) {\r\n\tviewer {login}\n}# end",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(graphql_viewer(arena, good[i], &fields, &why), 0);
		assert_int_equal(fields.count, 1);
		assert_string_equal(fields.name[0], "login");
	}
	assert_int_equal(
		graphql_viewer(arena, "{viewer{login,name id __typename}}", &fields, &why), 0);
	assert_int_equal(fields.count, 4);
	assert_string_equal(fields.name[3], "__typename");
}

static void others(void **state)
{
	static const char *const bad[][2] = {
		{"", "expected \"{\""},
		{"{", "Field ''"},
		{"{viewer", "expected \"{\""},
		{"{viewer{", "expected a field"},
		{"{viewer{}}", "expected a field"},
		{"{viewer{login}", "expected \"}\""},
		{"{viewer{login}}}", "expected the end"},
		{"{viewer{login}} {viewer{login}}", "expected the end"},
		{"{viewer{repositories(first: 1){nodes{name}}}}", "expected \"}\""},
		{"{viewer{me: login}}", "expected \"}\""},
		{"{viewer{...F}}", "expected a field"},
		{"{viewer{1}}", "expected a field"},
		{"{viewer(a: 1){login}}", "expected \"{\""},
		{"{repository{name}}", "Field 'repository' doesn't exist"},
		{"{viewer{login} rateLimit{cost}}", "expected \"}\""},
		{"mutation{viewer{login}}", "no mutation"},
		{"query Q($a: Int", "expected \")\""},
		{"# only words", "expected \"{\""},
	};
	char many[GRAPHQL_FIELDS_MAX * 2 + 32];
	size_t at = (size_t)snprintf(many, sizeof(many), "{viewer{");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(graphql_viewer(arena, bad[i][0], &fields, &why), ERR_SYNTAX);
		assert_non_null(strstr(why, bad[i][1]));
	}
	for (int i = 0; i <= GRAPHQL_FIELDS_MAX; i++)
		at += (size_t)snprintf(many + at, sizeof(many) - at, "a ");
	snprintf(many + at, sizeof(many) - at, "}}");
	assert_int_equal(graphql_viewer(arena, many, &fields, &why), ERR_SYNTAX);
	assert_non_null(strstr(why, "Too many fields"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(questions),
		CASE(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
