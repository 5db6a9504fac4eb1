/*
 * The requests as docker makes them. Whatever is read is checked: the length, and SHA-256 or
 * the bytes themselves; a write counts only with the status and the digest it should have.
 */
#include "tests/bench/load/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define ACCEPT                                                                 \
	"Accept: " MANIFEST_TYPE ", application/vnd.oci.image.index.v1+json, " \
	"application/vnd.docker.distribution.manifest.v2+json, "               \
	"application/vnd.docker.distribution.manifest.list.v2+json\r\n"

/* A configuration is JSON of a fixed size, made of its seed alone. */
static void write_config(uint64_t seed, char text[TRANSFER_CONFIG_SIZE + 1])
{
	int n = snprintf(text, TRANSFER_CONFIG_SIZE + 1,
			 "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},"
			 "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},"
			 "\"author\":\"%016" PRIx64 "\"}",
			 seed);

	memset(text + n, ' ', TRANSFER_CONFIG_SIZE - (size_t)n);
	text[TRANSFER_CONFIG_SIZE] = '\0';
}

void transfer_describe(struct session *s, struct item *item, uint64_t size)
{
	char config[TRANSFER_CONFIG_SIZE + 1];

	item->size = size;
	if (item->kind == ITEM_BLOB) {
		data_digest(s->hash, item->seed, size, item->digest);
		return;
	}
	item->size = TRANSFER_CONFIG_SIZE;
	write_config(item->seed, config);
	hash_reset(s->hash);
	hash_add(s->hash, config, TRANSFER_CONFIG_SIZE);
	hash_text(s->hash, item->digest);
}

/* ---- blobs ---- */

static struct call blob_call(const struct item *item, enum step step, const char *method)
{
	struct call call = {.step = step,
			    .method = method,
			    .repository = item->repository,
			    .expect = {200, 200}};

	snprintf(call.path, sizeof(call.path), "/v2/%s/blobs/%s", item->repository->name,
		 item->digest);
	return call;
}

/* The next request goes where the last answer said. */
static int follow(struct session *s, struct call *call)
{
	if (url_path_of(call->head.location, call->path, sizeof(call->path)) == 0)
		return 0;
	return session_fail(s, call->step, ERR_PROTOCOL, "protocol",
			    "no usable Location: \"%s\"", call->head.location);
}

static int start_upload(struct session *s, const struct item *item, struct call *call)
{
	int rc;

	*call = (struct call){.step = STEP_START_UPLOAD,
			      .method = "POST",
			      .repository = item->repository,
			      .push = true,
			      .expect = {202, 202}};
	snprintf(call->path, sizeof(call->path), "/v2/%s/blobs/uploads/",
		 item->repository->name);
	rc = session_call(s, call);
	return rc != 0 ? rc : follow(s, call);
}

static int patch(struct session *s, struct call *call, const struct body *body,
		 const char *headers)
{
	int rc;

	call->step = STEP_PATCH_UPLOAD;
	call->method = "PATCH";
	call->headers = headers;
	call->body = *body;
	call->expect[0] = 202;
	call->expect[1] = 204;
	rc = session_call(s, call);
	return rc != 0 ? rc : follow(s, call);
}

static int patch_parts(struct session *s, struct call *call, const struct body *whole)
{
	uint64_t part = s->options->part;
	char headers[128];
	int rc = 0;

	for (uint64_t at = 0; at < whole->size && rc == 0; at += part) {
		struct body body = *whole;

		body.size = whole->size - at < part ? whole->size - at : part;
		body.offset = at;
		snprintf(headers, sizeof(headers),
			 "Content-Type: application/octet-stream\r\n"
			 "Content-Range: %" PRIu64 "-%" PRIu64 "\r\n",
			 at, at + body.size - 1);
		rc = patch(s, call, &body, headers);
	}
	return rc;
}

static int finish_upload(struct session *s, struct item *item, struct call *call,
			 const struct body *body)
{
	int rc;

	call->step = STEP_PUT_UPLOAD;
	call->method = "PUT";
	call->headers =
		body->kind == BODY_NONE ? NULL : "Content-Type: application/octet-stream\r\n";
	call->body = *body;
	call->expect[0] = call->expect[1] = 201;
	rc = url_add_query(call->path, sizeof(call->path), "digest", item->digest);
	if (rc != 0)
		return session_fail(s, call->step, rc, "protocol", "Location is too long");
	rc = session_call(s, call);
	if (rc != 0 || call->head.digest[0] == '\0' ||
	    strcmp(call->head.digest, item->digest) == 0)
		return rc;
	return session_fail(s, call->step, ERR_CORRUPT, "wrong digest", "%s: stored as %s",
			    call->path, call->head.digest);
}

