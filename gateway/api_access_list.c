/*
 * Who may what on a package: GET …/access answers all of it, each of its lists up to a page;
 * GET …/access/{users,teams,actions,codespaces} and …/aliases answer one list page by page.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_package.h"
#include "gateway/api_page.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/package_lists.h"

static json_t *person_json(struct request *rq, const struct package_list *list, size_t i)
{
	const struct package_person *p = &list->person[i];

	return json_pack("{s:o, s:s, s:b}", "user", api_account_brief(rq, &p->account), "role",
			 role_name(p->role), "effective", p->counts);
}

static json_t *team_json(struct request *rq, const struct package_list *list, size_t i)
{
	const struct package_team *t = &list->team[i];

	(void)rq;
	return json_pack("{s:{s:I, s:s, s:s, s:s, s:s}, s:s}", "team", "id", (json_int_t)t->id,
			 "slug", t->slug, "name", t->name, "description", t->description,
			 "privacy", t->secret ? "secret" : "closed", "role",
			 role_name(t->role));
}

static json_t *actions_json(struct request *rq, const struct package_list *list, size_t i)
{
	const struct package_repository *r = &list->repository[i];

	return json_pack("{s:o, s:s}", "repository", api_package_repository(rq, &r->repository),
			 "role", role_name(r->role));
}

static json_t *codespace_json(struct request *rq, const struct package_list *list, size_t i)
{
	return json_pack("{s:o}", "repository",
			 api_package_repository(rq, &list->repository[i].repository));
}

static json_t *alias_json(struct request *rq, const struct package_list *list, size_t i)
{
	const struct package_alias *alias = &list->alias[i];

	return json_pack("{s:s, s:s, s:s}", "owner", alias->namespace, "name", alias->name,
			 "created_at", api_json_time(rq->arena, alias->created_at));
}

static const struct part {
	const char *name;  /* in the answer that has all of them */
	const char *count; /* likewise */
	const char *url;
	const char *path;
	int (*await_rows)(struct metadb *db, struct arena *a, int64_t package_id,
			  struct package_part part, struct package_list *out);
	json_t *(*json)(struct request *rq, const struct package_list *list, size_t i);
} PEOPLE = {"people", "people_count", "people_url", "users", await_package_people, person_json},
  TEAMS = {"teams", "teams_count", "teams_url", "teams", await_package_teams, team_json},
  ACTIONS = {"actions", "actions_count",       "actions_url",
	     "actions", await_package_actions, actions_json},
  CODESPACES = {"codespaces", "codespaces_count",	"codespaces_url",
		"codespaces", await_package_codespaces, codespace_json},
  ALIASES = {"aliases", "", "", "", await_package_aliases, alias_json};

/* The rows as JSON; 0, or it has given up. */
static int await_part(struct request *rq, const struct part *p, struct package_part part,
		      json_t **list, int64_t *total)
{
	struct package_list rows;
	int rc = p->await_rows(rq->worker->metadb, rq->arena, rq->package_id, part, &rows);

	if (rc < 0)
		return give_up(rq, rc, "reading the access to a package");
	*list = json_array();
	*total = rows.total;
	for (size_t i = 0; i < rows.count; i++)
		json_array_append_new(*list, p->json(rq, &rows, i));
	return 0;
}

static int await_page(struct request *rq, const struct part *p)
{
	struct api_page page;
	json_t *list = NULL;
	int64_t total = 0;
	int status = api_page_read(rq, &page);

	if (status == 0)
		status = await_part(rq, p, (struct package_part){page.offset, page.size}, &list,
				    &total);
	return status != 0 ? status : api_page_reply(rq, &page, list, total);
}

int api_access_get(struct request *rq)
{
	static const struct part *const parts[] = {&PEOPLE, &TEAMS, &ACTIONS, &CODESPACES};
	struct package_detail d;
	int status = await_api_package(rq, &d);
	json_t *json;

	if (status != 0)
		return status;
	json = json_pack("{s:b, s:s, s:o}", "inherits", d.inherits, "visibility",
			 visibility_name(d.package.visibility), "repository",
			 d.linked ? api_package_repository(rq, &d.repository) : json_null());
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct part *p = parts[i];
		const char *url = arena_printf(rq->arena, "%s/access/%s",
					       api_package_url(rq, &d), p->path);
		int64_t total = 0;
		json_t *list = NULL;

		status = await_part(rq, p, (struct package_part){0, API_PAGE_MAX}, &list,
				    &total);
		if (status != 0) {
			json_decref(json);
			return status;
		}
		json_object_set_new(json, p->name, list);
		json_object_set_new(json, p->count, json_integer(total));
		json_object_set_new(json, p->url, json_string(url));
	}
	return api_json_reply(rq, 200, json);
}

int api_access_people(struct request *rq)
{
	return await_page(rq, &PEOPLE);
}

int api_access_teams(struct request *rq)
{
	return await_page(rq, &TEAMS);
}

int api_access_actions(struct request *rq)
{
	return await_page(rq, &ACTIONS);
}

int api_access_codespaces(struct request *rq)
{
	return await_page(rq, &CODESPACES);
}

int api_package_aliases(struct request *rq)
{
	return await_page(rq, &ALIASES);
}
