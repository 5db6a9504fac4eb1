/* One repository: GET, PATCH, DELETE, transfer, and making one. */
#include "gateway/api_repository.h"

#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/base64.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "proto/model/source_url.h"

#define RESOURCE "Repository"

void api_repository_role_into(json_t *object, enum repository_role role)
{
	json_object_set_new(
		object, "permissions",
		json_pack("{s:b, s:b, s:b, s:b, s:b}", "pull", role >= REPOSITORY_READ,
			  "triage", role >= REPOSITORY_TRIAGE, "push", role >= REPOSITORY_WRITE,
			  "maintain", role >= REPOSITORY_MAINTAIN, "admin",
			  role >= REPOSITORY_ADMIN));
	json_object_set_new(object, "role_name", json_string(repository_role_name(role)));
}

static json_t *text_or_null(const char *text)
{
	return *text == '\0' ? json_null() : json_string(text);
}

static bool is_web_address(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

/* Where people look at it: the source itself, or what its owner has here. */
const char *api_repository_html_url(struct request *rq, const char *url, const char *owner)
{
	if (is_web_address(url))
		return url;
	return arena_printf(rq->arena, "%s/%s", request_base_url(rq), owner);
}

const char *api_repository_node_id(struct request *rq, int64_t id)
{
	const char *plain = arena_printf(rq->arena, "010:Repository%lld", (long long)id);

	return base64_encode(rq->arena, BASE64_STANDARD, plain, strlen(plain));
}

json_t *api_repository_json(struct request *rq, const struct repository *r)
{
	const char *url = arena_printf(rq->arena, "%s/api/v3/repos/%s/%s", request_base_url(rq),
				       r->owner.login, r->name);
	json_t *json = json_pack(
		"{s:I, s:s, s:s, s:s, s:b, s:o, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:n}",
		"id", (json_int_t)r->id, "node_id", api_repository_node_id(rq, r->id), "name",
		r->name, "full_name", arena_printf(rq->arena, "%s/%s", r->owner.login, r->name),
		"private", r->visibility != VISIBILITY_PUBLIC, "owner",
		api_account_brief(rq, &r->owner), "html_url",
		api_repository_html_url(rq, r->url, r->owner.login), "fork", false, "url", url,
		"collaborators_url",
		arena_printf(rq->arena, "%s/collaborators{/collaborator}", url), "teams_url",
		arena_printf(rq->arena, "%s/teams", url), "visibility",
		visibility_name(r->visibility), "created_at",
		api_json_time(rq->arena, r->created_at), "updated_at",
		api_json_time(rq->arena, r->updated_at), "pushed_at");

	json_object_set_new(json, "description", text_or_null(r->description));
	json_object_set_new(json, "homepage", text_or_null(r->homepage));
	json_object_set_new(json, "source_url", text_or_null(r->url));
	json_object_set_new(json, "archived", json_false());
	json_object_set_new(json, "disabled", json_false());
	/* What is shown may be read, whether by a role or by anybody. */
	api_repository_role_into(json, r->role > REPOSITORY_READ ? r->role : REPOSITORY_READ);
	return json;
}

int api_repository_refused(struct request *rq, int rc, const char *doing)
{
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, doing);
	switch ((enum repository_refusal)rc) {
	case REPOSITORY_DONE:
		return 0;
	case REPOSITORY_NAME_TAKEN:
		return api_json_invalid(rq, RESOURCE, "name", "already_exists");
	case REPOSITORY_SOURCE_TAKEN:
		return api_json_invalid(rq, RESOURCE, "source_url", "already_exists");
	case REPOSITORY_USER_INTERNAL:
		return api_json_invalid(rq, RESOURCE, "visibility", "invalid");
	case REPOSITORY_OWNER_FOREIGN:
		return refuse_api(rq, 403, "You may have no repositories there");
	case REPOSITORY_ACCOUNT_MISSING:
		return refuse_api(rq, 404, "Not Found");
	case REPOSITORY_OWNED:
		return api_json_invalid(rq, RESOURCE, "username", "invalid");
	case REPOSITORY_TEAM_FOREIGN:
		return api_json_invalid(rq, RESOURCE, "team_slug", "invalid");
	}
	return give_up(rq, ERR_PROTOCOL, doing);
}

