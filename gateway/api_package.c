/* GET /api/v3/{orgs/ORG | users/LOGIN | user}/packages/container/NAME, and the shape of a
 * package. */
#include "gateway/api_package.h"

#include <string.h>

#include "gateway/api_account.h"
#include "gateway/api_download.h"
#include "gateway/api_json.h"
#include "gateway/api_repository.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"

static const char *owner_path(struct request *rq, const struct account *owner)
{
	return arena_printf(rq->arena, "%s/%s",
			    owner->kind == ACCOUNT_ORGANIZATION ? "orgs" : "users",
			    owner->login);
}

const char *api_package_url(struct request *rq, const struct package_detail *d)
{
	return arena_printf(rq->arena, "%s/api/v3/%s/packages/container/%s",
			    request_base_url(rq), owner_path(rq, &d->owner),
			    uri_escape(rq->arena, d->package.name, ""));
}

const char *api_package_html_url(struct request *rq, const struct package_detail *d,
				 const char *before)
{
	return arena_printf(rq->arena, "%s/%s/packages/container/%s%s", request_base_url(rq),
			    owner_path(rq, &d->owner), before,
			    uri_escape(rq->arena, d->package.name, ""));
}

static json_t *text_or_null(const char *text)
{
	return *text == '\0' ? json_null() : json_string(text);
}

json_t *api_package_repository(struct request *rq, const struct repository_brief *r)
{
	const char *full = arena_printf(rq->arena, "%s/%s", r->owner.login, r->name);
	const char *base = request_base_url(rq);

	return json_pack("{s:I, s:s, s:s, s:s, s:o, s:b, s:s, s:o, s:b, s:s, s:s}", "id",
			 (json_int_t)r->id, "node_id", api_repository_node_id(rq, r->id),
			 "name", r->name, "full_name", full, "owner",
			 api_account_brief(rq, &r->owner), "private",
			 r->visibility != VISIBILITY_PUBLIC, "html_url",
			 api_repository_html_url(rq, r->url, r->owner.login), "description",
			 text_or_null(r->description), "fork", false, "url",
			 arena_printf(rq->arena, "%s/api/v3/repos/%s", base, full),
			 "visibility", visibility_name(r->visibility));
}

json_t *api_package_json(struct request *rq, const struct package_detail *d)
{
	json_t *json = json_pack(
		"{s:I, s:s, s:s, s:o, s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b}", "id",
		(json_int_t)d->package.id, "name", d->package.name, "package_type", "container",
		"owner", api_account_brief(rq, &d->owner), "version_count",
		(json_int_t)d->version_count, "visibility",
		visibility_name(d->package.visibility), "url", api_package_url(rq, d),
		"html_url", api_package_html_url(rq, d, "package/"), "created_at",
		api_json_time(rq->arena, d->package.created_at), "updated_at",
		api_json_time(rq->arena, d->updated_at), "repository",
		d->linked ? api_package_repository(rq, &d->repository) : json_null(),
		"description", text_or_null(d->description), "licenses",
		text_or_null(d->licenses), "inherits", d->inherits);

	if (d->deleted_at != 0)
		json_object_set_new(json, "deleted_at",
				    json_string(api_json_time(rq->arena, d->deleted_at)));
	api_download_add(rq, json, &d->downloads);
	return json;
}

int await_api_package(struct request *rq, struct package_detail *out)
{
	struct package_viewer viewer = {
		.account_id = rq->caller->account_id,
		.repository_id = rq->caller->repository_id,
		.knows_link = rq->standing.role == ROLE_ADMIN,
	};
	int rc = await_package_detail(rq->worker->metadb, rq->arena, rq->package_id, viewer,
				      out);

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package not found.");
	return rc < 0 ? give_up(rq, rc, "looking up a package") : 0;
}

int await_api_package_reply(struct request *rq)
{
	struct package_detail d;
	int status = await_api_package(rq, &d);

	return status != 0 ? status : api_json_reply(rq, 200, api_package_json(rq, &d));
}

int api_package_get(struct request *rq)
{
	return await_api_package_reply(rq);
}
