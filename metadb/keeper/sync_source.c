/*
 * What is asked of each organization:
 *
 *   /orgs/{org}/teams        ─▶ each: members?role=maintainer, members?role=member
 *   /orgs/{org}/repos        ─▶ each: collaborators?affiliation=direct, teams
 *
 *   /orgs/{org}/members      role=admin, role=member
 *
 * A team's list of members shows those of child teams, too: they are taken out again, since a
 * child team has in any case what its parent has.
 */
#include "metadb/keeper/sync_source.h"

#include <string.h>

#include "proto/model/name.h"

#define PAGE "per_page=100"

/* GitHub writes names in paths as they are, but for these. */
static const char *escaped(struct arena *a, const char *name)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, 3 * strlen(name) + 1), *to = out;

	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char)*name;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-._", c) != NULL) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	return out;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

/* The greatest of its permissions; older APIs say it in a word. */
static const char *permission_of(const json_t *object)
{
	static const char *const names[] = {"admin", "maintain", "push", "triage", "pull"};
	const json_t *permissions = json_object_get(object, "permissions");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_is_true(json_object_get(permissions, names[i])))
			return names[i];
	return text_of(object, "permission");
}

/* Names under `naming` with their permissions, as the document has them. */
static json_t *roles_of(const json_t *list, const char *naming)
{
	json_t *out = json_array(), *each;
	size_t i;

	json_array_foreach(list, i, each)
		json_array_append_new(out,
				      json_pack("{s:s, s:s}", naming, text_of(each, naming),
						"permission", permission_of(each)));
	return out;
}

static json_t *text_or_empty(const json_t *object, const char *key)
{
	return json_string(text_of(object, key));
}

static int add_repository(struct fetch *f, struct arena *a, const char *org, const json_t *from,
			  json_t *repositories)
{
	const char *name = text_of(from, "name");
	const char *path = arena_printf(a, "repos/%s/%s", escaped(a, org), escaped(a, name));
	const json_t *source = json_object_get(from, "source_url"); /* a Packhouse's */
	json_t *people, *teams, *out;
	int rc;

	rc = fetch_list(f, a,
			arena_printf(a, "%s/collaborators?affiliation=direct&" PAGE, path),
			&people);
	if (rc == 0)
		rc = fetch_list(f, a, arena_printf(a, "%s/teams?" PAGE, path), &teams);
	if (rc < 0)
		return rc;
	out = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "name", name, "description",
			text_or_empty(from, "description"), "homepage",
			text_or_empty(from, "homepage"), "source_url",
			source == NULL ? text_or_empty(from, "html_url")
				       : text_or_empty(from, "source_url"),
			"collaborators", roles_of(people, "login"), "teams",
			roles_of(teams, "slug"));
	if (json_is_string(json_object_get(from, "visibility")))
		json_object_set(out, "visibility", json_object_get(from, "visibility"));
	else
		json_object_set_new(out, "visibility",
				    json_string(json_is_false(json_object_get(from, "private"))
							? "public"
							: "private"));
	json_array_append_new(repositories, out);
	return 0;
}

/* Logins of one role into `members`. */
static int add_members(struct fetch *f, struct arena *a, const char *path, const char *role,
		       json_t *members)
{
	json_t *list, *each;
	size_t i;
	int rc = fetch_list(f, a, arena_printf(a, "%s/members?role=%s&" PAGE, path, role),
			    &list);

	if (rc < 0)
		return rc;
	json_array_foreach(list, i, each) {
		const char *login = text_of(each, "login");

		json_object_set_new(members, login_fold(a, login, strlen(login)),
				    json_string(role));
	}
	return 0;
}

/*
 * Members of the organization as the document has them. An API shows public members only, of
 * whatever role, to who is none himself: to go by that would take away all others.
 */