/* GitHub knows `private`, and `visibility`, which says more. NULL: neither was sent. */
static const enum visibility *read_visibility(struct request *rq, const json_t *body,
					      const struct repository *now, int *status)
{
	const char *text = api_json_text(rq, body, RESOURCE, "visibility", false, status);
	const json_t *private = json_object_get(body, "private");
	enum visibility *out = arena_alloc(rq->arena, sizeof(*out));

	if (*status != 0)
		return NULL;
	if (text != NULL) {
		if (visibility_parse(text, out) < 0)
			*status = api_json_invalid(rq, RESOURCE, "visibility", "invalid");
		return out;
	}
	if (private == NULL || json_is_null(private))
		return NULL;
	if (!json_is_boolean(private))
		*status = api_json_invalid(rq, RESOURCE, "private", "invalid");
	/* Internal is private enough. */
	if (json_is_true(private) && now != NULL && now->visibility != VISIBILITY_PUBLIC)
		return NULL;
	*out = json_is_true(private) ? VISIBILITY_PRIVATE : VISIBILITY_PUBLIC;
	return out;
}

/* source_url and its normal form; both NULL when it was not sent. */
static void read_source(struct request *rq, const json_t *body, struct repository_change *out,
			int *status)
{
	out->url = api_json_change(rq, body, RESOURCE, "source_url", SOURCE_URL_MAX, status);
	out->source = out->url;
	if (*status != 0 || out->url == NULL || *out->url == '\0')
		return;
	if (source_url_normalise(rq->arena, out->url, strlen(out->url), &out->source) < 0)
		*status = api_json_invalid(rq, RESOURCE, "source_url", "invalid");
}

/* What is to change, or to be; now: NULL for a new one. 0, or the status of a refusal. */
static int await_change(struct request *rq, const struct repository *now,
			struct repository_change *out)
{
	json_t *body;
	int status = await_api_json(rq, &body);

	memset(out, 0, sizeof(*out));
	if (status != 0)
		return status;
	out->name = api_json_text(rq, body, RESOURCE, "name", now == NULL, &status);
	if (status == 0 && out->name != NULL &&
	    !source_repository_valid(out->name, strlen(out->name)))
		status = api_json_invalid(rq, RESOURCE, "name", "invalid");
	out->visibility = read_visibility(rq, body, now, &status);
	out->description = api_json_change(rq, body, RESOURCE, "description",
					   REPOSITORY_DESCRIPTION_MAX, &status);
	out->homepage = api_json_change(rq, body, RESOURCE, "homepage", REPOSITORY_HOMEPAGE_MAX,
					&status);
	if (status == 0 && out->homepage != NULL && *out->homepage != '\0' &&
	    !is_web_address(out->homepage))
		status = api_json_invalid(rq, RESOURCE, "homepage", "invalid");
	read_source(rq, body, out, &status);
	return status;
}

/*
 * Labels find a repository by the address of its source, and what inherits from it is open to
 * its people. So a member, who is admin of each repository that he makes, must not claim an
 * address for one: only owners do. 0, or refused.
 */
static int await_may_claim(struct request *rq, const struct account *owner,
			   const struct repository_change *change)
{
	enum membership role;
	int rc;

	if (change->url == NULL || *change->url == '\0' ||
	    owner->kind != ACCOUNT_ORGANIZATION || auth_site_admin(rq))
		return 0;
	rc = await_membership_get(rq->worker->metadb, owner->id, rq->caller->account_id, &role);
	if (rc < 0)
		return give_up(rq, rc, "looking up the membership");
	if (role == MEMBERSHIP_OWNER)
		return 0;
	return refuse_api(rq, 403,
			  "Only owners of the organization %s may say where the source of a "
			  "repository is (source_url)",
			  owner->login);
}

