/*
 * /orgs/{org}: an organization, its rules for members and packages, and its end.
 *
 * GitHub's names where it has them. Ours, about packages:
 *   members_can_create_packages      otherwise owners only
 *   package_visibilities             which ones packages may be given, e.g. ["private",
 * "public"] default_package_visibility       of new packages; one of these
 *   packages_inherit_access_default  packages that are published linked inherit their rights
 *   sso_required                     personal tokens must be authorized for the organization
 */
#include "gateway/api_org.h"

#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_json.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/account_changes.h"

#define RESOURCE	"Organization"
#define DESCRIPTION_MAX 1000

struct team_actor api_org_actor(const struct request *rq)
{
	return (struct team_actor){.actor = auth_actor(rq), .site = rq->org->site};
}

/* As GitHub names what every member is to every repository. */
static const struct {
	int role;
	const char *name;
} permissions[] = {{0, "none"}, {1, "read"}, {3, "write"}, {5, "admin"}};

static const char *permission_name(int role)
{
	for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++)
		if (permissions[i].role == role)
			return permissions[i].name;
	return "none";
}

static json_t *visibility_list(unsigned bits)
{
	json_t *list = json_array();

	for (int v = VISIBILITY_PRIVATE; v <= VISIBILITY_PUBLIC; v++)
		if (bits & 1u << v)
			json_array_append_new(list,
					      json_string(visibility_name((enum visibility)v)));
	return list;
}

json_t *api_org_brief(struct request *rq, const struct account *a)
{
	json_t *json = api_account_brief(rq, a);
	const char *url =
		arena_printf(rq->arena, "%s/api/v3/orgs/%s", request_base_url(rq), a->login);

	json_object_set_new(json, "description", api_json_maybe(a->description));
	json_object_set_new(json, "members_url", json_sprintf("%s/members{/member}", url));
	json_object_set_new(json, "repos_url", json_sprintf("%s/repos", url));
	return json;
}

json_t *api_org_json(struct request *rq, const struct account *a, bool inside)
{
	const struct organization_rules *r = &a->rules;
	json_t *json = api_account_json(rq, a, true);
	json_t *rules;

	json_object_update_missing_new(json, api_org_brief(rq, a));
	if (!inside)
		return json;
	rules = json_pack("{s:s, s:b, s:o, s:s, s:b, s:b}", "default_repository_permission",
			  permission_name(r->base_role), "members_can_create_packages",
			  r->members_create, "package_visibilities",
			  visibility_list(r->visibilities), "default_package_visibility",
			  visibility_name(r->default_visibility),
			  "packages_inherit_access_default", r->default_inherits,
			  "sso_required", r->sso_required);
	json_object_update_new(json, rules);
	return json;
}

/* A member, or a site admin, whose token counts there: 1 or 0, or an error. */
static int await_inside(struct request *rq, const struct account *a)
{
	enum membership role;
	enum outside outside;
	int rc;

	if (auth_site_admin(rq))
		return 1;
	rc = await_membership_get(rq->worker->metadb, a->id, rq->caller->account_id, &role);
	if (rc < 0 || role == MEMBERSHIP_NONE)
		return rc;
	rc = await_token_outside(rq->worker->metadb, rq->caller->token_id, a->id, &outside);
	return rc < 0 ? rc : outside == OUTSIDE_NOT && auth_has_scopes(rq, SCOPE_READ_ORG);
}

int api_org_get(struct request *rq)
{
	struct account a;
	int inside, status = await_api_account(rq, "org", ACCOUNT_ORGANIZATION, &a);

	if (status != 0)
		return status;
	inside = await_inside(rq, &a);
	if (inside < 0)
		return give_up(rq, inside, "looking up the membership");
	return api_json_reply(rq, 200, api_org_json(rq, &a, inside != 0));
}

