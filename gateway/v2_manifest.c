/*
 * Manifests: read by tag or digest, and written: the commit point of a push.
 *
 * The bytes are kept and served as they came, whatever Accept says; what they refer to must be
 * linked to the same package before they are accepted.
 */
#include <string.h>

#include "gateway/auth.h"
#include "gateway/config_labels.h"
#include "gateway/download_counter.h"
#include "gateway/etag.h"
#include "gateway/handlers.h"
#include "gateway/manifest.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/manifests.h"
#include "proto/base/failpoint.h"

static int refuse_tag(struct request *rq)
{
	return refuse(rq, TAG_INVALID,
		      "a tag has 1 to %d letters, digits, '_', '.' and '-', and "
		      "begins with none of the last two",
		      TAG_MAX);
}

/*
 * A tag that cannot exist is simply not there to a reader; a digest that cannot exist is a
 * mistake to be told.
 */
static int refuse_reference(struct request *rq, const char *text, bool writing)
{
	if (digest_shaped(text, strlen(text)))
		return refuse(rq, DIGEST_INVALID,
			      "the reference is not a digest that is known here");
	return writing ? refuse_tag(rq) : refuse(rq, MANIFEST_UNKNOWN, NULL);
}

/*
 * What is sent is a download of its version, and of the tag that it was asked for by. Whoever
 * asks by a tag and gets no manifest (HEAD, or he has it already) has checked the tag.
 */
static void count(struct request *rq, const struct manifest_info *m,
		  const struct reference *ref, bool sent)
{
	if (sent || !ref->is_digest)
		download_counter_add(rq->worker->downloads, m, ref->is_digest ? NULL : ref->tag,
				     sent);
}

int v2_manifest_get(struct request *rq)
{
	const char *text = request_param(rq, "reference");
	struct manifest_info m;
	struct reference ref;
	struct slice bytes = {"", 0};
	const char *digest = NULL;
	bool known = false; /* to the client */
	int rc;

	if (reference_parse(rq->arena, text, strlen(text), &ref) < 0)
		return refuse_reference(rq, text, false);
	rc = await_manifest_find(rq->worker->metadb, rq->arena, rq->package_id, &ref, &m);
	if (rc == 0) {
		digest = digest_str(rq->arena, &m.digest);
		known = etag_listed(request_header(rq, "If-None-Match"), digest);
		bytes.len = m.size;
	}
	if (rc == 0 && !known && request_is(rq, METHOD_GET))
		rc = await_manifest_bytes(rq->worker->metadb, rq->arena, &m, &bytes);
	if (rc == ERR_NOT_FOUND)
		return refuse(rq, MANIFEST_UNKNOWN, NULL);
	if (rc < 0)
		return give_up(rq, rc, "reading the manifest");
	count(rq, &m, &ref, !known && request_is(rq, METHOD_GET));
	reply_header(rq, "Docker-Content-Digest", "%s", digest);
	reply_header(rq, "ETag", "\"%s\"", digest);
	if (known)
		return reply(rq, 304);
	return reply_bytes(rq, 200, m.media_type, bytes.data, bytes.len);
}

/*
 * What of a manifest must be here. What an index lists under a type that is none of manifests
 * is a blob: the caches that BuildKit has in registries are such indexes, of layers and a
 * config.
 */
static void collect(struct arena *a, const struct manifest *m, struct manifest_new *out)
{
	struct digest *blobs = arena_alloc(a, (m->ref_count + 1) * sizeof(*blobs));
	struct digest *children = arena_alloc(a, (m->ref_count + 1) * sizeof(*children));

	out->blobs = blobs;
	out->children = children;
	if (m->kind == MANIFEST_IMAGE) {
		blobs[out->blobs_count++] = m->config.digest;
		out->config = &m->config.digest;
	}
	for (size_t i = 0; i < m->ref_count; i++) {
		const struct manifest_ref *ref = &m->refs[i];

		if (m->kind == MANIFEST_INDEX &&
		    media_manifest_kind(ref->media_type, strlen(ref->media_type)) !=
			    MANIFEST_NONE)
			children[out->children_count++] = ref->digest;
		else if (!ref->foreign)
			blobs[out->blobs_count++] = ref->digest;
	}
}

static int refuse_missing(struct request *rq, const struct manifest_put *put)
{
	size_t n = put->missing_blobs_count + put->missing_children_count;
	const char **details = arena_alloc(rq->arena, (n + 1) * sizeof(*details));

	if (n == 0)
		return refuse(rq, NAME_UNKNOWN, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct digest *d =
			i < put->missing_blobs_count
				? &put->missing_blobs[i]
				: &put->missing_children[i - put->missing_blobs_count];

		details[i] = arena_printf(rq->arena, "{\"digest\":\"%s\"}",
					  digest_str(rq->arena, d));
	}
	return refuse_each(rq, MANIFEST_BLOB_UNKNOWN, details, (unsigned)n);
}

static int await_put(struct request *rq, struct manifest_new *m, struct manifest_put *out)
{
	struct actor who = auth_actor(rq);

	int rc;

	m->target = auth_target(rq);
	m->pusher_role = rq->standing.role;
	await_failpoint(FP_MANIFEST_BEFORE);
	rc = await_manifest_put(rq->worker->metadb, rq->arena, &who, m, out);
	await_failpoint(FP_MANIFEST_DONE);
	return rc;
}

/* The images of an index, unless they are too many to be looked at. */
static void collect_images(struct arena *a, const struct manifest *m, struct manifest_new *out)
{
	struct digest *list = arena_alloc(a, (m->ref_count + 1) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; m->kind == MANIFEST_INDEX && i < m->ref_count; i++)
		if (!m->refs[i].aside)
			list[n++] = m->refs[i].digest;
	out->images = list;
	out->images_count = n <= MANIFEST_IMAGES_MAX ? n : 0;
}

