/* The same words pass as in version_platform() of metadb/schema/0087. */
#include "gateway/platform.h"

#include <string.h>

#include "gateway/strict_json.h"

/* A member that is a plain word, otherwise NULL. */
static const char *word(const json_t *object, const char *key)
{
	const char *text = strict_json_text(object, key);
	size_t len = text == NULL ? 0 : strlen(text);

	if (len == 0 || len > PLATFORM_WORD_MAX)
		return NULL;
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789._-") == len
		       ? text
		       : NULL;
}

const char *platform_text(struct arena *a, const json_t *object)
{
	const char *os = word(object, "os");
	const char *architecture = word(object, "architecture");
	const char *variant = word(object, "variant");

	if (os == NULL || architecture == NULL ||
	    (strcmp(os, "unknown") == 0 && strcmp(architecture, "unknown") == 0))
		return NULL;
	return arena_printf(a, "%s/%s%s%s", os, architecture, variant != NULL ? "/" : "",
			    variant != NULL ? variant : "");
}

static json_t *word_or_null(const char *text, size_t len)
{
	return len == 0 ? json_null() : json_stringn(text, len);
}

json_t *platform_json(struct arena *a, const char *text)
{
	const char *architecture = strchr(text, '/');
	const char *end = text + strlen(text);
	const char *variant;

	if (architecture == NULL)
		return json_null();
	architecture++;
	variant = strchrnul(architecture, '/');
	return json_pack(
		"{s:s, s:o, s:o}", "os",
		arena_memdup(a, text, (size_t)(architecture - 1 - text)), "architecture",
		word_or_null(architecture, (size_t)(variant - architecture)), "variant",
		word_or_null(variant + 1, *variant == '/' ? (size_t)(end - variant - 1) : 0));
}
