/*
 * Kind first, then content. The kind comes from Content-Type and mediaType, which must agree;
 * only then are the members of that kind read, and members of the other kind are refused.
 *
 *   image:  config, layers[]      index:  manifests[]      both:  subject, artifactType
 */
#include "gateway/manifest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/platform.h"
#include "gateway/strict_json.h"

/* A child of an index with platform and annotations is about 15 values. */
#define MANIFEST_VALUES_MAX 131072
#define MEDIA_TYPE_MAX	    255

struct reading {
	struct arena *a;
	struct manifest *m;
	const json_t *json;
};

static int complain(struct reading *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int complain(struct reading *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	r->m->complaint = arena_vprintf(r->a, fmt, args);
	va_end(args);
	return ERR_SYNTAX;
}

/*
 * What a descriptor says of its bytes. RFC 6838 has no parameters here, but clients that guess
 * the type of a file write "text/plain; charset=utf-8".
 */
static bool media_type_sane(const char *type)
{
	size_t len = strlen(type);

	for (size_t i = 0; i < len; i++) {
		if (type[i] < ' ' || type[i] > '~')
			return false;
	}
	return len > 0 && len <= MEDIA_TYPE_MAX && type[0] != ' ' && type[len - 1] != ' ';
}

/* A member; null means absent, as writers in Go leave it for lists without elements. */
static const json_t *member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

/* One descriptor; `what` names it in complaints. */
static int read_ref(struct reading *r, const json_t *json, const char *what,
		    struct manifest_ref *out)
{
	const char *type = strict_json_text(json, "mediaType");
	const char *digest = strict_json_text(json, "digest");
	const json_t *size = json_object_get(json, "size");

	if (!json_is_object(json))
		return complain(r, "%s is not an object", what);
	if (type == NULL || !media_type_sane(type))
		return complain(r, "%s has no valid mediaType", what);
	if (digest == NULL || digest_parse(digest, strlen(digest), &out->digest) < 0)
		return complain(r, "%s has no valid digest", what);
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return complain(r, "%s has no valid size", what);
	out->size = json_integer_value(size);
	out->media_type = arena_strdup(r->a, type);
	out->foreign = media_layer_foreign(type);
	return 0;
}

static int read_refs(struct reading *r, const char *key, const char *what)
{
	const json_t *array = member(r->json, key);
	size_t n;

	if (json_object_get(r->json, key) == NULL)
		return complain(r, "%s is missing", key);
	if (array != NULL && !json_is_array(array))
		return complain(r, "%s is not an array", key);
	n = json_array_size(array);
	if (n > MANIFEST_REFS_MAX) {
		complain(r, "more than %d %s", MANIFEST_REFS_MAX, key);
		return ERR_LIMIT;
	}
	r->m->refs = arena_alloc(r->a, (n + 1) * sizeof(*r->m->refs));
	for (size_t i = 0; i < n; i++) {
		char name[48];
		int rc;

		snprintf(name, sizeof(name), "%s %zu", what, i);
		rc = read_ref(r, json_array_get(array, i), name, &r->m->refs[i]);
		if (rc < 0)
			return rc;
		r->m->ref_count++;
	}
	return 0;
}

static int read_image(struct reading *r)
{
	int rc;

	if (member(r->json, "manifests") != NULL)
		return complain(r, "an image manifest must not have manifests");
	rc = read_ref(r, json_object_get(r->json, "config"), "config", &r->m->config);
	if (rc < 0)
		return rc;
	return read_refs(r, "layers", "layer");
}

static bool is_text(const json_t *object, const char *key, const char *text)
{
	const char *value = strict_json_text(object, key);

	return value != NULL && strcmp(value, text) == 0;
}

/* As buildkit marks them: by an annotation, and by a platform that nobody has. */
static bool is_aside(const json_t *child)
{
	const json_t *platform = json_object_get(child, "platform");

	return is_text(json_object_get(child, "annotations"), "vnd.docker.reference.type",
		       "attestation-manifest") ||
	       (is_text(platform, "os", "unknown") &&
		is_text(platform, "architecture", "unknown"));
}

static int read_index(struct reading *r)
{
	const json_t *list = member(r->json, "manifests");
	int rc;

	if (member(r->json, "layers") != NULL || member(r->json, "config") != NULL)
		return complain(r, "an index must not have layers or config");
	rc = read_refs(r, "manifests", "manifest");
	for (size_t i = 0; rc == 0 && i < r->m->ref_count; i++) {
		const json_t *child = json_array_get(list, i);

		r->m->refs[i].aside = is_aside(child);
		r->m->refs[i].platform =
			platform_text(r->a, json_object_get(child, "platform"));
	}
	return rc;
}

static void free_text(void *text)
{
	free(text);
}

/* Names and values must be strings (image-spec annotations.md); their text is kept. */
static int read_annotations(struct reading *r)
{
	json_t *annotations = (json_t *)member(r->json, "annotations");
	const char *key;
	json_t *value;
	char *text;

	if (annotations == NULL)
		return 0;
	if (!json_is_object(annotations))
		return complain(r, "annotations are not an object");
	json_object_foreach(annotations, key, value) {
		if (!json_is_string(value))
			return complain(r, "an annotation is not a string");
	}
	text = json_dumps(annotations, JSON_COMPACT);
	if (text == NULL)
		return complain(r, "annotations cannot be read");
	arena_defer(r->a, free_text, text);
	r->m->annotations = text;
	r->m->annotation_map = annotations;
	return 0;
}

static int read_common(struct reading *r)
{
	const json_t *subject = member(r->json, "subject");
	const json_t *type = member(r->json, "artifactType");

	if (subject != NULL) {
		int rc = read_ref(r, subject, "subject", &r->m->subject);

		if (rc < 0)
			return rc;
		r->m->has_subject = true;
	}
	if (type != NULL) {
		if (!json_is_string(type) || (*json_string_value(type) != '\0' &&
					      !media_type_sane(json_string_value(type))))
			return complain(r, "artifactType is not a media type");
		if (*json_string_value(type) != '\0')
			r->m->artifact_type = arena_strdup(r->a, json_string_value(type));
	}
	if (r->m->artifact_type == NULL && r->m->kind == MANIFEST_IMAGE)
		r->m->artifact_type = r->m->config.media_type;
	return read_annotations(r);
}

/*
 * The one type that header and body agree on, as this registry writes it: the client's own text
 * does not become a header of answers.
 */
static int decide_type(struct reading *r, const char *content_type)
{
	const json_t *type = member(r->json, "mediaType");
	const char *inside = json_string_value(type);
	const char *outside = NULL, *said;

	if (type != NULL && inside == NULL)
		return complain(r, "mediaType is not a string");
	if (inside != NULL && media_type_length(inside, strlen(inside)) != strlen(inside))
		return complain(r, "mediaType has more in it than a media type");
	if (content_type != NULL && *content_type != '\0')
		outside = arena_memdup(r->a, content_type,
				       media_type_length(content_type, strlen(content_type)));
	if (outside != NULL && inside != NULL && strcasecmp(outside, inside) != 0)
		return complain(r, "the Content-Type is not the manifest's mediaType");
	said = inside != NULL ? inside : outside;
	if (said == NULL)
		return complain(r, "neither Content-Type nor mediaType tells what this is");
	r->m->media_type = media_manifest_type(said, strlen(said));
	r->m->kind = media_manifest_kind(said, strlen(said));
	if (r->m->kind == MANIFEST_SCHEMA1 ||
	    json_integer_value(json_object_get(r->json, "schemaVersion")) == 1)
		return complain(r,
				"Docker image manifests of schema version 1 are not supported; "
				"push with a client that writes schema version 2 or OCI");
	if (r->m->kind == MANIFEST_NONE)
		return complain(r, "this media type is not that of a manifest or an index");
	return 0;
}

int manifest_parse(struct arena *a, const char *content_type, const char *body, size_t len,
		   struct manifest *out)
{
	struct reading r = {.a = a, .m = out};
	const char *why;
	json_t *json;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = strict_json_object(a, body, len, MANIFEST_VALUES_MAX, &json, &why);
	if (rc < 0) {
		complain(&r, "the manifest cannot be read: %s", why);
		return rc;
	}
	r.json = json;
	rc = decide_type(&r, content_type);
	if (rc < 0)
		return rc;
	if (json_integer_value(json_object_get(json, "schemaVersion")) != 2)
		return complain(&r, "schemaVersion is not 2");
	rc = out->kind == MANIFEST_INDEX ? read_index(&r) : read_image(&r);
	if (rc < 0)
		return rc;
	return read_common(&r);
}
