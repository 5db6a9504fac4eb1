/*
 * GET …/packages/container/NAME/versions: the versions of a package, newest first, by what they
 * are, or the one that a tag or a digest names.
 */
#include <string.h>

#include "gateway/api_json.h"
#include "gateway/api_package.h"
#include "gateway/api_page.h"
#include "gateway/api_version.h"
#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "proto/model/access.h"
#include "proto/model/name.h"

static int invalid(struct request *rq, const char *field)
{
	return api_json_invalid(rq, "PackageVersion", field, "invalid");
}

/* state=active, the default, or deleted. */
static int read_state(struct request *rq, bool *deleted)
{
	const char *state = request_query(rq, "state");

	*deleted = state != NULL && strcmp(state, "deleted") == 0;
	if (state != NULL && !*deleted && strcmp(state, "active") != 0)
		return invalid(rq, "state");
	if (*deleted && rq->standing.role != ROLE_ADMIN)
		return refuse_api(rq, 403,
				  "You must be an admin of the package %s to see its deleted "
				  "versions",
				  rq->repo.full);
	return 0;
}

/* Words with commas between them; with a minus before each: all but these. */
static int read_kinds(struct request *rq, unsigned *out)
{
	const char *text = request_query(rq, "kind");
	bool hiding = text != NULL && *text == '-';
	unsigned bits = 0;

	*out = 0;
	while (text != NULL && *text != '\0') {
		size_t len;
		int kind = VERSION_SIGNATURE;

		if ((*text == '-') != hiding)
			return invalid(rq, "kind");
		text += hiding;
		len = strcspn(text, ",");
		while (kind > 0 && (strlen(version_kinds[kind]) != len ||
				    memcmp(version_kinds[kind], text, len) != 0))
			kind--;
		if (kind == 0)
			return invalid(rq, "kind");
		bits |= 1u << kind;
		text += len + (text[len] == ',');
	}
	*out = hiding ? ~bits & ((2u << VERSION_SIGNATURE) - 2) : bits;
	return hiding && *out == 0 ? invalid(rq, "kind") : 0;
}

/* Deleted versions have no tags: to ask for them by that makes no sense. */
static int read_tagged(struct request *rq, bool deleted, enum version_tagged *out)
{
	const char *text = request_query(rq, "tagged");

	*out = TAGGED_ANY;
	if (text == NULL)
		return 0;
	if (deleted || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
		return invalid(rq, "tagged");
	*out = *text == 't' ? TAGGED_YES : TAGGED_NO;
	return 0;
}

static json_t *list_json(struct request *rq, const struct version_list *found,
			 const struct package_detail *package)
{
	json_t *list = json_array();

	for (size_t i = 0; i < found->count; i++)
		json_array_append_new(list, api_version_json(rq, &found->version[i], package));
	return list;
}

/* tag= or digest=: one version or none. What no tag or digest can be leads to none. */
static int await_named(struct request *rq, const struct package_detail *package)
{
	const char *tag = request_query(rq, "tag"), *text = request_query(rq, "digest");
	struct version_list found = {0};
	struct digest digest = {0};
	int rc = 0;

	if (tag != NULL && text != NULL)
		return invalid(rq, "digest");
	if (tag != NULL && !tag_valid(tag, strlen(tag)))
		return invalid(rq, "tag");
	if (text != NULL && digest_parse(text, strlen(text), &digest) < 0)
		return invalid(rq, "digest");
	rc = await_version_named(rq->worker->metadb, rq->arena, rq->package_id, tag,
				 tag == NULL ? &digest : NULL, &found);
	if (rc < 0)
		return give_up(rq, rc, "looking up a version");
	return api_json_reply(rq, 200, list_json(rq, &found, package));
}

static int await_numbered(struct request *rq, const struct version_filter *f,
			  const struct package_detail *package)
{
	struct version_list found;
	struct api_page page;
	int64_t total = 0;
	int rc, status = api_page_read(rq, &page);

	if (status != 0)
		return status;
	rc = await_version_list(rq->worker->metadb, rq->arena, f,
				&(struct list_part){page.offset, page.size}, &found, &total);
	if (rc < 0)
		return give_up(rq, rc, "listing versions");
	return api_page_reply(rq, &page, list_json(rq, &found, package),
			      total < 0 ? API_PAGE_MORE : total);
}

static int await_after(struct request *rq, const struct version_filter *f,
		       const struct package_detail *package)
{
	struct cursor next = {0, ""};
	struct version_list found;
	struct api_after after;
	int rc, status = api_after_read(rq, &after);

	if (status != 0)
		return status;
	rc = await_version_page(rq->worker->metadb, rq->arena, f, after.cursor.id, after.size,
				&found, &next.id);
	if (rc < 0)
		return give_up(rq, rc, "listing versions");
	return api_after_reply(rq, list_json(rq, &found, package), next.id != 0 ? &next : NULL);
}

int api_version_list(struct request *rq)
{
	struct version_filter f = {.package_id = rq->package_id};
	struct package_detail package;
	int status = read_state(rq, &f.deleted);

	if (status == 0)
		status = read_kinds(rq, &f.kinds);
	if (status == 0)
		status = read_tagged(rq, f.deleted, &f.tagged);
	if (status == 0)
		status = await_api_package(rq, &package);
	if (status != 0)
		return status;
	if (request_query(rq, "tag") != NULL || request_query(rq, "digest") != NULL)
		return await_named(rq, &package);
	return api_after_wanted(rq) ? await_after(rq, &f, &package)
				    : await_numbered(rq, &f, &package);
}
