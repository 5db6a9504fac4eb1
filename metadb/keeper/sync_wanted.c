/* Reading the document from the top down; the first mistake stays, with its place. */
#include "metadb/keeper/sync_wanted.h"

#include <string.h>

#include "metadb/accounts.h"
#include "proto/model/name.h"
#include "proto/model/source_url.h"

#define TEXT_MAX 1024

struct reading {
	struct arena *arena;
	const char *why; /* NULL: no mistake so far */
};

static void mistake(struct reading *r, const char *place, const char *what)
{
	if (r->why == NULL)
		r->why = arena_printf(r->arena, "%s: %s", place, what);
}

static const char *below(struct reading *r, const char *place, const char *key)
{
	return arena_printf(r->arena, "%s.%s", place, key);
}

/* A text of at most `max` bytes; NULL when there is none. */
static const char *text_of(struct reading *r, const char *place, const json_t *object,
			   const char *key, size_t max)
{
	const json_t *value = json_object_get(object, key);

	if (value == NULL || json_is_null(value))
		return NULL;
	if (!json_is_string(value) || json_string_length(value) > max) {
		mistake(r, below(r, place, key), "a text is wanted, and not too long");
		return NULL;
	}
	return arena_strdup(r->arena, json_string_value(value));
}

static const char *required_text(struct reading *r, const char *place, const json_t *object,
				 const char *key, size_t max)
{
	const char *text = text_of(r, place, object, key, max);

	if (text == NULL || *text == '\0') {
		mistake(r, below(r, place, key), "is missing");
		return "";
	}
	return text;
}

/* A list of objects, NULL when there is none. */
static const json_t *list_of(struct reading *r, const char *place, const json_t *object,
			     const char *key)
{
	const json_t *list = json_object_get(object, key), *each;
	size_t i;

	if (list == NULL || json_is_null(list))
		return NULL;
	if (!json_is_array(list)) {
		mistake(r, below(r, place, key), "a list is wanted");
		return NULL;
	}
	json_array_foreach(list, i, each)
		if (!json_is_object(each))
			mistake(r, below(r, place, key), "a list of objects is wanted");
	return r->why == NULL ? list : NULL;
}

static const char *element(struct reading *r, const char *place, const char *key, size_t i)
{
	return arena_printf(r->arena, "%s.%s[%zu]", place, key, i);
}

static int team_role_of(struct reading *r, const char *place, const json_t *object)
{
	const char *text = text_of(r, place, object, "role", TEXT_MAX);

	if (text == NULL || strcmp(text, "member") == 0)
		return TEAM_MEMBER;
	if (strcmp(text, "maintainer") != 0)
		mistake(r, below(r, place, "role"), "member or maintainer is wanted");
	return TEAM_MAINTAINER;
}

static int membership_of(struct reading *r, const char *place, const json_t *object)
{
	const char *text = text_of(r, place, object, "role", TEXT_MAX);

	if (text == NULL || strcmp(text, "member") == 0)
		return MEMBERSHIP_MEMBER;
	if (strcmp(text, "admin") != 0)
		mistake(r, below(r, place, "role"), "member or admin is wanted");
	return MEMBERSHIP_OWNER;
}

static int permission_of(struct reading *r, const char *place, const json_t *object)
{
	const char *text = required_text(r, place, object, "permission", TEXT_MAX);
	enum repository_role role = REPOSITORY_NONE;

	if (r->why == NULL && repository_role_parse(text, &role) < 0)
		mistake(r, below(r, place, "permission"),
			"pull, triage, push, maintain or admin is wanted");
	return role;
}

/* `key` of an object: names under `naming`, and their roles. */
static void read_roles(struct reading *r, const char *place, const json_t *object,
		       const char *key, const char *naming,
		       int (*role_of)(struct reading *, const char *, const json_t *),
		       struct wanted_roles *out)
{
	const json_t *list = list_of(r, place, object, key), *each;
	size_t i;

	if (list == NULL)
		return;
	out->at = arena_alloc(r->arena, (json_array_size(list) + 1) * sizeof(*out->at));
	json_array_foreach(list, i, each) {
		const char *here = element(r, place, key, i);
		const char *name = required_text(r, here, each, naming, TEXT_MAX);

		out->at[out->count++] = (struct wanted_role){
			login_fold(r->arena, name, strlen(name)), role_of(r, here, each)};
	}
}

static void read_team(struct reading *r, const char *place, const json_t *object,
		      struct wanted_team *out)
{
	const char *privacy = text_of(r, place, object, "privacy", TEXT_MAX);

