/* DELETE …/versions/ID, POST …/versions/ID/restore and …/purge. */
#include <string.h>

#include "gateway/api_download.h"
#include "gateway/api_json.h"
#include "gateway/api_package.h"
#include "gateway/api_query.h"
#include "gateway/api_version.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/version_deletes.h"

int api_version_mode(struct request *rq, const char *text, enum version_mode *out)
{
	static const char *const words[] = {"defer", "refuse", "cascade"};

	*out = VERSION_DEFER;
	if (text == NULL)
		return 0;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0) {
			*out = (enum version_mode)i;
			return 0;
		}
	return api_json_invalid(rq, "PackageVersion", "dependents", "invalid");
}

json_t *api_version_effects_json(struct request *rq, const struct version_effects *found,
				 unsigned what)
{
	json_t *list = json_array();

	for (size_t i = 0; i < found->count; i++) {
		const struct version_effect *e = &found->effect[i];

		if (e->what == what)
			json_array_append_new(
				list, json_pack("{s:I, s:s, s:o}", "id", (json_int_t)e->id,
						"name", digest_str(rq->arena, &e->digest),
						"tags", api_version_words(e->tags)));
	}
	return list;
}

static int reply_effects(struct request *rq, const struct version_effects *found)
{
	json_t *json =
		json_pack("{s:o, s:o, s:o, s:o}", "deleted",
			  api_version_effects_json(rq, found, EFFECT_DELETED), "deferred",
			  api_version_effects_json(rq, found, EFFECT_DEFERRED), "needed_by",
			  api_version_effects_json(rq, found, EFFECT_NEEDS), "about",
			  api_version_effects_json(rq, found, EFFECT_ABOUT));

	return api_json_reply(rq, 200, json);
}

/* Which images would break: the newest such index, and how many more there are. */
static int refuse_needed(struct request *rq, const struct version_effects *found)
{
	const struct version_effect *first = &found->effect[0];

	return refuse_api(rq, 409,
			  "The index %s (tags: %s)%s of this package needs this version and "
			  "would break: delete that first, or let this deletion wait for it "
			  "(dependents=defer), or delete both (dependents=cascade)",
			  digest_str(rq->arena, &first->digest), first->tags,
			  found->count == 1
				  ? ""
				  : arena_printf(rq->arena, " and %zu more", found->count - 1));
}

static int end_change(struct request *rq, int rc, const char *doing)
{
	if (rc == ERR_NOT_FOUND)
		return refuse_api(rq, 404, "Package version not found.");
	return rc < 0 ? give_up(rq, rc, doing) : reply(rq, 204);
}

size_t await_api_version_going(struct request *rq, const struct version_removal *wanted,
			       int64_t **ids)
{
	struct actor who = auth_actor(rq);
	struct version_removal dry = *wanted;
	struct version_effects found = {.count = 0};
	size_t count = 0;

	dry.dry = true;
	if (dry.mode == VERSION_CASCADE &&
	    await_version_remove(rq->worker->metadb, rq->arena, &who, &dry, &found) != 0)
		found.count = 0;
	*ids = arena_alloc(rq->arena, (found.count + 1) * sizeof(**ids));
	(*ids)[count++] = wanted->id;
	for (size_t i = 0; i < found.count; i++)
		if (found.effect[i].what == EFFECT_DELETED)
			(*ids)[count++] = found.effect[i].id;
	return count;
}

/* What nobody deletes without insisting does not go along with others, either. */
static int await_check_popular(struct request *rq, const struct version_removal *wanted)
{
	int64_t *ids;
	size_t count = await_api_version_going(rq, wanted, &ids);

	return await_api_popular(rq, ids, count);
}

int api_version_delete(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct version_removal v = {.package_id = rq->package_id, .id = api_version_id(rq)};
	struct version_effects found;
	int rc, status = api_version_mode(rq, request_query(rq, "dependents"), &v.mode);

	if (status == 0)
		status = api_query_flag(rq, "PackageVersion", "force", &v.anyway);
	if (status == 0)
		status = api_query_flag(rq, "PackageVersion", "dry_run", &v.dry);
	if (status == 0)
		status = await_check_popular(rq, &v);
	if (status != 0)
		return status;
	rc = await_version_remove(rq->worker->metadb, rq->arena, &who, &v, &found);
	if (rc == VERSION_LAST)
		return refuse_api(rq, 400,
				  "You cannot delete the last tagged version of a package. You "
				  "must delete the package instead.");
	if (rc == VERSION_MANY)
		return refuse_api(rq, 400,
				  "More than %d versions would go: delete those that need this "
				  "one a few at a time",
				  VERSION_EFFECTS_MAX);
	if (rc == ERR_CONFLICT && found.count > 0)
		return refuse_needed(rq, &found);
	if (rc == 0 && v.dry)
		return reply_effects(rq, &found);
	return end_change(rq, rc, "deleting a version");
}

int api_version_restore(struct request *rq)
{
	struct actor who = auth_actor(rq);

	return end_change(rq,
			  await_version_restore(rq->worker->metadb, &who, rq->package_id,
						api_version_id(rq)),
			  "restoring a version");
}

int api_version_purge(struct request *rq)
{
	struct actor who = auth_actor(rq);
	struct digest needed_by;
	int rc = await_version_purge(rq->worker->metadb, &who, rq->package_id,
				     api_version_id(rq), &needed_by);

	if (rc == ERR_DENIED)
		return api_refuse_purge(rq);
	if (rc == ERR_CONFLICT)
		return refuse_api(rq, 409,
				  "The index %s of this package, which is there or can be "
				  "restored, needs this version: delete that for good first",
				  digest_str(rq->arena, &needed_by));
	return end_change(rq, rc, "purging a version");
}
