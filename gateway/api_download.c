/* …/downloads of a package, of one of its versions, and of a tag: how often, day by day. */
#include "gateway/api_download.h"

#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_query.h"
#include "gateway/api_version.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "proto/model/name.h"

#define DAYS	 30
#define DAYS_MAX 366

void api_download_add(struct request *rq, json_t *json, const struct downloads *d)
{
	const char *last = d->last_at != 0 ? api_json_time(rq->arena, d->last_at) : "";

	json_object_set_new(json, "download_count", json_integer(d->total));
	json_object_set_new(json, "last_downloaded_at", api_json_maybe(last));
}

/* days=1 to DAYS_MAX. 0, or it has refused. */
static int read_days(struct request *rq, int *out)
{
	int64_t n = DAYS;
	int status = api_query_number(rq, "Downloads", "days", DAYS_MAX + 1, &n);

	*out = (int)n;
	if (status == 0 && (n < 1 || n > DAYS_MAX))
		status = api_json_invalid(rq, "Downloads", "days", "invalid");
	return status;
}

int await_api_popular_stays(struct request *rq, const int64_t *version, size_t versions,
			    bool insists)
{
	int64_t person = rq->caller->repository_id == 0 ? rq->caller->account_id : 0;
	int rc = await_downloads_popular(rq->worker->metadb, rq->package_id, version, versions,
					 person);

	return rc < 0 ? rc : rc == 1 || (rc == 2 && !insists);
}

int await_api_popular(struct request *rq, const int64_t *version, size_t versions)
{
	bool insists = false;
	int rc = api_query_flag(rq, "Package", "popular", &insists);

	if (rc != 0)
		return rc;
	rc = await_api_popular_stays(rq, version, versions, insists);
	if (rc < 0)
		return give_up(rq, rc, "looking up downloads");
	if (rc == 0)
		return 0;
	return refuse_api(rq, 400,
			  "Publicly visible %s with more than %d downloads cannot be deleted. "
			  "Owners of %s may, with the parameter popular=true.",
			  versions > 0 ? "package versions" : "packages with a version",
			  DOWNLOADS_POPULAR, rq->repo.namespace);
}

static json_t *days_json(const struct download_days *found, bool of_tag)
{
	json_t *list = json_array();

	for (size_t i = 0; i < found->count; i++) {
		const struct download_day *d = &found->day[i];
		json_t *day = json_pack("{s:s, s:I}", "day", d->day, "download_count",
					(json_int_t)d->downloads);

		if (of_tag)
			json_object_set_new(day, "check_count", json_integer(d->checks));
		json_array_append_new(list, day);
	}
	return list;
}

/* Of a version, of a tag (NULL: none is meant), or of the package. */
static int await_reply(struct request *rq, int64_t version, const char *tag,
		       const char *not_found)
{
	struct download_days found;
	json_t *json;
	int days, rc, status = read_days(rq, &days);

	if (status != 0)
		return status;
	rc = await_downloads_by_day(rq->worker->metadb, rq->arena, rq->package_id, version, tag,
				    days, &found);
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "%s", not_found);
	if (rc < 0)
		return give_up(rq, rc, "reading downloads");
	json = json_object();
	if (tag != NULL)
		json_object_set_new(json, "tag", json_string(tag));
	else
		api_download_add(rq, json, &found.whole);
	json_object_set_new(json, "days", days_json(&found, tag != NULL));
	return api_json_reply(rq, 200, json);
}

int api_package_downloads(struct request *rq)
{
	return await_reply(rq, 0, NULL, "Package not found.");
}

int api_version_downloads(struct request *rq)
{
	int64_t id = api_version_id(rq);

	if (id == 0)
		return refuse_api(rq, 404, "Package version not found.");
	return await_reply(rq, id, NULL, "Package version not found.");
}

int api_tag_downloads(struct request *rq)
{
	const char *tag = request_param(rq, "tag");

	if (!tag_valid(tag, strlen(tag)))
		return refuse_api(rq, 404, "Tag not found.");
	return await_reply(rq, 0, tag, "Tag not found.");
}
