/* gateway/audit_phrase.h: what an audit log is searched for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/audit_phrase.h"

#define JAN_1 1767225600 /* 2026-01-01T00:00:00Z */
#define DAY   86400

static struct arena *arena;
static struct audit_phrase p;

static int open_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void parse(const char *text)
{
	const char *why = "";

	if (audit_phrase_parse(arena, text, &p, &why) < 0)
		fail_msg("%s: %s", text, why);
}

static void terms(void **state)
{
	(void)state;
	parse("");
	assert_null(p.actor);
	assert_int_equal(p.since, 0);
	parse("  actor:Ada\taction:package.link package:\"acme/team/app\"  "
	      "repo:acme/app org:acme ");
	assert_string_equal(p.actor, "Ada");
	assert_string_equal(p.action, "package.link");
	assert_string_equal(p.package, "acme/team/app");
	assert_string_equal(p.repository, "acme/app");
	assert_string_equal(p.org, "acme");
	parse("action:package user:ada");
	assert_string_equal(p.action, "package.");
	assert_string_equal(p.org, "ada");
	assert_null(p.actor);
	parse("actor:a:b");
	assert_string_equal(p.actor, "a:b");
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t since, until;
	} cases[] = {
		{"created:2026-01-01", JAN_1, JAN_1 + DAY},
		{"created:>=2026-01-01", JAN_1, 0},
		{"created:>2026-01-01", JAN_1 + DAY, 0},
		{"created:<2026-01-01", 0, JAN_1},
		{"created:<=2026-01-01", 0, JAN_1 + DAY},
		{"created:2026-01-01..2026-01-02", JAN_1, JAN_1 + 2 * DAY},
		{"created:2026-01-01..*", JAN_1, 0},
		{"created:*..2026-01-01", 0, JAN_1 + DAY},
		{"created:2026-01-01T00:00:00Z", JAN_1, JAN_1 + 1},
		{"created:\">2026-01-01T01:00:00+01:00\"", JAN_1 + 1, 0},
		{"created:>=2026-01-01 created:<2026-01-02", JAN_1, JAN_1 + DAY},
		{"created:2026-01-01 created:2026-01-02", JAN_1 + DAY, JAN_1 + DAY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].text);
		if (p.since != cases[i].since || p.until != cases[i].until)
			fail_msg("%s: %lld to %lld", cases[i].text, (long long)p.since,
				 (long long)p.until);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{"ada", "without a qualifier"},
		{"\"ada\"", "without a qualifier"},
		{":ada", "without a qualifier"},
		{"actor:", "no value for actor"},
		{"actor: ada", "no value for actor"},
		{"actor:\"ada", "no value for actor"},
		{"country:de", "not known here: country"},
		{"actor:a actor:b", "twice what actor"},
		{"org:a user:b", "twice what user"},
		{"created:yesterday", "no time that is known here: yesterday"},
		{"created:=2026-01-01", "no time"},
		{"created:>>2026-01-01", "no time"},
		{"created:=<2026-01-01", "no time"},
		{"created:2026-01-01..", "no time"},
		{"created:2026-13-01", "no time"},
		{"created:2026-01-01T00:00:00", "no time"},
		{"created:..", "no time"},
	};
	char *large = arena_alloc(arena, AUDIT_PHRASE_MAX + 2);
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		why = "";
		if (audit_phrase_parse(arena, cases[i].text, &p, &why) != ERR_SYNTAX)
			fail_msg("%s is accepted", cases[i].text);
		if (strstr(why, cases[i].word) == NULL)
			fail_msg("%s: %s", cases[i].text, why);
	}
	memset(large, ' ', AUDIT_PHRASE_MAX + 1);
	assert_int_equal(audit_phrase_parse(arena, large, &p, &why), ERR_SYNTAX);
	large[AUDIT_PHRASE_MAX] = '\0';
	parse(large);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)
	const struct CMUnitTest tests[] = {TEST(terms), TEST(times), TEST(refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
