/* GET …/packages/container/NAME/versions/ID, and the JSON of a version. */
#include "gateway/api_version.h"

#include <string.h>

#include "gateway/api_download.h"
#include "gateway/api_json.h"
#include "gateway/api_package.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/platform.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "proto/model/access.h"

json_t *api_version_words(const char *text)
{
	json_t *array = json_loads(text, 0, NULL);

	return array != NULL ? array : json_array();
}

const char *const version_kinds[] = {"",	 "image",	"index",
				     "artifact", "attestation", "signature"};

static void add_sizes(json_t *json, const struct version *v)
{
	bool known = v->compressed >= 0;

	json_object_set_new(json, "compressed_size",
			    known ? json_integer(v->compressed) : json_null());
	json_object_set_new(json, "unique_size", known ? json_integer(v->unique) : json_null());
	json_object_set_new(json, "shared_size",
			    known ? json_integer(v->compressed - v->unique) : json_null());
}

json_t *api_version_json(struct request *rq, const struct version *v,
			 const struct package_detail *package)
{
	const char *url = arena_printf(rq->arena, "%s/versions/%lld",
				       api_package_url(rq, package), (long long)v->id);
	const char *html = api_package_html_url(rq, package, "package/");
	const char *page = arena_printf(
		rq->arena, "%s/%lld", api_package_html_url(rq, package, ""), (long long)v->id);
	const char *subject = v->has_subject ? digest_str(rq->arena, &v->subject) : "";
	json_t *json =
		json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:{s:s, s:{s:o}}}",
			  "id", (json_int_t)v->id, "name", digest_str(rq->arena, &v->digest),
			  "url", url, "package_html_url", html, "html_url", page, "created_at",
			  api_json_time(rq->arena, v->created_at), "updated_at",
			  api_json_time(rq->arena, v->updated_at), "description",
			  api_json_maybe(v->description), "license", api_json_maybe(v->license),
			  "metadata", "package_type", "container", "container", "tags",
			  api_version_words(v->tags));

	if (v->deleted_at != 0) {
		json_object_set_new(json, "deleted_at",
				    json_string(api_json_time(rq->arena, v->deleted_at)));
		json_object_set_new(json, "deferred",
				    json_boolean(strcmp(v->parents, "[]") != 0));
	}
	json_object_set_new(json, "kind", json_string(version_kinds[v->variety]));
	json_object_set_new(json, "platform", platform_json(rq->arena, v->platform));
	json_object_set_new(json, "media_type", json_string(v->media_type));
	json_object_set_new(json, "artifact_type", api_json_maybe(v->artifact_type));
	json_object_set_new(json, "size", json_integer(v->size));
	add_sizes(json, v);
	json_object_set_new(json, "subject", api_json_maybe(subject));
	json_object_set_new(json, "parents", api_version_words(v->parents));
	api_download_add(rq, json, &v->downloads);
	return json;
}

int64_t api_version_id(struct request *rq)
{
	const char *text = request_param(rq, "package_version_id");
	int64_t id = 0;

	for (; *text >= '0' && *text <= '9' && id < INT64_MAX / 16; text++)
		id = id * 10 + (*text - '0');
	return *text == '\0' ? id : 0;
}

int api_version_get(struct request *rq)
{
	struct package_detail package;
	struct version found;
	int rc, status = await_api_package(rq, &package);

	if (status != 0)
		return status;
	rc = await_version_find(rq->worker->metadb, rq->arena, rq->package_id,
				api_version_id(rq), &found);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package version not found.");
	if (rc < 0)
		return give_up(rq, rc, "looking up a version");
	return api_json_reply(rq, 200, api_version_json(rq, &found, &package));
}