/* As it is now, by its owner and name. */
static int await_reply_repository(struct request *rq, int status, const char *owner,
				  const char *name)
{
	struct repository r;
	int rc = await_repository_find(rq->worker->metadb, rq->arena, rq->caller->account_id,
				       owner, name, &r);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "looking up the repository");
	return api_json_reply(rq, status, api_repository_json(rq, &r));
}

static int await_create(struct request *rq, const struct account *owner)
{
	struct repository_change wanted;
	struct actor who = auth_actor(rq);
	int64_t id;
	int rc, status = await_change(rq, NULL, &wanted);

	if (status == 0)
		status = await_may_claim(rq, owner, &wanted);
	if (status != 0)
		return status;
	rc = await_repository_create(rq->worker->metadb, &who, owner->id, &wanted, &id);
	status = api_repository_refused(rq, rc, "creating a repository");
	return status != 0 ? status
			   : await_reply_repository(rq, 201, owner->login, wanted.name);
}

int api_user_repo_create(struct request *rq)
{
	struct account owner;
	int status = await_api_self(rq, &owner);

	return status != 0 ? status : await_create(rq, &owner);
}

int api_org_repo_create(struct request *rq)
{
	struct account owner;
	int status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &owner);

	return status != 0 ? status : await_create(rq, &owner);
}

int api_repo_get(struct request *rq)
{
	return api_json_reply(rq, 200, api_repository_json(rq, rq->repository));
}

int api_repo_update(struct request *rq)
{
	const struct repository *r = rq->repository;
	struct repository_change change;
	struct actor who = auth_actor(rq);
	int rc, status = await_change(rq, r, &change);

	if (status == 0)
		status = await_may_claim(rq, &r->owner, &change);
	if (status != 0)
		return status;
	rc = await_repository_update(rq->worker->metadb, &who, r->id, &change);
	status = api_repository_refused(rq, rc, "changing a repository");
	return status != 0
		       ? status
		       : await_reply_repository(rq, 200, r->owner.login,
						change.name != NULL ? change.name : r->name);
}

int api_repo_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int rc = await_repository_delete(rq->worker->metadb, &who, rq->repository->id);
	int status = api_repository_refused(rq, rc, "deleting a repository");

	return status != 0 ? status : reply(rq, 204);
}

/* The new owner, where the caller's token must count as well. */
static int await_heir(struct request *rq, const char *login, struct account *out)
{
	int rc = await_account_by_login(rq->worker->metadb, rq->arena,
					login_fold(rq->arena, login, strlen(login)), out);

	if (rc == ERR_NOT_FOUND)
		return api_json_invalid(rq, RESOURCE, "new_owner", "invalid");
	if (rc < 0)
		return give_up(rq, rc, "looking up the new owner");
	return await_auth_inside(rq, out->id, out->login);
}

/* GitHub asks the new owner; here it must be the caller, or an organization that he is in. */
int api_repo_transfer(struct request *rq)
{
	const struct repository *r = rq->repository;
	struct actor who = auth_actor(rq);
	const char *owner, *name;
	struct account heir;
	json_t *body;
	int rc, status = await_api_json(rq, &body);

	if (status != 0)
		return status;
	owner = api_json_text(rq, body, RESOURCE, "new_owner", true, &status);
	name = api_json_text(rq, body, RESOURCE, "new_name", false, &status);
	if (status == 0 && name != NULL && !source_repository_valid(name, strlen(name)))
		status = api_json_invalid(rq, RESOURCE, "new_name", "invalid");
	if (status == 0)
		status = await_heir(rq, owner, &heir);
	if (status != 0)
		return status;
	rc = await_repository_transfer(rq->worker->metadb, &who, r->id, heir.login, name);
	if (rc == REPOSITORY_ACCOUNT_MISSING)
		return api_json_invalid(rq, RESOURCE, "new_owner", "invalid");
	status = api_repository_refused(rq, rc, "transferring a repository");
	return status != 0 ? status
			   : await_reply_repository(rq, 202, heir.login,
						    name != NULL ? name : r->name);
}