	out->slug = required_text(r, place, object, "slug", TEAM_NAME_MAX);
	out->name = text_of(r, place, object, "name", 4 * TEAM_NAME_MAX);
	if (out->name == NULL)
		out->name = out->slug;
	out->description = text_of(r, place, object, "description", TEXT_MAX);
	out->moves = json_object_get(object, "parent") != NULL;
	out->parent = text_of(r, place, object, "parent", TEAM_NAME_MAX);
	out->secret = -1;
	if (privacy != NULL && strcmp(privacy, "secret") == 0)
		out->secret = 1;
	else if (privacy != NULL && strcmp(privacy, "closed") == 0)
		out->secret = 0;
	else if (privacy != NULL)
		mistake(r, below(r, place, "privacy"), "closed or secret is wanted");
	read_roles(r, place, object, "members", "login", team_role_of, &out->members);
}

static void read_repository(struct reading *r, const char *place, const json_t *object,
			    struct wanted_repository *out)
{
	const char *visibility = text_of(r, place, object, "visibility", TEXT_MAX);
	struct repository_change *f = &out->fields;

	f->name = required_text(r, place, object, "name", SOURCE_REPOSITORY_MAX);
	if (!source_repository_valid(f->name, strlen(f->name)))
		mistake(r, below(r, place, "name"), "is no name of a repository");
	f->description = text_of(r, place, object, "description", REPOSITORY_DESCRIPTION_MAX);
	f->homepage = text_of(r, place, object, "homepage", REPOSITORY_HOMEPAGE_MAX);
	f->url = f->source = text_of(r, place, object, "source_url", SOURCE_URL_MAX);
	if (f->url != NULL && *f->url != '\0' &&
	    source_url_normalise(r->arena, f->url, strlen(f->url), &f->source) < 0)
		mistake(r, below(r, place, "source_url"), "is no address of a repository");
	if (visibility != NULL) {
		f->visibility = &out->visibility;
		if (visibility_parse(visibility, &out->visibility) < 0)
			mistake(r, below(r, place, "visibility"),
				"private, internal or public is wanted");
	}
	read_roles(r, place, object, "collaborators", "login", permission_of, &out->people);
	read_roles(r, place, object, "teams", "slug", permission_of, &out->teams);
}

static void read_organization(struct reading *r, const char *place, const json_t *object,
			      struct wanted_organization *out)
{
	const char *login = required_text(r, place, object, "login", LOGIN_MAX);
	const json_t *teams = list_of(r, place, object, "teams"), *each;
	const json_t *repositories = list_of(r, place, object, "repositories");
	size_t i;

	out->login = login_fold(r->arena, login, strlen(login));
	read_roles(r, place, object, "members", "login", membership_of, &out->members);
	if (teams != NULL) {
		out->teams = json_array_size(teams);
		out->team = arena_alloc(r->arena, (out->teams + 1) * sizeof(*out->team));
		json_array_foreach(teams, i, each)
			read_team(r, element(r, place, "teams", i), each, &out->team[i]);
	}
	if (repositories != NULL) {
		out->repositories = json_array_size(repositories);
		out->repository = arena_alloc(r->arena, (out->repositories + 1) *
								sizeof(*out->repository));
		json_array_foreach(repositories, i, each)
			read_repository(r, element(r, place, "repositories", i), each,
					&out->repository[i]);
	}
}

int wanted_read(struct arena *a, const json_t *document, struct wanted *out, const char **why)
{
	struct reading r = {.arena = a};
	const json_t *list, *each;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (json_integer_value(json_object_get(document, "format")) != 1)
		mistake(&r, "format", "1 is wanted");
	list = list_of(&r, "", document, "organizations");
	if (list == NULL)
		mistake(&r, "organizations", "is missing");
	if (r.why == NULL) {
		out->organizations = json_array_size(list);
		out->organization =
			arena_alloc(a, (out->organizations + 1) * sizeof(*out->organization));
		json_array_foreach(list, i, each)
			read_organization(&r, element(&r, "", "organizations", i) + 1, each,
					  &out->organization[i]);
	}
	*why = r.why;
	return r.why == NULL ? 0 : ERR_SYNTAX;
}

static void drop(void *json)
{
	json_decref(json);
}

int wanted_parse(struct arena *a, const char *text, size_t len, json_t **out, const char **why)
{
	json_error_t error;

	*out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (*out == NULL) {
		*why = arena_printf(a, "line %d: %s", error.line, error.text);
		return ERR_SYNTAX;
	}
	arena_defer(a, drop, *out);
	return 0;
}
