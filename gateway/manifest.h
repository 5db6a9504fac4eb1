/*
 * Manifests: what an image manifest or an index says about other content.
 *
 * Understood: OCI image manifest and index, Docker manifest schema 2 and list. The bytes are
 * stored and served as they came; this is only their reading. What is ambiguous is refused, so
 * that no two readers see different images in the same bytes: a body with both layers and
 * manifests, a mediaType that disagrees with the Content-Type, duplicate keys. Any thread.
 * Sources: OCI image-spec manifest.md, image-index.md, descriptor.md; Docker image manifest v2,
 * schema 2.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "proto/model/digest.h"
#include "proto/model/media.h"

/* Layers of an image, or children of an index. */
#define MANIFEST_REFS_MAX 4096

/* A descriptor: content named by digest. */
struct manifest_ref {
	struct digest digest;
	int64_t size;
	const char *media_type;
	bool foreign; /* its bytes need not be in this registry */
	/* Of a child: */
	bool aside;	      /* no image to run, but an attestation about one */
	const char *platform; /* gateway/platform.h; NULL: none is said */
};

struct manifest {
	enum manifest_kind kind;
	const char *media_type;	    /* as stored and served */
	const char *artifact_type;  /* NULL if none; for images the config's type stands in */
	struct manifest_ref config; /* images only */
	struct manifest_ref *refs;  /* layers of an image, children of an index */
	size_t ref_count;
	bool has_subject;
	struct manifest_ref subject;
	const char *annotations;      /* JSON object as text, NULL if none */
	const json_t *annotation_map; /* the same, alive as long as the arena */
	const char *complaint;	      /* after a failure: a sentence for the client */
};

/*
 * content_type may be NULL: then the body's mediaType decides. Otherwise ERR_SYNTAX, or
 * ERR_LIMIT when it is nested too deep or holds too much, with a complaint. The result lives in
 * the arena.
 */
int manifest_parse(struct arena *a, const char *content_type, const char *body, size_t len,
		   struct manifest *out) MUST_CHECK;
