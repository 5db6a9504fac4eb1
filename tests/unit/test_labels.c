/* gateway/labels.h: which labels are kept, how long, and where the source leads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/labels.h"

static struct arena *arena;
static struct labels l;

static int open_arena(void **state)
{
	(void)state;
	arena = arena_new();
	labels_init(&l, arena);
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void add(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	labels_add(&l, json);
	json_decref(json);
}

/* A text of `count` times the piece. */
static char *times(const char *piece, size_t count)
{
	size_t len = strlen(piece);
	char *text = arena_alloc(arena, len * count + 1);

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * len, piece, len);
	return text;
}

static size_t kept(const char *key)
{
	return json_string_length(json_object_get(l.map, key));
}

static void first_come_stays(void **state)
{
	(void)state;
	assert_null(labels_json(&l));
	assert_null(labels_source(&l));
	labels_add(&l, NULL);
	add("{\"a\":\"1\",\"n\":7,\"o\":{},\"null\":null,\"\":\"x\"}");
	add("{\"a\":\"2\",\"b\":\"\"}");
	assert_string_equal(labels_json(&l), "{\"a\":\"1\",\"b\":\"\"}");
}

static void long_values_are_cut_at_characters(void **state)
{
	const char *wide = times("\xe2\x82\xac", 2000);

	(void)state;
	add(arena_printf(arena,
			 "{\"x\":\"%s\",\"" LABEL_DESCRIPTION "\":\"%s\",\"" LABEL_LICENSES
			 "\":\"%s\",\"%s\":\"long key\"}",
			 wide, wide, wide, times("k", LABEL_KEY_MAX + 1)));
	assert_int_equal(kept("x"), 3 * LABEL_CHARS);
	assert_int_equal(kept(LABEL_DESCRIPTION), 3 * 512);
	assert_int_equal(kept(LABEL_LICENSES), 3 * 256);
	assert_int_equal(json_object_size(l.map), 3);
}

static void the_whole_is_bounded_and_the_shown_ones_are_kept(void **state)
{
	const char *value = times("v", 1000);

	(void)state;
	for (int i = 0; i < 30; i++)
		add(arena_printf(arena, "{\"k%d\":\"%s\"}", i, value));
	assert_int_equal(json_object_size(l.map), LABELS_BYTES / 1002);
	for (int i = 0; i < 300; i++)
		add(arena_printf(arena, "{\"s%d\":\"\"}", i));
	assert_true(json_object_size(l.map) <= LABELS_MAX);
	assert_true(strlen(labels_json(&l)) < LABELS_BYTES + 8 * LABELS_MAX);
	add("{\"" LABEL_DESCRIPTION "\":\"still\",\"" LABEL_SOURCE
	    "\":\"https://Example.org/Ada/App.git\"}");
	assert_int_equal(kept(LABEL_DESCRIPTION), 5);
	assert_string_equal(labels_source(&l), "example.org/ada/app");
}

static void a_source_that_is_no_address_is_none(void **state)
{
	(void)state;
	add("{\"" LABEL_SOURCE "\":\"the cupboard\"}");
	assert_int_equal(kept(LABEL_SOURCE), 12);
	assert_null(labels_source(&l));
}

static const char *platform;

static const json_t *config(const char *text)
{
	return labels_of_config(arena, text, strlen(text), &platform);
}

static void labels_stand_in_the_config(void **state)
{
	static const char *const none[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"config\":null}",
		"{\"config\":[]}",
		"{\"config\":{\"Labels\":null}}",
		"{\"config\":{\"Labels\":[\"a\"]}}",
		"{\"config\":{\"labels\":{\"a\":\"b\"}}}",
		"{\"Labels\":{\"a\":\"b\"}}",
		"{\"config\":{\"Labels\":{\"a\":\"b\",\"a\":\"c\"}}}",
	};
	char *large = times(" ", LABEL_CONFIG_MAX + 1);

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (config(none[i]) != NULL)
			fail_msg("%s has labels", none[i]);
	labels_add(&l, config("{\"os\":\"linux\",\"config\":{\"Labels\":{\"a\":\"b\"}}}"));
	assert_string_equal(labels_json(&l), "{\"a\":\"b\"}");
	memcpy(large, "{\"config\":{\"Labels\":{}}}", 24);
	assert_non_null(labels_of_config(arena, large, LABEL_CONFIG_MAX, &platform));
	assert_null(labels_of_config(arena, large, LABEL_CONFIG_MAX + 1, &platform));
}

static void a_platform_is_plain_words(void **state)
{
	static const struct {
		const char *rest, *wanted;
	} cases[] = {
		{"\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}", "linux/arm/v7"},
		{"\"linux\",\"architecture\":\"amd64\"}", "linux/amd64"},
		{"\"linux\",\"architecture\":\"a\",\"variant\":\"a/b\"}", "linux/a"},
		{"\"linux\",\"architecture\":\"a\",\"variant\":7}", "linux/a"},
		{"\"unknown\",\"architecture\":\"amd64\"}", "unknown/amd64"},
		{"\"unknown\",\"architecture\":\"unknown\"}", "none"},
		{"\"linux\"}", "none"},
		{"\"\",\"architecture\":\"a\"}", "none"},
		{"[\"linux\"],\"architecture\":\"a\"}", "none"},
		{"\"l\\u00fcx\",\"architecture\":\"a\"}", "none"},
		{"", "none"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		config(arena_printf(arena, "{\"os\":%s", cases[i].rest));
		assert_string_equal(platform == NULL ? "none" : platform, cases[i].wanted);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)
	const struct CMUnitTest tests[] = {
		TEST(first_come_stays),
		TEST(long_values_are_cut_at_characters),
		TEST(the_whole_is_bounded_and_the_shown_ones_are_kept),
		TEST(a_source_that_is_no_address_is_none),
		TEST(labels_stand_in_the_config),
		TEST(a_platform_is_plain_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
