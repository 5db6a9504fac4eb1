/* gateway/manifest.h: what is read from each kind of manifest, what is refused and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/manifest.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define REF(type, size) \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":" size "}"
#define CONFIG	"\"config\":" REF("application/vnd.oci.image.config.v1+json", "7")
#define LAYER	REF("application/vnd.oci.image.layer.v1.tar+gzip", "11")
#define FOREIGN REF("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "13")
#define IMAGE	"{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "," FOREIGN "]}"

static struct arena *arena;
static struct manifest m;

static int open_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static int parse(const char *type, const char *body)
{
	return manifest_parse(arena, type, body, strlen(body), &m);
}

static void refuse_as(int code, const char *type, const char *body, const char *words)
{
	if (parse(type, body) != code)
		fail_msg("accepted: %.100s", body);
	if (strstr(m.complaint, words) == NULL)
		fail_msg("'%s' does not say '%s'", m.complaint, words);
}

static void refuse(const char *type, const char *body, const char *words)
{
	refuse_as(ERR_SYNTAX, type, body, words);
}

static void image(void **state)
{
	(void)state;
	assert_int_equal(parse(MEDIA_OCI_MANIFEST "; charset=utf-8", IMAGE), 0);
	assert_int_equal(m.kind, MANIFEST_IMAGE);
	assert_string_equal(m.media_type, MEDIA_OCI_MANIFEST);
	assert_string_equal(m.artifact_type, "application/vnd.oci.image.config.v1+json");
	assert_int_equal(m.config.size, 7);
	assert_int_equal(m.ref_count, 2);
	assert_int_equal(m.refs[0].size, 11);
	assert_false(m.refs[0].foreign);
	assert_true(m.refs[1].foreign);
	assert_false(m.has_subject);
	assert_int_equal(parse(MEDIA_DOCKER_MANIFEST, IMAGE), 0);
	assert_int_equal(
		parse(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":2," CONFIG ",\"layers\":null}"),
		0);
	assert_int_equal(m.ref_count, 0);
}

static void index_and_subject(void **state)
{
	(void)state;
	assert_int_equal(
		parse(MEDIA_OCI_INDEX,
		      "{\"schemaVersion\":2,\"artifactType\":\"a/b\",\"manifests\":[" REF(
			      MEDIA_OCI_MANIFEST, "5") "],\"subject\":" REF(MEDIA_OCI_INDEX,
									    "6") "}"),
		0);
	assert_int_equal(m.kind, MANIFEST_INDEX);
	assert_string_equal(m.artifact_type, "a/b");
	assert_int_equal(m.ref_count, 1);
	assert_true(m.has_subject);
	assert_int_equal(parse(NULL, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_DOCKER_LIST
				     "\",\"manifests\":[]}"),
			 0);
	assert_string_equal(m.media_type, MEDIA_DOCKER_LIST);
}

#define CHILD \
	"{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"sha256:" HEX "\",\"size\":5"

/* What is no image to run: buildkit's two marks, each alone. */
static void attestations(void **state)
{
	static const struct {
		const char *rest;
		bool aside;
		const char *platform;
	} cases[] = {
		{"}", false, NULL},
		{",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}", false,
		 "linux/amd64"},
		{",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}}", true,
		 NULL},
		{",\"platform\":{\"os\":\"unknown\",\"architecture\":\"arm64\"}}", false,
		 "unknown/arm64"},
		{",\"platform\":7,\"annotations\":[]}", false, NULL},
		{",\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}}",
		 true, NULL},
		{",\"annotations\":{\"vnd.docker.reference.type\":\"other\"}}", false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *body =
			arena_printf(arena, "{\"schemaVersion\":2,\"manifests\":[" CHILD "%s]}",
				     cases[i].rest);

		assert_int_equal(parse(MEDIA_OCI_INDEX, body), 0);
		assert_int_equal(m.refs[0].aside, cases[i].aside);
		assert_int_equal(m.refs[0].platform == NULL, cases[i].platform == NULL);
		if (cases[i].platform != NULL)
			assert_string_equal(m.refs[0].platform, cases[i].platform);
	}
}

static void ambiguous(void **state)
{
	(void)state;
	refuse(MEDIA_OCI_INDEX, "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}",
	       "layers");
	refuse(MEDIA_OCI_MANIFEST,
	       "{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"manifests\":[]}", "manifests");
	refuse(MEDIA_OCI_MANIFEST,
	       "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}",
	       "Content-Type");
	refuse(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":2,\"schemaVersion\":2}", "duplicate");
	refuse(NULL, IMAGE, "neither");
}

#define TYPED(type) "{\"schemaVersion\":2,\"mediaType\":\"" type "\",\"manifests\":[]}"

/* Of what the client wrote, nothing reaches the headers of others' answers. */
static void type_is_the_registrys_own(void **state)
{
	(void)state;
	assert_int_equal(parse("Application/vnd.oci.image.index.v1+JSON;a=b",
			       TYPED("application/vnd.OCI.image.index.v1+json")),
			 0);
	assert_string_equal(m.media_type, MEDIA_OCI_INDEX);
	refuse(NULL, TYPED(MEDIA_OCI_INDEX ";\\r\\nX-Split: yes"), "more in it");
	refuse(NULL, TYPED(MEDIA_OCI_INDEX "; charset=utf-8"), "more in it");
	refuse(NULL, TYPED(MEDIA_OCI_INDEX " "), "more in it");
	refuse(NULL, TYPED(MEDIA_OCI_INDEX "\\n"), "not that of a manifest");
}

static void types_of_layers(void **state)
{
	static const char *const BAD[] = {"", " a/b", "a/b ", "a/b\\n", "a/\\u00e9"};

	(void)state;
	assert_int_equal(parse(MEDIA_OCI_MANIFEST,
			       "{\"schemaVersion\":2," CONFIG
			       ",\"layers\":[" REF("text/plain; charset=utf-8", "3") "]}"),
			 0);
	assert_string_equal(m.refs[0].media_type, "text/plain; charset=utf-8");
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		refuse(MEDIA_OCI_MANIFEST,
		       arena_printf(arena,
				    "{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\""
				    ":\"%s\",\"size\":1,\"digest\":\"sha256:" HEX "\"}]}",
				    BAD[i]),
		       "mediaType");
}

static void malformed(void **state)
{
	(void)state;
	refuse(MEDIA_OCI_MANIFEST, "", "cannot be read");
	refuse(MEDIA_OCI_MANIFEST, "[]", "not a JSON object");
	refuse(MEDIA_OCI_MANIFEST, IMAGE "x", "cannot be read");
	refuse(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":3}", "schemaVersion");
	refuse(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":2}", "config");
	refuse(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":2," CONFIG "}", "layers is missing");
	refuse(MEDIA_OCI_MANIFEST, "{\"schemaVersion\":2," CONFIG ",\"layers\":[{}]}",
	       "layer 0");
	refuse(MEDIA_OCI_MANIFEST,
	       "{\"schemaVersion\":2," CONFIG ",\"layers\":[" REF("a/b", "-1") "]}", "size");
	refuse(MEDIA_OCI_MANIFEST,
	       "{\"schemaVersion\":2," CONFIG
	       ",\"layers\":[{\"mediaType\":\"a/b\",\"size\":1,\"digest\":\"sha256:12\"}]}",
	       "digest");
	refuse("text/plain", IMAGE, "media type");
}

static void schema1(void **state)
{
	(void)state;
	refuse("application/vnd.docker.distribution.manifest.v1+prettyjws",
	       "{\"schemaVersion\":1,\"name\":\"a\",\"fsLayers\":[]}", "schema version 1");
	refuse("application/json", "{\"schemaVersion\":1}", "schema version 1");
}

static void bounds(void **state)
{
	const size_t many = 600000;
	char *deep = arena_alloc(arena, 256), *wide = arena_alloc(arena, many + 64);

	(void)state;
	memset(deep, '[', 100);
	refuse_as(ERR_LIMIT, MEDIA_OCI_MANIFEST, deep, "nested too deep, at most 32");
	memcpy(wide, "{\"a\":[0", 7);
	for (size_t i = 7; i < many; i += 2)
		memcpy(wide + i, ",0", 2);
	refuse_as(ERR_LIMIT, MEDIA_OCI_MANIFEST, wide, "too many values");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_arena, close_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(image),	       CASE(index_and_subject),
		CASE(ambiguous),       CASE(type_is_the_registrys_own),
		CASE(types_of_layers), CASE(malformed),
		CASE(schema1),	       CASE(bounds),
		CASE(attestations)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
