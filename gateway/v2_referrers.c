/*
 * GET /v2/{name}/referrers/{digest}: what refers to a manifest, as an image index (OCI
 * distribution-spec, "Listing Referrers").
 *
 * Never 404: a digest that nothing refers to, and a package that the caller could read or
 * create, have an empty list. Pages go on at `last` in the Link.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/handlers.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/referrers.h"
#include "proto/model/media.h"

/* Of a page. Many clients read no index beyond 4 MiB, and some do not read a second page. */
#define PAGE_COUNT 1000
#define PAGE_BYTES ((size_t)2 * 1024 * 1024)

#define OPENING	   "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":["
#define CLOSING	   "]}"

static const char *descriptor(struct arena *a, const struct referrer *r)
{
	const char *type = "", *annotations = "";

	if (r->artifact_type != NULL)
		type = arena_printf(a, ",\"artifactType\":%s",
				    reply_json_string(a, r->artifact_type));
	if (r->annotations != NULL)
		annotations = arena_printf(a, ",\"annotations\":%s", r->annotations);
	return arena_printf(a, "{\"mediaType\":%s,\"size\":%lld,\"digest\":\"%s\"%s%s}",
			    reply_json_string(a, r->media_type), (long long)r->size,
			    digest_str(a, &r->digest), type, annotations);
}

static int reply_index(struct request *rq, const struct referrer_list *list)
{
	const char **part = arena_alloc(rq->arena, (list->count + 1) * sizeof(*part));
	size_t size = sizeof(OPENING) + sizeof(CLOSING);
	char *text, *to;

	for (size_t i = 0; i < list->count; i++) {
		part[i] = descriptor(rq->arena, &list->item[i]);
		size += strlen(part[i]) + 1;
	}
	text = arena_alloc(rq->arena, size);
	to = stpcpy(text, OPENING);
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			*to++ = ',';
		to = stpcpy(to, part[i]);
	}
	to = stpcpy(to, CLOSING);
	return reply_bytes(rq, 200, MEDIA_OCI_INDEX, text, (size_t)(to - text));
}

static void link_next(struct request *rq, const struct referrer_query *q, int64_t last)
{
	const char *filter = "";

	if (q->artifact_type != NULL)
		filter = arena_printf(rq->arena, "artifactType=%s&",
				      uri_escape(rq->arena, q->artifact_type, ""));
	reply_header(rq, "Link", "<%s/v2/%s/referrers/%s?%slast=%lld>; rel=\"next\"",
		     request_origin(rq), rq->repo.full, digest_str(rq->arena, &q->subject),
		     filter, (long long)last);
}

/* The position in a Link of ours: at most 18 digits. */
static int read_last(const char *text, int64_t *out)
{
	size_t len = text == NULL ? 0 : strlen(text);

	*out = 0;
	if (text == NULL)
		return 0;
	if (len == 0 || len > 18 || strspn(text, "0123456789") != len)
		return ERR_SYNTAX;
	*out = strtoll(text, NULL, 10);
	return 0;
}

/* What is none cannot be stored either; the database takes no text that is not UTF-8. */
static bool printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

int v2_referrers_list(struct request *rq)
{
	const char *text = request_param(rq, "digest");
	struct referrer_query q = {
		.package_id = rq->package_id,
		.artifact_type = request_query(rq, "artifactType"),
		.count = PAGE_COUNT,
		.bytes = PAGE_BYTES,
	};
	struct referrer_list list = {0};
	int rc = 0;

	if (digest_parse(text, strlen(text), &q.subject) < 0)
		return refuse(rq, DIGEST_INVALID, "this is not a digest that is known here");
	if (q.artifact_type != NULL && !printable(q.artifact_type))
		return refuse(rq, REQUEST_INVALID, "artifactType is not a media type");
	if (read_last(request_query(rq, "last"), &q.after) < 0)
		return refuse(rq, PAGINATION_INVALID, "last must be taken from a Link");
	if (rq->package_id != 0)
		rc = await_referrers_list(rq->worker->metadb, rq->arena, &q, &list);
	if (rc < 0)
		return give_up(rq, rc, "listing referrers");
	if (q.artifact_type != NULL)
		reply_header(rq, "OCI-Filters-Applied", "artifactType");
	if (list.more)
		link_next(rq, &q, list.item[list.count - 1].id);
	return reply_index(rq, &list);
}
