/*
 * Merging: objects are merged member by member as deep as the kind of things says (paths down
 * to the method, components down to the name); below that nothing may stand twice.
 */
#include "gateway/openapi.h"

#include <string.h>

/* Members of the first level below which two more are merged. */
#define MERGED_LEVELS 2

static const char *const methods[] = {"get", "head", "post", "put", "patch", "delete"};

/* NULL, or the member that both have. */
static const char *merge(json_t *into, json_t *from, int levels)
{
	const char *key, *twice;
	json_t *value;

	json_object_foreach(from, key, value) {
		json_t *there = json_object_get(into, key);

		if (there == NULL)
			json_object_set(into, key, value);
		else if (levels == 0 || !json_is_object(there) || !json_is_object(value))
			return key;
		else if ((twice = merge(there, value, levels - 1)) != NULL)
			return twice;
	}
	return NULL;
}

/* Answers that the operation does not tell otherwise. */
static void add_answers(json_t *operation, json_t *common)
{
	if (common != NULL)
		json_object_update_missing(json_object_get(operation, "responses"), common);
}

/* One path of several: the item with the parameters of this owner, and operationIds of its own.
 */
static json_t *item_of(struct arena *a, const json_t *item, const char *name,
		       const json_t *owner)
{
	json_t *copy = json_deep_copy(item), *parameters = json_array();

	json_array_extend(parameters, json_object_get(owner, "parameters"));
	json_array_extend(parameters, json_object_get(item, "parameters"));
	json_object_set_new(copy, "parameters", parameters);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		json_t *operation = json_object_get(copy, methods[i]);
		const char *id = json_string_value(json_object_get(operation, "operationId"));

		if (id != NULL)
			json_object_set_new(operation, "operationId",
					    json_string(arena_printf(a, "%s-%s", id, name)));
	}
	return copy;
}

/* A path that begins with {owner} stands for one below each of x-owners. */
static void expand_owners(struct arena *a, json_t *document)
{
	static const char mark[] = "{owner}";
	json_t *owners = json_object_get(document, "x-owners");
	json_t *paths = json_object_get(document, "paths"), *all, *item, *owner;
	const char *path, *name;

	if (owners == NULL)
		return;
	all = json_object();
	json_object_foreach(paths, path, item) {
		if (strncmp(path, mark, strlen(mark)) != 0) {
			json_object_set(all, path, item);
			continue;
		}
		json_object_foreach(owners, name, owner) {
			const char *prefix = json_string_value(json_object_get(owner, "path"));

			if (prefix != NULL)
				json_object_set_new(
					all,
					arena_printf(a, "%s%s", prefix, path + strlen(mark)),
					item_of(a, item, name, owner));
		}
	}
	json_object_set_new(document, "paths", all);
	json_object_del(document, "x-owners");
}

static void complete(json_t *document)
{
	json_t *every = json_object_get(document, "x-every-operation");
	json_t *body = json_object_get(document, "x-every-body");
	json_t *get = json_object_get(document, "x-every-get");
	const char *path;
	json_t *item;

	json_object_foreach(json_object_get(document, "paths"), path, item) {
		for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
			json_t *operation = json_object_get(item, methods[i]);

			add_answers(operation, every);
			if (json_object_get(operation, "requestBody") != NULL)
				add_answers(operation, body);
			if (strcmp(methods[i], "get") == 0)
				add_answers(operation, get);
		}
	}
	json_object_del(document, "x-every-operation");
	json_object_del(document, "x-every-body");
	json_object_del(document, "x-every-get");
}

/* 0, or ERR_SYNTAX with *why. */
static int add_fragment(struct arena *a, json_t *document, const struct openapi_fragment *f,
			const char **why)
{
	json_error_t error;
	json_t *part =
		json_loadb((const char *)f->text, f->len, JSON_REJECT_DUPLICATES, &error);
	const char *twice;

	if (!json_is_object(part)) {
		*why = arena_printf(a, "%s is no JSON object: line %d: %s", f->name, error.line,
				    error.text);
		json_decref(part);
		return ERR_SYNTAX;
	}
	twice = merge(document, part, MERGED_LEVELS);
	if (twice != NULL)
		*why = arena_printf(a, "%s: %s stands in another fragment as well", f->name,
				    twice);
	json_decref(part);
	return twice == NULL ? 0 : ERR_SYNTAX;
}

int openapi_merge(struct arena *a, const struct openapi_fragment *fragments, size_t count,
		  json_t **out, const char **why)
{
	json_t *document = json_object();
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = add_fragment(a, document, &fragments[i], why);
	if (rc < 0) {
		json_decref(document);
		return rc;
	}
	expand_owners(a, document);
	complete(document);
	*out = document;
	return 0;
}