/* A switch: −1 when it is not in the body. */
static int read_switch(struct request *rq, const json_t *body, const char *field, int *status)
{
	const json_t *value = json_object_get(body, field);

	if (*status != 0 || value == NULL || json_is_null(value))
		return -1;
	if (!json_is_boolean(value))
		*status = api_json_invalid(rq, RESOURCE, field, "invalid");
	return json_is_true(value);
}

static int read_permission(struct request *rq, const json_t *body, int *status)
{
	const char *field = "default_repository_permission";
	const char *text = api_json_text(rq, body, RESOURCE, field, false, status);

	if (*status != 0 || text == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++)
		if (strcmp(permissions[i].name, text) == 0)
			return permissions[i].role;
	*status = api_json_invalid(rq, RESOURCE, field, "invalid");
	return -1;
}

static int read_visibilities(struct request *rq, const json_t *body, int *status)
{
	const json_t *list = json_object_get(body, "package_visibilities");
	unsigned bits = 0;

	if (*status != 0 || list == NULL || json_is_null(list))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		enum visibility v;

		if (text == NULL || visibility_parse(text, &v) < 0) {
			bits = 0;
			break;
		}
		bits |= 1u << v;
	}
	if (bits == 0)
		*status = api_json_invalid(rq, RESOURCE, "package_visibilities", "invalid");
	return (int)bits;
}

static int read_default_visibility(struct request *rq, const json_t *body, int *status)
{
	const char *field = "default_package_visibility";
	const char *text = api_json_text(rq, body, RESOURCE, field, false, status);
	enum visibility v = VISIBILITY_PRIVATE;

	if (*status != 0 || text == NULL)
		return -1;
	if (visibility_parse(text, &v) < 0)
		*status = api_json_invalid(rq, RESOURCE, field, "invalid");
	return (int)v;
}

/* What a body says. 0, or the status of a refusal. */
static int read_change(struct request *rq, const json_t *body, struct organization_change *c)
{
	int status = 0;

	c->name = api_json_change(rq, body, RESOURCE, "name", API_NAME_MAX, &status);
	c->description =
		api_json_change(rq, body, RESOURCE, "description", DESCRIPTION_MAX, &status);
	c->email = api_json_change(rq, body, RESOURCE, "email", API_EMAIL_MAX, &status);
	c->base_role = read_permission(rq, body, &status);
	c->members_create = read_switch(rq, body, "members_can_create_packages", &status);
	c->visibilities = read_visibilities(rq, body, &status);
	c->default_visibility = read_default_visibility(rq, body, &status);
	c->default_inherits = read_switch(rq, body, "packages_inherit_access_default", &status);
	c->sso_required = read_switch(rq, body, "sso_required", &status);
	return status;
}

int api_org_patch(struct request *rq)
{
	struct account *a = &rq->org->account;
	struct actor who = auth_actor(rq);
	struct organization_change change;
	json_t *body;
	int rc, status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = read_change(rq, body, &change);
	if (status != 0)
		return status;
	rc = await_organization_set(rq->worker->metadb, &who, a->id, &change);
	if (rc == ERR_CONFLICT)
		return api_json_invalid(rq, RESOURCE, "default_package_visibility", "invalid");
	if (rc == 0)
		rc = await_account_by_id(rq->worker->metadb, rq->arena, a->id, a);
	if (rc < 0)
		return api_org_refused(rq, rc, "changing an organization");
	return api_json_reply(rq, 200, api_org_json(rq, a, true));
}

int api_org_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int rc = await_organization_delete(rq->worker->metadb, &who, rq->org->account.id);

	if (rc < 0)
		return api_org_refused(rq, rc, "deleting an organization");
	return api_json_reply(rq, 202, json_object());
}

int api_org_refused(struct request *rq, int rc, const char *doing)
{
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	if (rc == ERR_DENIED)
		return refuse_api(rq, 403, "You must be an owner of the organization %s",
				  rq->org->account.login);
	return give_up(rq, rc, doing);
}
