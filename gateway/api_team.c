/*
 * /orgs/{org}/teams: an organization's teams, and the tree that they form.
 *
 * Members see the teams that are not secret, and those they are in; owners and site admins see
 * all. Who may change one, and that nobody gets more by it than he has, is looked at where the
 * change is made (schema/0044).
 */
#include "gateway/api_team.h"

#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_org.h"
#include "gateway/api_page.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/lookups.h"

#define RESOURCE	"Team"
#define DESCRIPTION_MAX 1000

/* Bytes of UTF-8 that begin a character. */
static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static json_t *brief_json(struct request *rq, const char *organization, int64_t organization_id,
			  const struct team_brief *t)
{
	const char *base = request_base_url(rq);
	const char *url = arena_printf(rq->arena, "%s/api/v3/orgs/%s/teams/%s", base,
				       organization, t->slug);

	return json_pack(
		"{s:I, s:o, s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:I}", "id",
		(json_int_t)t->id, "node_id", json_sprintf("T_%lld", (long long)t->id), "name",
		t->name, "slug", t->slug, "description", api_json_maybe(t->description),
		"privacy", t->secret ? "secret" : "closed", "permission", "pull", "url", url,
		"members_url", json_sprintf("%s/members{/member}", url), "repositories_url",
		json_sprintf("%s/repos", url), "html_url",
		arena_printf(rq->arena, "%s/orgs/%s/teams/%s", base, organization, t->slug),
		"type", "organization", "organization_id", (json_int_t)organization_id);
}

const char *api_team_url(struct request *rq, const struct team *t)
{
	return arena_printf(rq->arena, "%s/api/v3/orgs/%s/teams/%s", request_base_url(rq),
			    t->organization, t->self.slug);
}

json_t *api_team_json(struct request *rq, const struct team *t)
{
	json_t *json = brief_json(rq, t->organization, t->organization_id, &t->self);
	json_t *parent = t->parent.id == 0 ? json_null()
					   : brief_json(rq, t->organization, t->organization_id,
							&t->parent);

	json_object_set_new(json, "parent", parent);
	return json;
}

/* With counts and the organization. */
static json_t *full_json(struct request *rq, const struct team *t, json_t *organization)
{
	json_t *json = api_team_json(rq, t);

	json_object_set_new(json, "members_count", json_integer(t->members));
	json_object_set_new(json, "repos_count", json_integer(t->repositories));
	json_object_set_new(json, "created_at",
			    json_string(api_json_time(rq->arena, t->created_at)));
	json_object_set_new(json, "updated_at",
			    json_string(api_json_time(rq->arena, t->updated_at)));
	json_object_set_new(json, "organization", organization);
	return json;
}

int await_api_team(struct request *rq, struct team *out, enum team_power *power)
{
	struct team_actor who = api_org_actor(rq);
	int rc;

	rc = await_team_get(rq->worker->metadb, rq->arena, &who, rq->org->account.id,
			    request_param(rq, "team_slug"), out, power);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Not Found");
	return rc < 0 ? give_up(rq, rc, "looking up a team") : 0;
}

static int reply_list(struct request *rq, const struct api_page *page,
		      const struct team_list *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(json, api_team_json(rq, &list->at[i]));
	return api_page_reply(rq, page, json, list->total);
}

/* All that the caller sees, or the children of `parent`. */
static int await_list(struct request *rq, int64_t parent)
{
	struct team_actor who = api_org_actor(rq);
	struct team_list list;
	struct api_page page;
	int rc = api_page_read(rq, &page);

	if (rc != 0)
		return rc;
	rc = await_team_list(rq->worker->metadb, rq->arena, &who, rq->org->account.id, parent,
			     page.offset, page.size, &list);
	return rc < 0 ? give_up(rq, rc, "listing teams") : reply_list(rq, &page, &list);
}

int api_team_list(struct request *rq)
{
	return await_list(rq, 0);
}

int api_team_child_list(struct request *rq)
{
	enum team_power power;
	struct team t;
	int status = await_api_team(rq, &t, &power);

	return status != 0 ? status : await_list(rq, t.self.id);
}

