/* Visibility, the linked repository and the names of a package, changed by its admins. */
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_package.h"
#include "gateway/api_settings.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/package_settings.h"

static const char *fold(struct request *rq, const char *login)
{
	return login_fold(rq->arena, login, strlen(login));
}

int api_package_visibility(struct request *rq)
{
	struct settings_change change = {.doing = "changing a package's visibility",
					 .field = "visibility",
					 .there = rq->repo.namespace};
	struct actor who = auth_actor(rq);
	const char *text;
	json_t *body;
	int rc, status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	text = api_json_text(rq, body, "Package", "visibility", true, &status);
	if (status != 0)
		return status;
	if (visibility_parse(text, &change.visibility) < 0)
		return api_json_invalid(rq, "Package", "visibility", "invalid");
	rc = await_package_visibility_set(rq->worker->metadb, &who, rq->package_id,
					  change.visibility);
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : await_api_package_reply(rq);
}

/* {"owner", "repo"}, or {"repository": "OWNER/REPO"}. 0, or it has refused. */
static int read_repository(struct request *rq, const json_t *body, const char **owner,
			   const char **repo)
{
	int status = 0;
	const char *full = api_json_text(rq, body, "Package", "repository", false, &status);
	const char *slash;

	if (status == 0 && full == NULL) {
		*owner = api_json_text(rq, body, "Package", "owner", true, &status);
		*repo = api_json_text(rq, body, "Package", "repo", true, &status);
		return status;
	}
	if (status != 0)
		return status;
	slash = strchr(full, '/');
	if (slash == NULL || slash == full || slash[1] == '\0')
		return api_json_invalid(rq, "Package", "repository", "invalid");
	*owner = arena_printf(rq->arena, "%.*s", (int)(slash - full), full);
	*repo = slash + 1;
	return 0;
}

/* What the package is linked to, as far as the caller may know. */
static int await_link_reply(struct request *rq)
{
	static const char *const by[] = {
		[LINKED_BY_LABEL] = "label",
		[LINKED_BY_WORKFLOW] = "workflow",
		[LINKED_BY_WORD] = "settings",
	};
	struct package_detail d;
	int status = await_api_package(rq, &d);

	if (status != 0)
		return status;
	if (!d.linked)
		return refuse_api(rq, 404, "Not Found");
	return api_json_reply(rq, 200,
			      json_pack("{s:o, s:s, s:s, s:b}", "repository",
					api_package_repository(rq, &d.repository), "linked_by",
					by[d.linked_by], "linked_at",
					api_json_time(rq->arena, d.linked_at), "inherits",
					d.inherits));
}

int api_package_link_get(struct request *rq)
{
	return await_link_reply(rq);
}

int api_package_link_put(struct request *rq)
{
	struct settings_change change = {.doing = "linking a package",
					 .field = "repository",
					 .there = rq->repo.namespace};
	struct actor who = auth_actor(rq);
	const char *owner = NULL, *repo = NULL;
	json_t *body;
	int rc, status = await_api_json(rq, &body);

	if (status == 0)
		status = read_repository(rq, body, &owner, &repo);
	if (status != 0)
		return status;
	owner = fold(rq, owner);
	change.subject = arena_printf(rq->arena, "%s/%s", owner, repo);
	rc = await_package_link(rq->worker->metadb, &who, rq->package_id, owner, repo);
	if (rc == SETTINGS_UNKNOWN)
		return api_json_invalid(rq, "Package", "repository", "invalid");
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : await_link_reply(rq);
}

int api_package_link_delete(struct request *rq)
{
	struct settings_change change = {.doing = "unlinking a package"};
	struct actor who = auth_actor(rq);
	int rc = await_package_unlink(rq->worker->metadb, &who, rq->package_id), status;

	if (rc == SETTINGS_UNLINKED)
		return refuse_api(rq, 404, "Not Found");
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : reply(rq, 204);
}

int api_package_rename(struct request *rq)
{
	struct settings_change change = {.doing = "renaming a package", .field = "name"};
	struct actor who = auth_actor(rq);
	struct repository_name parsed;
	const char *name, *full;
	json_t *body;
	int rc, status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	name = api_json_text(rq, body, "Package", "name", true, &status);
	if (status != 0)
		return status;
	full = arena_printf(rq->arena, "%s/%s", rq->repo.namespace, name);
	if (repository_parse(rq->arena, full, strlen(full), &parsed) < 0)
		return api_json_invalid(rq, "Package", "name", "invalid");
	rc = await_package_rename(rq->worker->metadb, &who, rq->package_id, parsed.name);
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : await_api_package_reply(rq);
}

/*
 * The token must be good for the new namespace as well: not limited to others, and authorized
 * where single sign-on is required. 0, or it has refused.
 */
static int await_token_there(struct request *rq, const char *login)
{
	struct authorization found;
	struct presented p;
	int rc = await_auth_presented(rq, &p);

	if (rc == 0)
		rc = await_authorize(rq->worker->metadb, &p.credential, login, "", NULL,
				     &found);
	if (rc < 0)
		return give_up(rq, rc, "looking up rights in the new namespace");
	if (found.standing.outside != OUTSIDE_NOT)
		return auth_refuse_outside(rq, found.standing.outside, login);
	return 0;
}

int api_package_transfer(struct request *rq)
{
	struct settings_change change = {.doing = "transferring a package",
					 .field = "new_owner",
					 .visibility = rq->standing.visibility};
	struct actor who = auth_actor(rq);
	const char *login;
	json_t *body;
	int rc, status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	login = api_json_text(rq, body, "Package", "new_owner", true, &status);
	if (status != 0)
		return status;
	change.there = login = fold(rq, login);
	status = await_token_there(rq, login);
	if (status != 0)
		return status;
	rc = await_package_transfer(rq->worker->metadb, &who, rq->package_id, login);
	if (rc == SETTINGS_UNKNOWN)
		return api_json_invalid(rq, "Package", "new_owner", "invalid");
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : await_api_package_reply(rq);
}
