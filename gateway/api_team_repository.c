/*
 * Teams and repositories: /orgs/{org}/teams/{team_slug}/repos and /repos/{owner}/{repo}/teams.
 *
 * A team has what the teams above it were given, too. An admin of the repository gives it to
 * any team of its organization that he sees.
 */
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_org.h"
#include "gateway/api_page.h"
#include "gateway/api_repository.h"
#include "gateway/api_team.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/lookups.h"
#include "metadb/repository_access.h"

int api_team_repo_list(struct request *rq)
{
	struct repository_list list;
	enum team_power power;
	struct api_page page;
	struct team t;
	json_t *array;
	int rc, status = api_page_read(rq, &page);

	if (status == 0)
		status = await_api_team(rq, &t, &power);
	if (status != 0)
		return status;
	rc = await_team_repository_list(rq->worker->metadb, rq->arena, rq->caller->account_id,
					auth_has_scopes(rq, SCOPE_REPO), t.self.id,
					&(struct list_part){page.offset, page.size}, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing a team's repositories");
	array = json_array();
	for (size_t i = 0; i < list.count; i++)
		json_array_append_new(array, api_repository_json(rq, &list.repository[i]));
	return api_page_reply(rq, &page, array,
			      list.more ? API_PAGE_MORE : page.offset + (int64_t)list.count);
}

/* 204, or the repository with what the team may there for those who ask for that. */
int api_team_repo_get(struct request *rq)
{
	const char *accept = request_header(rq, "Accept");
	enum repository_role role;
	enum team_power power;
	struct repository r;
	struct team t;
	int rc, status = await_api_team(rq, &t, &power);

	if (status != 0)
		return status;
	rc = await_team_repository_role(rq->worker->metadb, t.self.id, rq->repository->id,
					&role);
	if (rc < 0)
		return give_up(rq, rc, "looking up a team's role");
	if (role == REPOSITORY_NONE)
		return refuse_api(rq, 404, "Not Found");
	if (accept == NULL || strstr(accept, "repository+json") == NULL)
		return reply(rq, 204);
	r = *rq->repository;
	r.role = role;
	return api_json_reply(rq, 200, api_repository_json(rq, &r));
}

static int await_set(struct request *rq, enum repository_role role)
{
	struct actor who = auth_actor(rq);
	enum team_power power;
	struct team t;
	int rc, status = await_api_team(rq, &t, &power);

	if (status != 0)
		return status;
	rc = await_repository_team_set(rq->worker->metadb, &who, rq->repository->id, t.self.id,
				       role);
	status = api_repository_refused(rq, rc, "changing a team's repositories");
	return status != 0 ? status : reply(rq, 204);
}

int api_team_repo_put(struct request *rq)
{
	enum repository_role role = REPOSITORY_READ;
	const char *text;
	json_t *body;
	int status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	text = api_json_text(rq, body, "Team", "permission", false, &status);
	if (status != 0)
		return status;
	if (text != NULL && repository_role_parse(text, &role) < 0)
		return api_json_invalid(rq, "Team", "permission", "invalid");
	return await_set(rq, role);
}

int api_team_repo_delete(struct request *rq)
{
	return await_set(rq, REPOSITORY_NONE);
}

int api_repo_team_list(struct request *rq)
{
	struct team_actor who = {.actor = auth_actor(rq)};
	struct team_list list;
	struct api_page page;
	json_t *array;
	int rc, status = api_page_read(rq, &page);

	if (status != 0)
		return status;
	rc = await_repository_team_list(rq->worker->metadb, rq->arena, &who, rq->repository->id,
					page.offset, page.size, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing a repository's teams");
	array = json_array();
	for (size_t i = 0; i < list.count; i++) {
		json_t *json = api_team_json(rq, &list.at[i]);

		json_object_set_new(json, "permission",
				    json_string(repository_permission_name(list.at[i].on)));
		api_repository_role_into(json, list.at[i].on);
		json_array_append_new(array, json);
	}
	return api_page_reply(rq, &page, array, list.total);
}