int api_team_get(struct request *rq)
{
	enum team_power power;
	struct team t;
	int status = await_api_team(rq, &t, &power);

	if (status != 0)
		return status;
	return api_json_reply(rq, 200,
			      full_json(rq, &t, api_org_json(rq, &rq->org->account, false)));
}

/* The caller's own, of all organizations. */
int api_user_team_list(struct request *rq)
{
	struct team_list list;
	struct api_page page;
	json_t *json;
	int rc;

	if (!auth_has_scopes(rq, SCOPE_READ_ORG) && !auth_has_scopes(rq, SCOPE_READ_USER) &&
	    !auth_has_scopes(rq, SCOPE_REPO) && !auth_site_admin(rq))
		return refuse_api(rq, 403,
				  "The token provided does not have the scope read:org");
	rc = api_page_read(rq, &page);
	if (rc != 0)
		return rc;
	rc = await_teams_of(rq->worker->metadb, rq->arena, rq->caller->account_id,
			    rq->caller->token_id, page.offset, page.size, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing teams");
	json = json_array();
	for (size_t i = 0; i < list.count; i++) {
		const struct team *t = &list.at[i];
		struct account org = {.id = t->organization_id,
				      .kind = ACCOUNT_ORGANIZATION,
				      .login = t->organization,
				      .description = ""};

		json_array_append_new(json, full_json(rq, t, api_org_brief(rq, &org)));
	}
	return api_page_reply(rq, &page, json, list.total);
}

/* Why a team is not made or changed, in REST's words. */
static int refuse_answer(struct request *rq, int answer)
{
	static const struct {
		int status;
		const char *field, *code; /* with 422 */
		const char *text;	  /* otherwise */
	} words[] = {
		[TEAM_ABSENT] = {404, NULL, NULL, "Not Found"},
		[TEAM_NAME_TAKEN] = {422, "name", "already_exists", NULL},
		[TEAM_PARENT_ABSENT] = {422, "parent_team_id", "missing", NULL},
		[TEAM_PARENT_FOREIGN] = {403, NULL, NULL,
					 "You must be a maintainer of the parent team"},
		[TEAM_PARENT_SECRET] = {422, "parent_team_id", "invalid", NULL},
		[TEAM_PARENT_BELOW] = {422, "parent_team_id", "invalid", NULL},
		[TEAM_TOO_DEEP] = {422, "parent_team_id", "invalid", NULL},
		[TEAM_SECRET_NESTED] = {422, "privacy", "invalid", NULL},
		[TEAM_NO_MEMBER] = {422, "maintainers", "invalid", NULL},
		[TEAM_TOO_MANY] = {403, NULL, NULL, "The organization has too many teams"},
		[TEAM_NAME_EMPTY] = {422, "name", "invalid", NULL},
		[TEAM_FOREIGN] = {403, NULL, NULL, "You must be a maintainer of the team"},
		[TEAM_HAS_CHILDREN] = {403, NULL, NULL,
				       "Only an owner deletes a team with child teams"},
	};

	if (answer < 0)
		return give_up(rq, answer, "changing a team");
	if (words[answer].field != NULL)
		return api_json_invalid(rq, RESOURCE, words[answer].field, words[answer].code);
	return refuse_api(rq, words[answer].status, "%s", words[answer].text);
}

/* What bodies of POST and PATCH share. parent_given: null is a parent, too: none. */
struct wish {
	const char *name, *description;
	int secret; /* −1: not said */
	bool parent_given;
	int64_t parent_id;
};

static int read_parent(struct request *rq, const json_t *body, struct wish *w)
{
	const json_t *parent = json_object_get(body, "parent_team_id");

	w->parent_given = parent != NULL;
	w->parent_id = 0;
	if (parent == NULL || json_is_null(parent))
		return 0;
	w->parent_id = json_integer_value(parent);
	if (json_is_integer(parent) && w->parent_id > 0)
		return 0;
	return api_json_invalid(rq, RESOURCE, "parent_team_id", "invalid");
}

static int read_wish(struct request *rq, const json_t *body, bool required, struct wish *w)
{
	const char *privacy;
	int status = 0;

	w->name = api_json_text(rq, body, RESOURCE, "name", required, &status);
	w->description =
		api_json_change(rq, body, RESOURCE, "description", DESCRIPTION_MAX, &status);
	privacy = api_json_text(rq, body, RESOURCE, "privacy", false, &status);
	if (status != 0)
		return status;
	if (w->name != NULL && *w->name == '\0')
		return api_json_invalid(rq, RESOURCE, "name", "invalid");
	if (w->name != NULL && characters(w->name) > TEAM_NAME_MAX)
		return api_json_invalid(rq, RESOURCE, "name", "too_long");
	w->secret = privacy == NULL ? -1 : strcmp(privacy, "secret") == 0;
	if (w->secret == 0 && strcmp(privacy, "closed") != 0)
		return api_json_invalid(rq, RESOURCE, "privacy", "invalid");
	return read_parent(rq, body, w);
}

/* `maintainers`: logins. */
static int read_maintainers(struct request *rq, const json_t *body, struct team_new *out)
{
	const json_t *list = json_object_get(body, "maintainers");
	size_t count = json_array_size(list);

	if (list == NULL || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return api_json_invalid(rq, RESOURCE, "maintainers", "invalid");
	if (count > TEAM_MAINTAINERS_MAX)
		return api_json_invalid(rq, RESOURCE, "maintainers", "too_long");
	out->maintainers = arena_alloc(rq->arena, (count + 1) * sizeof(out->maintainers[0]));
	for (size_t i = 0; i < count; i++) {
		const char *login = json_string_value(json_array_get(list, i));

		if (login == NULL)
			return api_json_invalid(rq, RESOURCE, "maintainers", "invalid");
		out->maintainers[i] = login_fold(rq->arena, login, strlen(login));
	}
	out->maintainer_count = count;
	return 0;
}

/* The team as it is now. */
static int await_reply_team(struct request *rq, int status, int64_t id)
{
	struct team_actor who = api_org_actor(rq);
	struct team t;
	int rc;

	rc = await_team_by_id(rq->worker->metadb, rq->arena, &who, rq->org->account.id, id, &t);
	if (rc == ERR_NOT_FOUND) /* deleted since */
		return refuse_api(rq, 404, "Not Found");
	if (rc < 0)
		return give_up(rq, rc, "looking up a team");
	return api_json_reply(rq, status,
			      full_json(rq, &t, api_org_json(rq, &rq->org->account, false)));
}

/* GitHub's default: secret, but closed under a parent. */
int api_team_create(struct request *rq)
{
	struct team_actor who = api_org_actor(rq);
	struct team_new wanted = {0};
	struct wish w;
	json_t *body;
	int64_t id;
	int status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = read_wish(rq, body, true, &w);
	if (status == 0)
		status = read_maintainers(rq, body, &wanted);
	if (status != 0)
		return status;
	wanted.name = w.name;
	wanted.description = w.description;
	wanted.parent_id = w.parent_id;
	wanted.secret = w.secret > 0 || (w.secret < 0 && w.parent_id == 0);
	status = await_team_create(rq->worker->metadb, &who, rq->org->account.id, &wanted, &id);
	if (status != TEAM_DONE)
		return refuse_answer(rq, status);
	return await_reply_team(rq, 201, id);
}

int api_team_patch(struct request *rq)
{
	struct team_actor who = api_org_actor(rq);
	struct team_change change;
	enum team_power power;
	struct wish w;
	struct team t;
	json_t *body;
	int status;

	status = await_api_json(rq, &body);
	if (status == 0)
		status = read_wish(rq, body, false, &w);
	if (status == 0)
		status = await_api_team(rq, &t, &power);
	if (status != 0)
		return status;
	change = (struct team_change){w.name, w.description, w.secret, w.parent_given,
				      w.parent_id};
	status = await_team_update(rq->worker->metadb, &who, t.self.id, &change);
	if (status != TEAM_DONE)
		return refuse_answer(rq, status);
	return await_reply_team(rq, 200, t.self.id);
}

int api_team_delete(struct request *rq)
{
	struct team_actor who = api_org_actor(rq);
	enum team_power power;
	struct team t;
	int status = await_api_team(rq, &t, &power);

	if (status != 0)
		return status;
	status = await_team_delete(rq->worker->metadb, &who, t.self.id);
	return status != TEAM_DONE ? refuse_answer(rq, status) : reply(rq, 204);
}