int transfer_push(struct session *s, struct item *item)
{
	char config[TRANSFER_CONFIG_SIZE + 1];
	struct body body = {.kind = BODY_STREAM, .size = item->size, .seed = item->seed};
	struct call call;
	int rc;

	if (item->kind == ITEM_CONFIG) {
		write_config(item->seed, config);
		body.kind = BODY_TEXT;
		body.text = config;
	}
	rc = start_upload(s, item, &call);
	if (rc != 0)
		return rc;
	if (s->options->push == PUSH_PUT)
		return finish_upload(s, item, &call, &body);
	if (s->options->push == PUSH_PARTS && item->kind == ITEM_BLOB) {
		rc = patch_parts(s, &call, &body);
	} else {
		body.chunked = true;
		body.hash = s->options->hash_late ? s->hash : NULL;
		rc = patch(s, &call, &body, "Content-Type: application/octet-stream\r\n");
		if (rc == 0 && body.hash != NULL)
			hash_text(body.hash, item->digest);
	}
	body = (struct body){.kind = BODY_NONE};
	return rc != 0 ? rc : finish_upload(s, item, &call, &body);
}

int transfer_head(struct session *s, const struct item *item)
{
	struct call call = blob_call(item, STEP_HEAD_BLOB, "HEAD");
	int rc;

	call.expect[1] = 404;
	rc = session_call(s, &call);
	if (rc != 0 || call.head.status == 404)
		return rc;
	if (!call.head.has_length || call.head.length == item->size)
		return 1;
	return session_fail(s, call.step, ERR_CORRUPT, "wrong length",
			    "HEAD %s: %" PRIu64 " bytes instead of %" PRIu64, call.path,
			    call.head.length, item->size);
}

int transfer_pull(struct session *s, const struct item *item)
{
	struct call call = blob_call(item, STEP_GET_BLOB, "GET");
	bool bytes = s->options->check == CHECK_BYTES && item->kind == ITEM_BLOB;
	struct sink sink = {.compare = bytes, .seed = item->seed};
	char digest[DATA_DIGEST_TEXT];
	int rc;

	if (!bytes)
		sink.hash = s->hash;
	hash_reset(s->hash);
	call.sink = &sink;
	rc = session_call(s, &call);
	if (rc != 0)
		return rc;
	if (sink.total != item->size)
		return session_fail(s, call.step, ERR_CORRUPT, "wrong length",
				    "GET %s: %" PRIu64 " bytes instead of %" PRIu64, call.path,
				    sink.total, item->size);
	if (!bytes)
		hash_text(s->hash, digest);
	if (sink.differs || (!bytes && strcmp(digest, item->digest) != 0))
		return session_fail(s, call.step, ERR_CORRUPT, "wrong bytes", "GET %s: has %s",
				    call.path, bytes ? "other bytes" : digest);
	return 0;
}

/* ---- manifests ---- */

static void manifest_path(const struct item *item, bool by_digest, char *out, size_t size)
{
	snprintf(out, size, "/v2/%s/manifests/%s", item->repository->name,
		 by_digest || item->tag[0] == '\0' ? item->digest : item->tag);
}

int transfer_push_manifest(struct session *s, const struct item *item, const char *text)
{
	struct call call = {.step = STEP_PUT_MANIFEST,
			    .method = "PUT",
			    .headers = "Content-Type: " MANIFEST_TYPE "\r\n",
			    .body = {.kind = BODY_TEXT, .text = text, .size = item->size},
			    .repository = item->repository,
			    .push = true,
			    .expect = {201, 201}};
	int rc;

	manifest_path(item, false, call.path, sizeof(call.path));
	rc = session_call(s, &call);
	if (rc != 0 || strcmp(call.head.digest, item->digest) == 0)
		return rc;
	return session_fail(s, call.step, ERR_CORRUPT, "wrong digest",
			    "PUT %s: stored as \"%s\"", call.path, call.head.digest);
}

int transfer_pull_manifest(struct session *s, const struct item *item, bool by_digest,
			   char **text)
{
	char digest[DATA_DIGEST_TEXT], *copy = NULL;
	struct sink sink = {.hash = s->hash};
	struct call call = {.step = STEP_GET_MANIFEST,
			    .method = "GET",
			    .headers = ACCEPT,
			    .sink = &sink,
			    .repository = item->repository,
			    .expect = {200, 200}};
	int rc;

	if (text != NULL) {
		sink.keep_max = item->size < TRANSFER_MANIFEST_MAX ? (size_t)item->size
								   : TRANSFER_MANIFEST_MAX;
		sink.keep = copy = xcalloc(1, sink.keep_max + 1);
	}
	manifest_path(item, by_digest, call.path, sizeof(call.path));
	hash_reset(s->hash);
	rc = session_call(s, &call);
	if (rc == 0) {
		hash_text(s->hash, digest);
		if (strcmp(digest, item->digest) != 0)
			rc = session_fail(s, call.step, ERR_CORRUPT, "wrong bytes",
					  "GET %s: has %s instead of %s", call.path, digest,
					  item->digest);
	}
	if (rc == 0 && text != NULL)
		*text = copy;
	else
		free(copy);
	return rc;
}
