/*
 * /api/v3/repos/{owner}/{repo}/collaborators: who has which role on a repository.
 *
 * A role is there at once: there is nothing to accept.
 */
#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/api_page.h"
#include "gateway/api_repository.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/repository_access.h"

#define RESOURCE "Collaborator"

static json_t *collaborator_json(struct request *rq, const struct account *a,
				 enum repository_role role)
{
	json_t *json = api_account_brief(rq, a);

	api_repository_role_into(json, role);
	return json;
}

/* `affiliation` and `permission` of the query. 0, or the status of a refusal. */
static int read_filter(struct request *rq, enum collaborator_kind *among,
		       enum repository_role *least)
{
	const char *affiliation = request_query(rq, "affiliation");
	const char *permission = request_query(rq, "permission");

	*among = COLLABORATORS_ALL;
	*least = REPOSITORY_READ;
	if (affiliation != NULL && strcmp(affiliation, "direct") == 0)
		*among = COLLABORATORS_DIRECT;
	else if (affiliation != NULL && strcmp(affiliation, "outside") == 0)
		*among = COLLABORATORS_OUTSIDE;
	else if (affiliation != NULL && strcmp(affiliation, "all") != 0)
		return api_json_invalid(rq, RESOURCE, "affiliation", "invalid");
	if (permission != NULL && repository_role_parse(permission, least) < 0)
		return api_json_invalid(rq, RESOURCE, "permission", "invalid");
	return 0;
}

int api_collaborator_list(struct request *rq)
{
	struct collaborator_list list;
	enum collaborator_kind among;
	enum repository_role least;
	struct api_page page;
	json_t *array;
	int rc, status = api_page_read(rq, &page);

	if (status == 0)
		status = read_filter(rq, &among, &least);
	if (status != 0)
		return status;
	rc = await_collaborator_list(rq->worker->metadb, rq->arena, rq->repository->id, among,
				     least, &(struct list_part){page.offset, page.size}, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing collaborators");
	array = json_array();
	for (size_t i = 0; i < list.count; i++)
		json_array_append_new(array,
				      collaborator_json(rq, &list.collaborator[i].account,
							list.collaborator[i].role));
	return api_page_reply(rq, &page, array,
			      list.more ? API_PAGE_MORE : page.offset + (int64_t)list.count);
}

/* Somebody, and his role; 0, or the status of a refusal. */
static int await_somebody(struct request *rq, struct account *a, enum repository_role *role)
{
	int rc, status = await_api_account(rq, "username", 0, a);

	if (status != 0)
		return status;
	if (a->kind == ACCOUNT_ORGANIZATION)
		return refuse_api(rq, 404, "Not Found");
	rc = await_repository_role(rq->worker->metadb, a->id, rq->repository->id, role);
	return rc < 0 ? give_up(rq, rc, "looking up a role") : 0;
}

int api_collaborator_get(struct request *rq)
{
	enum repository_role role;
	struct account a;
	int status = await_somebody(rq, &a, &role);

	if (status != 0)
		return status;
	return role == REPOSITORY_NONE ? refuse_api(rq, 404, "Not Found") : reply(rq, 204);
}

/* Others' roles are told to those who may write; one's own, and what is public, to readers. */
int api_collaborator_permission(struct request *rq)
{
	static const char *const older[] = {"none", "read", "read", "write", "write", "admin"};
	const struct repository *r = rq->repository;
	enum repository_role role;
	struct account a;
	json_t *json;
	int status = await_somebody(rq, &a, &role);

	if (status != 0)
		return status;
	if (a.id != rq->caller->account_id && r->role < REPOSITORY_WRITE)
		return refuse_api(rq, 403,
				  "You must have the role write on the repository %s/%s",
				  r->owner.login, r->name);
	if (role == REPOSITORY_NONE && r->visibility != VISIBILITY_PRIVATE)
		role = REPOSITORY_READ;
	json = json_pack("{s:s, s:s, s:o}", "permission", older[role], "role_name",
			 repository_role_name(role), "user", collaborator_json(rq, &a, role));
	return api_json_reply(rq, 200, json);
}

static int await_set(struct request *rq, const struct account *a, enum repository_role role)
{
	struct actor who = auth_actor(rq);
	int rc = await_collaborator_set(rq->worker->metadb, &who, rq->repository->id, a->login,
					role);
	int status = api_repository_refused(rq, rc, "changing a collaborator");

	return status != 0 ? status : reply(rq, 204);
}

int api_collaborator_put(struct request *rq)
{
	enum repository_role role = REPOSITORY_WRITE;
	const char *text;
	struct account a;
	json_t *body;
	int status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	text = api_json_text(rq, body, RESOURCE, "permission", false, &status);
	if (status != 0)
		return status;
	if (text != NULL && repository_role_parse(text, &role) < 0)
		return api_json_invalid(rq, RESOURCE, "permission", "invalid");
	status = await_api_account(rq, "username", 0, &a);
	return status != 0 ? status : await_set(rq, &a, role);
}

/* Everybody may give back what he was given; what others have takes an admin. */
int api_collaborator_delete(struct request *rq)
{
	const struct repository *r = rq->repository;
	struct account a;
	int status = await_api_account(rq, "username", 0, &a);

	if (status != 0)
		return status;
	if (r->role < REPOSITORY_ADMIN &&
	    (a.id != rq->caller->account_id || r->role == REPOSITORY_NONE))
		return refuse_api(rq, 403,
				  "You must have the role admin on the repository %s/%s",
				  r->owner.login, r->name);
	return await_set(rq, &a, REPOSITORY_NONE);
}