static int add_people(struct fetch *f, struct arena *a, const char *path, json_t *people)
{
	json_t *owners = json_object(), *others = json_object(), *role;
	int rc = add_members(f, a, path, "admin", owners);
	const char *login;

	if (rc == 0)
		rc = add_members(f, a, path, "member", others);
	if (rc == 0 && json_object_size(owners) == 0)
		rc = fetch_doubt(f, "it lists no owner: is the token one of a member?");
	json_object_foreach(others, login, role)
		if (rc == 0 && json_object_get(owners, login) != NULL)
			rc = fetch_doubt(f, "it lists owners among the members: is the token "
					    "one of a member?");
	json_object_update(owners, others);
	json_object_foreach(owners, login, role)
		json_array_append_new(people,
				      json_pack("{s:s, s:O}", "login", login, "role", role));
	json_decref(others);
	json_decref(owners);
	return rc;
}

/* A team, with its members as an object of logins. */
static int add_team(struct fetch *f, struct arena *a, const char *org, const json_t *from,
		    json_t *teams)
{
	const char *slug = text_of(from, "slug");
	const char *path =
		arena_printf(a, "orgs/%s/teams/%s", escaped(a, org), escaped(a, slug));
	const char *parent = text_of(json_object_get(from, "parent"), "slug");
	const char *privacy = text_of(from, "privacy");
	json_t *members = json_object();
	int rc = add_members(f, a, path, "member", members);

	if (rc == 0)
		rc = add_members(f, a, path, "maintainer", members);
	if (rc < 0) {
		json_decref(members);
		return rc;
	}
	json_array_append_new(
		teams, json_pack("{s:s, s:s, s:o, s:s, s:o, s:o}", "slug", slug, "name",
				 text_of(from, "name"), "description",
				 text_or_empty(from, "description"), "privacy",
				 strcmp(privacy, "secret") == 0 ? "secret" : "closed", "parent",
				 *parent == '\0' ? json_null() : json_string(parent), "members",
				 members));
	return 0;
}

/* Whoever is a member of a child team leaves its parent, unless he maintains that. */
static void leave_parent(json_t *members, const json_t *child)
{
	const char *login;
	json_t *role;

	json_object_foreach(json_object_get(child, "members"), login, role)
		if (strcmp(text_of(members, login), "member") == 0)
			json_object_del(members, login);
}

/* The object of a team's members as the document's list, without those of its children. */
static json_t *listed_members(const json_t *teams, const json_t *team)
{
	json_t *members = json_copy(json_object_get(team, "members"));
	json_t *list = json_array(), *child, *role;
	const char *login;
	size_t i;

	json_array_foreach(teams, i, child)
		if (strcmp(text_of(child, "parent"), text_of(team, "slug")) == 0)
			leave_parent(members, child);
	json_object_foreach(members, login, role)
		json_array_append_new(list,
				      json_pack("{s:s, s:O}", "login", login, "role", role));
	json_decref(members);
	return list;
}

/* All lists first: they look at the objects of other teams. */
static void settle_members(json_t *teams)
{
	json_t *lists = json_array(), *team;
	size_t i;

	json_array_foreach(teams, i, team)
		json_array_append_new(lists, listed_members(teams, team));
	json_array_foreach(teams, i, team)
		json_object_set(team, "members", json_array_get(lists, i));
	json_decref(lists);
}

int sync_source_add(struct fetch *f, struct arena *a, const char *login, json_t *organizations)
{
	const char *org = escaped(a, login);
	json_t *people = json_array(), *teams = json_array(), *repositories = json_array();
	json_t *list = NULL, *each;
	size_t i;
	int rc;

	rc = fetch_list(f, a, arena_printf(a, "orgs/%s/repos?type=all&" PAGE, org), &list);
	json_array_foreach(list, i, each)
		if (rc == 0)
			rc = add_repository(f, a, login, each, repositories);
	if (rc == 0)
		rc = fetch_list(f, a, arena_printf(a, "orgs/%s/teams?" PAGE, org), &list);
	if (rc == 0)
		json_array_foreach(list, i, each)
			if (rc == 0)
				rc = add_team(f, a, login, each, teams);
	if (rc == 0)
		rc = add_people(f, a, arena_printf(a, "orgs/%s", org), people);
	settle_members(teams);
	if (rc == 0)
		rc = json_array_append_new(organizations,
					   json_pack("{s:s, s:O, s:O, s:O}", "login", login,
						     "members", people, "teams", teams,
						     "repositories", repositories));
	json_decref(people);
	json_decref(teams);
	json_decref(repositories);
	return rc;
}
