/* …/packages/container/NAME/tags and …/tags/TAG: lists, and tags set or deleted without a push.
 */
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_package.h"
#include "gateway/api_page.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/deletes.h"
#include "metadb/tags.h"

/* Who set it is for whoever was given a role on the package. */
static json_t *setter_json(struct request *rq, const struct tag *t)
{
	if (t->setter == 0 || rq->standing.role == ROLE_NONE)
		return json_null();
	return json_pack("{s:I, s:s}", "id", (json_int_t)t->setter, "login", t->setter_login);
}

static json_t *tag_json(struct request *rq, const struct tag *t,
			const struct package_detail *package)
{
	const char *base = api_package_url(rq, package);

	return json_pack(
		"{s:s, s:s, s:I, s:o, s:s, s:o, s:s, s:s}", "name", t->name, "digest",
		digest_str(rq->arena, &t->digest), "version_id", (json_int_t)t->version,
		"created_at",
		t->created_at == 0 ? json_null()
				   : json_string(api_json_time(rq->arena, t->created_at)),
		"updated_at", api_json_time(rq->arena, t->updated_at), "updated_by",
		setter_json(rq, t), "url", arena_printf(rq->arena, "%s/tags/%s", base, t->name),
		"version_url",
		arena_printf(rq->arena, "%s/versions/%lld", base, (long long)t->version));
}

/* A parameter with two words, the first one if it was not sent. *second becomes true. */
static int read_choice(struct request *rq, const char *name, const char *one, const char *two,
		       bool *second)
{
	const char *text = request_query(rq, name);

	*second = text != NULL && strcmp(text, two) == 0;
	if (text == NULL || *second || strcmp(text, one) == 0)
		return 0;
	return api_json_invalid(rq, "Tag", name, "invalid");
}

int api_tag_list(struct request *rq)
{
	struct package_detail package;
	struct tag_list found;
	struct api_page page;
	bool by_age = false, turned = false;
	json_t *list;
	int rc, status = read_choice(rq, "sort", "name", "updated", &by_age);

	/* By name upwards, by age the newest first. */
	if (status == 0)
		status = read_choice(rq, "direction", by_age ? "desc" : "asc",
				     by_age ? "asc" : "desc", &turned);
	if (status == 0)
		status = api_page_read(rq, &page);
	if (status == 0)
		status = await_api_package(rq, &package);
	if (status != 0)
		return status;
	rc = await_tag_list(rq->worker->metadb, rq->arena, rq->package_id,
			    by_age ? TAGS_BY_AGE : TAGS_BY_NAME, turned,
			    &(struct list_part){page.offset, page.size}, &found);
	if (rc < 0)
		return give_up(rq, rc, "listing tags");
	list = json_array();
	for (size_t i = 0; i < found.count; i++)
		json_array_append_new(list, tag_json(rq, &found.tag[i], &package));
	return api_page_reply(rq, &page, list, found.total < 0 ? API_PAGE_MORE : found.total);
}

/* With what status the tag is shown. */
static int await_tag_reply(struct request *rq, int status)
{
	struct package_detail package;
	struct tag found;
	int rc, refused = await_api_package(rq, &package);

	if (refused != 0)
		return refused;
	rc = await_tag_find(rq->worker->metadb, rq->arena, rq->package_id,
			    request_param(rq, "tag"), &found);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Tag not found.");
	if (rc < 0)
		return give_up(rq, rc, "looking up a tag");
	return api_json_reply(rq, status, tag_json(rq, &found, &package));
}

int api_tag_get(struct request *rq)
{
	return await_tag_reply(rq, 200);
}

/* {"digest": …} or {"version_id": …}, one of them. 0, or refused. */
static int read_target(struct request *rq, const json_t *body, struct digest *room,
		       struct tag_put *out)
{
	const json_t *id = json_object_get(body, "version_id");
	int status = 0;
	const char *text = api_json_text(rq, body, "Tag", "digest", id == NULL, &status);

	if (status != 0)
		return status;
	if (id != NULL && (text != NULL || !json_is_integer(id) || json_integer_value(id) <= 0))
		return api_json_invalid(rq, "Tag", "version_id", "invalid");
	if (id != NULL) {
		out->version = json_integer_value(id);
		return 0;
	}
	if (digest_parse(text, strlen(text), room) < 0)
		return api_json_invalid(rq, "Tag", "digest", "invalid");
	out->digest = room;
	return 0;
}

int api_tag_put(struct request *rq)
{
	const char *name = request_param(rq, "tag");
	struct actor who = auth_actor(rq);
	struct tag_put put = {
		.package_id = rq->package_id,
		.name = name,
		.own_source = request_own_source(rq),
		.pusher_role = rq->standing.role,
	};
	struct digest room;
	json_t *body;
	int rc, status = await_api_json(rq, &body);

	if (status == 0 && !tag_valid(name, strlen(name)))
		status = api_json_invalid(rq, "Tag", "tag", "invalid");
	if (status == 0)
		status = read_target(rq, body, &room, &put);
	if (status != 0)
		return status;
	rc = await_tag_put(rq->worker->metadb, &who, &put);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package version not found.");
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 404, "Package not found.");
	if (rc < 0)
		return give_up(rq, rc, "setting a tag");
	return await_tag_reply(rq, rc == TAG_CREATED ? 201 : 200);
}

int api_tag_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	int rc = await_tag_delete(rq->worker->metadb, &who, rq->package_id,
				  request_param(rq, "tag"));

	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Tag not found.");
	return rc < 0 ? give_up(rq, rc, "deleting a tag") : reply(rq, 204);
}