/* What an index says of its manifests. What it says of one twice counts once. */
static void collect_told(struct arena *a, const struct manifest *m, struct manifest_new *out)
{
	struct manifest_told *list = arena_alloc(a, (m->ref_count + 1) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; m->kind == MANIFEST_INDEX && i < m->ref_count; i++) {
		const struct manifest_ref *ref = &m->refs[i];

		if (ref->aside || ref->platform != NULL)
			list[n++] = (struct manifest_told){ref->digest,
							   ref->aside ? NULL : ref->platform};
	}
	out->told = list;
	out->told_count = n;
	out->layer_type =
		m->kind == MANIFEST_IMAGE && m->ref_count > 0 ? m->refs[0].media_type : "";
}

/* What it says of itself. Labels of an image's config go before its annotations. */
static void await_labels(struct request *rq, const struct manifest *m, struct manifest_new *out)
{
	struct labels l;

	labels_init(&l, rq->arena);
	await_config_labels(rq, m, &l, &out->platform);
	labels_add(&l, m->annotation_map);
	out->labels = labels_json(&l);
	out->source = labels_source(&l);
	out->own_source = request_own_source(rq);
	collect_images(rq->arena, m, out);
	collect_told(rq->arena, m, out);
}

/* The tags that a push sets. */
struct tags {
	const char **name;
	size_t count;
};

/*
 * The one in the path, or those that a push by digest names in its query (distribution-spec
 * 1.2). 0, or the status of a refusal. The right to push holds for every tag of a package.
 */
static int read_tags(struct request *rq, const struct reference *ref, struct tags *out)
{
	const char *name;

	out->name = arena_alloc(rq->arena, (rq->query.count + 1) * sizeof(*out->name));
	out->count = 0;
	if (!ref->is_digest)
		out->name[out->count++] = ref->tag;
	while (ref->is_digest &&
	       (name = uri_query_get(&rq->query, "tag", (unsigned)out->count)) != NULL) {
		if (!tag_valid(name, strlen(name)))
			return refuse_tag(rq);
		out->name[out->count++] = name;
	}
	return 0;
}

static int await_record(struct request *rq, const struct manifest *m, const struct tags *tags,
			struct slice body, const struct digest *digest)
{
	struct manifest_new wanted = {
		.digest = *digest,
		.bytes = body,
		.media_type = m->media_type,
		.kind = m->kind,
		.artifact_type = m->artifact_type,
		.subject = m->has_subject ? &m->subject.digest : NULL,
		.annotations = m->annotations,
		.tags = tags->name,
		.tags_count = tags->count,
		.sparse = rq->worker->set->gateway_sparse_indexes,
	};
	struct manifest_put put;
	const char *text = digest_str(rq->arena, digest);
	int rc, status;

	collect(rq->arena, m, &wanted);
	await_labels(rq, m, &wanted);
	rc = await_put(rq, &wanted, &put);
	if (rc == ERR_CONFLICT || rc == ERR_STALE_RIGHTS) {
		status = await_auth_again(rq);
		if (status != 0)
			return status;
		rc = await_put(rq, &wanted, &put);
	}
	if (rc == 0 || rc == ERR_NOT_FOUND)
		auth_proved(rq);
	if (rc == ERR_NOT_FOUND)
		return refuse_missing(rq, &put);
	if (rc < 0)
		return give_up(rq, rc == ERR_CONFLICT ? ERR_UNAVAILABLE : rc,
			       "recording the manifest");
	reply_header(rq, "Location", "%s/v2/%s/manifests/%s", request_origin(rq), rq->repo.full,
		     text);
	reply_header(rq, "Docker-Content-Digest", "%s", text);
	if (m->has_subject)
		reply_header(rq, "OCI-Subject", "%s",
			     digest_str(rq->arena, &m->subject.digest));
	return reply(rq, 201);
}

int v2_manifest_put(struct request *rq)
{
	const size_t max = (size_t)rq->worker->set->gateway_manifest_max;
	const char *text = request_param(rq, "reference");
	struct reference ref;
	struct manifest m;
	struct digest digest;
	struct slice body;
	struct tags tags;
	int rc;

	if (reference_parse(rq->arena, text, strlen(text), &ref) < 0)
		return refuse_reference(rq, text, true);
	rc = read_tags(rq, &ref, &tags);
	if (rc != 0)
		return rc;
	rc = await_body_all(rq, max, &body);
	if (rc == ERR_LIMIT)
		return refuse(rq, SIZE_INVALID, "a manifest has at most %zu bytes", max);
	if (rc < 0)
		return give_up(rq, rc, "reading the manifest");
	digest_of(ref.is_digest ? ref.digest.algorithm : DIGEST_SHA256, body.data, body.len,
		  &digest);
	if (ref.is_digest && !digest_equal(&digest, &ref.digest))
		return refuse(rq, DIGEST_INVALID, "the body is %s",
			      digest_str(rq->arena, &digest));
	rc = manifest_parse(rq->arena, request_header(rq, "Content-Type"), body.data, body.len,
			    &m);
	if (rc < 0)
		return refuse(rq, rc == ERR_LIMIT ? SIZE_INVALID : MANIFEST_INVALID, "%s",
			      m.complaint);
	rc = await_record(rq, &m, &tags, body, &digest);
	for (size_t i = 0; rc == 201 && ref.is_digest && i < tags.count; i++)
		reply_header(rq, "OCI-Tag", "%s", tags.name[i]);
	return rc;
}
