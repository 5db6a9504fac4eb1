/*
 * Those that a package shows come first and have a limit of their own: whatever else there is,
 * they are kept.
 */
#include "gateway/labels.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/platform.h"
#include "gateway/strict_json.h"
#include "proto/model/source_url.h"

static const struct {
	const char *key;
	size_t chars;
} shown[] = {
	{LABEL_DESCRIPTION, 512},
	{LABEL_LICENSES, 256},
	{LABEL_SOURCE, SOURCE_URL_MAX},
};
#define SHOWN (sizeof(shown) / sizeof(shown[0]))

static void drop(void *json)
{
	json_decref(json);
}

static void free_text(void *text)
{
	free(text);
}

void labels_init(struct labels *l, struct arena *a)
{
	*l = (struct labels){.arena = a, .map = json_object()};
	arena_defer(a, drop, l->map);
}

/* Bytes of the first `chars` characters; a text of jansson's is valid UTF-8. */
static size_t cut(const char *text, size_t len, size_t chars)
{
	size_t i = 0;

	while (i < len && ((text[i] & 0xc0) == 0x80 || chars-- > 0))
		i++;
	return i;
}

static bool wanted(const struct labels *l, const char *key, const json_t *value)
{
	return json_is_string(value) && json_object_get(l->map, key) == NULL;
}

static void put(struct labels *l, const char *key, const json_t *value, size_t chars)
{
	const char *text = json_string_value(value);
	size_t len = cut(text, json_string_length(value), chars);

	json_object_set_new(l->map, key, json_stringn(text, len));
}

static bool is_shown(const char *key)
{
	for (size_t i = 0; i < SHOWN; i++)
		if (strcmp(key, shown[i].key) == 0)
			return true;
	return false;
}

void labels_add(struct labels *l, const json_t *from)
{
	const char *key;
	json_t *value;

	for (size_t i = 0; i < SHOWN; i++) {
		value = json_object_get(from, shown[i].key);
		if (wanted(l, shown[i].key, value))
			put(l, shown[i].key, value, shown[i].chars);
	}
	json_object_foreach((json_t *)from, key, value) {
		size_t len = strlen(key);

		if (len == 0 || len > LABEL_KEY_MAX || is_shown(key) || !wanted(l, key, value))
			continue;
		len += cut(json_string_value(value), json_string_length(value), LABEL_CHARS);
		if (json_object_size(l->map) >= LABELS_MAX || l->bytes + len > LABELS_BYTES)
			continue;
		l->bytes += len;
		put(l, key, value, LABEL_CHARS);
	}
}

const json_t *labels_of_config(struct arena *a, const char *text, size_t len,
			       const char **platform)
{
	const json_t *labels;
	const char *why;
	json_t *json;

	*platform = NULL;
	if (len > LABEL_CONFIG_MAX ||
	    strict_json_object(a, text, len, LABEL_CONFIG_VALUES, &json, &why) < 0)
		return NULL;
	*platform = platform_text(a, json);
	labels = json_object_get(json_object_get(json, "config"), "Labels");
	return json_is_object(labels) ? labels : NULL;
}

const char *labels_json(const struct labels *l)
{
	char *text;

	if (json_object_size(l->map) == 0)
		return NULL;
	text = json_dumps(l->map, JSON_COMPACT);
	if (text != NULL)
		arena_defer(l->arena, free_text, text);
	return text;
}

const char *labels_source(const struct labels *l)
{
	const json_t *value = json_object_get(l->map, LABEL_SOURCE);
	const char *source;

	if (value == NULL || source_url_normalise(l->arena, json_string_value(value),
						  json_string_length(value), &source) < 0)
		return NULL;
	return source;
}
