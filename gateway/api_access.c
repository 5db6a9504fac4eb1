/*
 * Changes of who may what on a package: people, teams, repositories whose workflows or
 * codespaces may something, and whether access is inherited. All by admins of the package.
 */
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_package.h"
#include "gateway/api_settings.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/package_settings.h"

/* The `role` of a PUT, ROLE_NONE for DELETE; 0, or it has refused. */
static int await_wanted_role(struct request *rq, enum role *out)
{
	json_t *body;
	int status;

	*out = ROLE_NONE;
	if (request_is(rq, METHOD_DELETE))
		return 0;
	status = await_api_json(rq, &body);
	return status != 0 ? status : settings_role(rq, body, out);
}

static const char *folded(struct request *rq, const char *param)
{
	const char *text = request_param(rq, param);

	return login_fold(rq->arena, text, strlen(text));
}

int api_access_person_set(struct request *rq)
{
	struct settings_change change = {.doing = "granting access to a package",
					 .field = "member",
					 .subject = folded(rq, "member"),
					 .there = rq->repo.namespace};
	struct actor who = auth_actor(rq);
	enum role role;
	int rc, status = await_wanted_role(rq, &role);

	if (status != 0)
		return status;
	rc = await_package_grant_set(rq->worker->metadb, &who, rq->package_id, change.subject,
				     role);
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : reply(rq, 204);
}

int api_access_team_set(struct request *rq)
{
	struct settings_change change = {.doing = "granting access to a team",
					 .field = "team_slug",
					 .subject = folded(rq, "team_slug"),
					 .there = rq->repo.namespace};
	struct actor who = auth_actor(rq);
	enum role role;
	int rc, status = await_wanted_role(rq, &role);

	if (status != 0)
		return status;
	rc = await_package_team_set(rq->worker->metadb, &who, rq->package_id, change.subject,
				    role);
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : reply(rq, 204);
}

/* Of the repository {owner}/{repo}. */
static struct settings_change repository_change(struct request *rq, const char *doing)
{
	return (struct settings_change){
		.doing = doing,
		.field = "repository",
		.subject = arena_printf(rq->arena, "%s/%s", folded(rq, "owner"),
					request_param(rq, "repo")),
		.there = rq->repo.namespace,
	};
}

int api_access_actions_set(struct request *rq)
{
	struct settings_change change = repository_change(rq, "granting access to workflows");
	struct actor who = auth_actor(rq);
	enum role role;
	int rc, status = await_wanted_role(rq, &role);

	if (status != 0)
		return status;
	rc = await_package_actions_set(rq->worker->metadb, &who, rq->package_id,
				       folded(rq, "owner"), request_param(rq, "repo"), role);
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : reply(rq, 204);
}

int api_access_codespaces_set(struct request *rq)
{
	struct settings_change change = repository_change(rq, "granting access to codespaces");
	struct actor who = auth_actor(rq);
	int rc, status;

	rc = await_package_codespace_set(rq->worker->metadb, &who, rq->package_id,
					 folded(rq, "owner"), request_param(rq, "repo"),
					 request_is(rq, METHOD_PUT));
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : reply(rq, 204);
}

int api_access_inherit(struct request *rq)
{
	struct settings_change change = {.doing = "switching inherited access",
					 .field = "inherit",
					 .there = rq->repo.namespace};
	struct actor who = auth_actor(rq);
	json_t *body;
	bool on;
	int rc, status = await_api_json(rq, &body);

	if (status == 0)
		status = settings_flag(rq, body, "inherit", &on);
	if (status != 0)
		return status;
	rc = await_package_inherit_set(rq->worker->metadb, &who, rq->package_id, on);
	status = await_settings_end(rq, rc, &change);
	return status != 0 ? status : await_api_package_reply(rq);
}
