/*
 * A scan over the raw bytes counts brackets and commas outside of strings first. It need not
 * understand more than that: whatever is no JSON is refused by jansson afterwards, and for what
 * is JSON the counts are exact upper bounds of depth and number of values.
 */
#include "gateway/strict_json.h"

#include <stdbool.h>

static int check_bounds(struct arena *a, const char *text, size_t len, size_t max_values,
			const char **why)
{
	size_t depth = 0, values = 1;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
			continue;
		}
		if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			values++;
			if (++depth > STRICT_JSON_DEPTH) {
				*why = arena_printf(a, "it is nested too deep, at most %d",
						    STRICT_JSON_DEPTH);
				return ERR_LIMIT;
			}
		} else if (c == '}' || c == ']') {
			if (depth > 0)
				depth--;
		} else if (c == ',') {
			values++;
		}
		if (values > max_values) {
			*why = arena_printf(a, "it holds too many values, at most %zu",
					    max_values);
			return ERR_LIMIT;
		}
	}
	return 0;
}

static void drop(void *json)
{
	json_decref(json);
}

int strict_json_object(struct arena *a, const char *text, size_t len, size_t max_values,
		       json_t **out, const char **why)
{
	json_error_t error;
	json_t *json;
	int rc;

	*out = NULL;
	rc = check_bounds(a, text, len, max_values, why);
	if (rc < 0)
		return rc;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL) {
		*why = arena_printf(a, "line %d: %s", error.line, error.text);
		return ERR_SYNTAX;
	}
	arena_defer(a, drop, json);
	if (!json_is_object(json)) {
		*why = "it is not a JSON object";
		return ERR_SYNTAX;
	}
	*out = json;
	return 0;
}

const char *strict_json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}
