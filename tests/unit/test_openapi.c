/* gateway/openapi.h: merging fragments, and that those built in can be merged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/openapi.h"

#define FRAGMENT(name, text)                                          \
	{                                                             \
		name, (const unsigned char *)(text), sizeof(text) - 1 \
	}

static void built_in(void **state)
{
	struct arena *a = arena_new();
	const char *why = "", *path;
	json_t *json = NULL, *item;

	(void)state;
	assert_true(openapi_count >= 5);
	if (openapi_merge(a, openapi_fragments, openapi_count, &json, &why) < 0)
		fail_msg("%s", why);
	assert_string_equal(json_string_value(json_object_get(json, "openapi")), "3.1.0");
	assert_null(json_object_get(json, "x-every-operation"));
	assert_null(json_object_get(json, "x-every-body"));
	assert_null(json_object_get(json, "x-every-get"));
	json_object_foreach(json_object_get(json, "paths"), path, item) {
		const json_t *get = json_object_get(item, "get");

		if (get != NULL &&
		    json_object_get(json_object_get(get, "responses"), "503") == NULL)
			fail_msg("%s cannot be unavailable", path);
	}
	json_decref(json);
	arena_free(a);
}

static void merged(void **state)
{
	static const struct openapi_fragment parts[] = {
		FRAGMENT("a", "{\"x-every-operation\":{\"400\":1,\"503\":2},"
			      "\"x-every-body\":{\"413\":3},\"x-every-get\":{\"304\":4},"
			      "\"paths\":{\"/p\":{\"get\":{\"responses\":{\"400\":7}}}}}"),
		FRAGMENT("b",
			 "{\"paths\":{\"/p\":{\"put\":{\"requestBody\":{},\"responses\":{}},"
			 "\"parameters\":[]}},\"components\":{\"schemas\":{\"S\":{}}}}"),
		FRAGMENT("c",
			 "{\"components\":{\"schemas\":{\"T\":{}},\"headers\":{\"S\":{}}}}"),
	};
	struct arena *a = arena_new();
	json_t *json = NULL, *wanted;
	const char *why;

	(void)state;
	assert_int_equal(openapi_merge(a, parts, 3, &json, &why), 0);
	wanted = json_loads(
		"{\"paths\":{\"/p\":{\"get\":{\"responses\":{\"304\":4,\"400\":7,\"503\":2}},"
		"\"put\":{\"requestBody\":{},"
		"\"responses\":{\"400\":1,\"503\":2,\"413\":3}},\"parameters\":[]}},"
		"\"components\":{\"schemas\":{\"S\":{},\"T\":{}},"
		"\"headers\":{\"S\":{}}}}",
		0, NULL);
	assert_true(json_equal(json, wanted));
	json_decref(wanted);
	json_decref(json);
	arena_free(a);
}

/* One description of what is to be found below several owners. */
static void each_owner(void **state)
{
	static const struct openapi_fragment parts[] = {
		FRAGMENT("a",
			 "{\"x-owners\":{\"of-o\":{\"path\":\"/o/{o}\",\"parameters\":[1]},"
			 "\"of-me\":{\"path\":\"/me\",\"parameters\":[]}},"
			 "\"x-every-operation\":{\"503\":2}}"),
		FRAGMENT("b", "{\"paths\":{\"{owner}/p\":{\"parameters\":[3],\"get\":"
			      "{\"operationId\":\"g\",\"responses\":{}}},\"/q\":{}}}"),
	};
	struct arena *a = arena_new();
	json_t *json = NULL, *wanted;
	const char *why;

	(void)state;
	assert_int_equal(openapi_merge(a, parts, 2, &json, &why), 0);
	wanted = json_loads(
		"{\"paths\":{\"/q\":{},"
		"\"/o/{o}/p\":{\"parameters\":[1,3],\"get\":{\"operationId\":\"g-of-o\","
		"\"responses\":{\"503\":2}}},"
		"\"/me/p\":{\"parameters\":[3],\"get\":{\"operationId\":\"g-of-me\","
		"\"responses\":{\"503\":2}}}}}",
		0, NULL);
	assert_true(json_equal(json, wanted));
	json_decref(wanted);
	json_decref(json);
	arena_free(a);
}

/* Two fragments that cannot be merged, and a word of the complaint. */
static void refused(void **state)
{
	static const struct {
		struct openapi_fragment parts[2];
		const char *word;
	} cases[] = {
		{{FRAGMENT("a", "{}"), FRAGMENT("b", "{")}, "b is no JSON object"},
		{{FRAGMENT("a", "[]"), FRAGMENT("b", "{}")}, "a is no JSON object"},
		{{FRAGMENT("a", "{\"info\":1,\"info\":2}"), FRAGMENT("b", "{}")}, "a is no"},
		{{FRAGMENT("a", "{\"openapi\":\"3\"}"), FRAGMENT("b", "{\"openapi\":\"3\"}")},
		 "openapi"},
		{{FRAGMENT("a", "{\"paths\":{\"/p\":{\"get\":{}}}}"),
		  FRAGMENT("b", "{\"paths\":{\"/p\":{\"get\":{}}}}")},
		 "get"},
		{{FRAGMENT("a", "{\"components\":{\"schemas\":{\"S\":{}}}}"),
		  FRAGMENT("b", "{\"components\":{\"schemas\":{\"S\":{}}}}")},
		 "b: S stands"},
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = "";
		json_t *json = NULL;

		assert_int_equal(openapi_merge(a, cases[i].parts, 2, &json, &why), ERR_SYNTAX);
		if (strstr(why, cases[i].word) == NULL)
			fail_msg("case %zu: %s", i, why);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in),
		cmocka_unit_test(merged),
		cmocka_unit_test(each_owner),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
