/* Versions, newest first: what they are, and which are listed. */
#include <string.h>

#include "metadb/collect.h"
#include "metadb/deletes.h"
#include "metadb/manifests.h"
#include "metadb/version_deletes.h"
#include "metadb/version_query.h"
#include "metadb/versions.h"
#include "tests/db/harness.h"

static struct actor alice;

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

static struct manifest_put await_push(const char *name, int64_t package, const char *text,
				      const char *tag, const struct digest *child)
{
	struct manifest_new m = {
		.target = {.namespace_id = alice.account_id,
			   .name = name,
			   .package_id = package,
			   .published = package != 0},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = child != NULL ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST,
		.kind = child != NULL ? MANIFEST_INDEX : MANIFEST_IMAGE,
		.tags = &tag,
		.tags_count = tag != NULL,
		.children = child,
		.children_count = child != NULL,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	arena_free(a);
	return put;
}

static struct version_list await_list(struct arena *a, int64_t package, bool deleted,
				      int64_t offset, int64_t limit)
{
	struct version_filter f = {.package_id = package, .deleted = deleted};
	struct version_list list;
	int64_t total;

	assert_int_equal(await_version_list(h_db, a, &f, &(struct list_part){offset, limit},
					    &list, &total),
			 0);
	return list;
}

H_TEST(newest_first_with_tags_and_parents)
{
	struct arena *a = arena_new();
	struct digest child = h_digest("{child}");
	struct manifest_put first = await_push("one", 0, "{child}", NULL, NULL);
	int64_t package = first.package_id;
	struct version_list list;
	struct version found;

	await_push("one", package, "{index}", "a", &child);
	await_push("one", package, "{index}", "b", &child);
	list = await_list(a, package, false, 0, 30);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.version[0].variety, VERSION_INDEX);
	assert_string_equal(list.version[0].tags, "[\"b\", \"a\"]");
	assert_string_equal(list.version[0].parents, "[]");
	assert_int_equal(list.version[0].size, 7);
	assert_int_equal(list.version[1].id, first.manifest_id);
	assert_string_equal(list.version[1].tags, "[]");
	assert_string_equal(
		list.version[1].parents,
		arena_printf(a, "[\"%s\"]", digest_str(a, &list.version[0].digest)));
	assert_int_equal(await_list(a, package, false, 1, 30).version[0].id, first.manifest_id);
	assert_int_equal(await_list(a, package, true, 0, 30).count, 0);
	assert_int_equal(await_version_find(h_db, a, package, first.manifest_id, &found), 0);
	assert_true(digest_equal(&found.digest, &child));
	assert_int_equal(await_version_find(h_db, a, package + 1, first.manifest_id, &found),
			 ERR_NOT_FOUND);
	arena_free(a);
}

/* A push into the package of alice's with that name, whose blobs are there. */
struct push {
	const char *text, *type, *layer_type, *annotations, *platform;
	const char *blobs[3], *children[3];
	const char *told; /* of the first child: its platform */
	bool aside;	  /* or an attestation */
};

static int64_t await_described(const char *name, int64_t package, struct push p)
{
	struct digest blobs[3], children[3];
	struct manifest_told told = {h_digest(p.children[0] != NULL ? p.children[0] : ""),
				     p.told};
	struct manifest_new m = {
		.target = {.namespace_id = alice.account_id,
			   .name = name,
			   .package_id = package,
			   .published = true},
		.digest = h_digest(p.text),
		.bytes = {p.text, strlen(p.text)},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = p.children[0] != NULL ? MANIFEST_INDEX : MANIFEST_IMAGE,
		.artifact_type = p.type,
		.layer_type = p.layer_type,
		.annotations = p.annotations,
		.platform = p.platform,
		.blobs = blobs,
		.children = children,
		.told = &told,
		.told_count = p.told != NULL || p.aside,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	for (; m.blobs_count < 3 && p.blobs[m.blobs_count] != NULL; m.blobs_count++)
		blobs[m.blobs_count] = h_digest(p.blobs[m.blobs_count]);
	for (; m.children_count < 3 && p.children[m.children_count] != NULL; m.children_count++)
		children[m.children_count] = h_digest(p.children[m.children_count]);
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	arena_free(a);
	return put.manifest_id;
}

/* "variety platform compressed unique" */
static void await_facts(int64_t package, int64_t id, const char *wanted)
{
	struct arena *a = arena_new();
	struct version v;

	assert_int_equal(await_version_find(h_db, a, package, id, &v), 0);
	assert_string_equal(arena_printf(a, "%d %s %lld %lld", v.variety, v.platform,
					 (long long)v.compressed, (long long)v.unique),
			    wanted);
	arena_free(a);
}

#define SIGNED "{\"dev.sigstore.bundle.predicateType\":\"https://sigstore.dev/cosign/sign/v1\"}"
#define PROOF  "{\"dev.sigstore.bundle.predicateType\":\"https://slsa.dev/provenance/v1\"}"
#define BUNDLE "application/vnd.dev.sigstore.bundle.v0.3+json"

H_TEST(what_a_version_is)
{
	static const struct {
		const char *type, *layer, *annotations, *wanted;
	} cases[] = {
		{MEDIA_OCI_CONFIG, "x/layer", NULL, "1 linux/arm 0 0"},
		{MEDIA_DOCKER_CONFIG, "", NULL, "1 linux/arm 0 0"},
		{MEDIA_OCI_CONFIG, "application/vnd.in-toto+json", NULL, "4  0 0"},
		{MEDIA_OCI_CONFIG, "application/vnd.dsse.envelope.v1+json", NULL, "4  0 0"},
		{MEDIA_OCI_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json", NULL,
		 "5  0 0"},
		{"application/vnd.cncf.notary.signature", "application/jose+json", NULL,
		 "5  0 0"},
		{BUNDLE, BUNDLE, NULL, "5  0 0"},
		{BUNDLE, BUNDLE, SIGNED, "5  0 0"},
		{BUNDLE, BUNDLE, PROOF, "4  0 0"},
		{"application/vnd.cncf.helm.config.v1+json", "x/chart", NULL, "3  0 0"},
		{NULL, "", NULL, "3  0 0"},
	};
	int64_t package = await_h_blob(alice.account_id, "what", "what");
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		await_facts(package,
			    await_described("what", package,
					    (struct push){arena_printf(a, "{%zu}", i),
							  cases[i].type,
							  cases[i].layer,
							  cases[i].annotations,
							  "linux/arm",
							  {0},
							  {0},
							  NULL,
							  false}),
			    cases[i].wanted);
	arena_free(a);
}

/* Where a manifest does not say it itself its index does, once. */
H_TEST(an_index_says_what_its_children_are)
{
	int64_t package = await_h_blob(alice.account_id, "says", "says");
	struct push image = {.text = "{image}", .type = MEDIA_OCI_CONFIG, .layer_type = ""};
	struct push proof = {.text = "{proof}", .type = MEDIA_OCI_CONFIG, .layer_type = ""};
	int64_t id = await_described("says", package, image), about;

	about = await_described("says", package, proof);
	await_described("says", package,
			(struct push){.text = "{1}",
				      .layer_type = "",
				      .children = {"{image}"},
				      .told = "linux/s390x"});
	await_facts(package, id, "1 linux/s390x 0 0");
	await_described("says", package,
			(struct push){.text = "{2}",
				      .layer_type = "",
				      .children = {"{image}"},
				      .told = "linux/amd64"});
	await_facts(package, id, "1 linux/s390x 0 0");
	await_described("says", package,
			(struct push){.text = "{3}",
				      .layer_type = "",
				      .children = {"{proof}"},
				      .aside = true});
	await_facts(package, about, "4  0 0");
	/* by its config, with the next push */
	proof = (struct push){.text = "{late}", .type = MEDIA_OCI_CONFIG, .layer_type = ""};
	id = await_described("says", package, proof);
	proof.platform = "linux/arm/v7";
	assert_int_equal(await_described("says", package, proof), id);
	await_facts(package, id, "1 linux/arm/v7 0 0");
}

H_TEST(bytes_that_no_other_version_has)
{
	int64_t package = await_h_blob(alice.account_id, "bytes", "base"), one, two, all;

	await_h_blob(alice.account_id, "bytes", "two-layer");
	await_h_blob(alice.account_id, "bytes", "three-layers");
	await_h_blob(alice.account_id, "other", "two-layer");
	await_described("other", 0,
			(struct push){.text = "{elsewhere}", .blobs = {"two-layer"}});
	one = await_described("bytes", package,
			      (struct push){.text = "{one}", .blobs = {"base", "two-layer"}});
	await_facts(package, one, "1  13 13");
	two = await_described(
		"bytes", package,
		(struct push){.text = "{two}", .blobs = {"base", "three-layers"}});
	await_facts(package, one, "1  13 9");
	await_facts(package, two, "1  16 12");
	all = await_described("bytes", package,
			      (struct push){.text = "{all}", .children = {"{one}", "{two}"}});
	await_facts(package, all, "2  25 25");
	await_facts(package, two, "1  16 12");
	/* what two indexes need is neither's alone */
	await_described("bytes", package,
			(struct push){.text = "{more}", .children = {"{two}"}});
	await_facts(package, all, "2  25 9");
}

/* More references than are added up. */
H_TEST(too_many_blobs_are_not_added_up)
{
	int64_t package = await_h_blob(alice.account_id, "heap", "heap");
	int64_t id = await_described("heap", package, (struct push){.text = "{heap}"});

	await_h_sql("INSERT INTO instance (gen) OVERRIDING SYSTEM VALUE "
		    "SELECT 1000000 + i FROM generate_series(1, 256) i");
	await_h_sql("INSERT INTO blob (algorithm, digest, size, gen) SELECT 1, "
		    "sha256(('h' || i)::bytea), 2, 1000000 + i FROM generate_series(1, 256) i");
	await_h_sql("INSERT INTO package_blob (package_id, algorithm, digest, protect_until) "
		    "SELECT p.id, 1, sha256(('h' || i)::bytea), now() FROM package p, "
		    "generate_series(1, 256) i WHERE p.name = 'heap'");
	await_h_sql("INSERT INTO manifest_blob (manifest_id, package_id, algorithm, digest) "
		    "SELECT m.id, m.package_id, 1, sha256(('h' || i)::bytea) FROM manifest m "
		    "JOIN package p ON p.id = m.package_id, generate_series(1, 256) i "
		    "WHERE p.name = 'heap'");
	await_facts(package, id, "1  512 512");
	await_h_sql("INSERT INTO manifest_blob (manifest_id, package_id, algorithm, digest) "
		    "SELECT m.id, m.package_id, 1, sha256('heap') FROM manifest m "
		    "JOIN package p ON p.id = m.package_id WHERE p.name = 'heap'");
	await_facts(package, id, "1  -1 -1");
}

/* Texts of the versions of a page, as "{one}"; "…N" where it goes on. */
static const char *await_page(struct arena *a, const struct version_filter *f, int64_t *at,
			      int64_t most)
{
	static const char *const texts[] = {"{a1}", "{a2}", "{i1}", "{i2}", "{s1}"};
	struct version_list list;
	const char *out = "";

	assert_int_equal(await_version_page(h_db, a, f, *at, most, &list, at), 0);
	for (size_t i = 0; i < list.count; i++)
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			struct digest d = h_digest(texts[k]);

			if (digest_equal(&d, &list.version[i].digest))
				out = arena_printf(a, "%s%s", out, texts[k]);
		}
	return *at != 0 ? arena_printf(a, "%s…", out) : out;
}

/* All pages of `most`, one after the other. */
static const char *await_pages(struct arena *a, struct version_filter f, int64_t most)
{
	const char *out = "";
	int64_t at = 0;

	do
		out = arena_printf(a, "%s%s", out, await_page(a, &f, &at, most));
	while (at != 0);
	return out;
}

H_TEST(pages_of_some_kinds)
{
	int64_t package = await_h_blob(alice.account_id, "sorts", "sorts"), total;
	struct arena *a = arena_new();
	struct version_filter f = {.package_id = package};
	struct push image = {.text = "{i1}", .type = MEDIA_OCI_CONFIG, .layer_type = ""};
	struct push other = {.text = "{a1}", .type = "x/y", .layer_type = ""};
	struct version_list list;
	struct digest d, by;

	await_described("sorts", package, image);
	await_described("sorts", package, other);
	image.text = "{i2}";
	await_described("sorts", package, image);
	other.text = "{a2}";
	await_described("sorts", package, other);
	other = (struct push){.text = "{s1}", .type = BUNDLE, .layer_type = BUNDLE};
	await_described("sorts", package, other);
	await_push("sorts", package, "{i1}", "latest", NULL);
	assert_string_equal(await_pages(a, f, 2), "{s1}{a2}…{i2}{a1}…{i1}");
	f.kinds = 1u << VERSION_IMAGE;
	assert_string_equal(await_pages(a, f, 1), "{i2}…{i1}");
	f.kinds |= 1u << VERSION_SIGNATURE;
	assert_string_equal(await_pages(a, f, 2), "{s1}{i2}…{i1}");
	f.tagged = TAGGED_YES;
	assert_string_equal(await_pages(a, f, 2), "{i1}");
	f.kinds = 0;
	f.tagged = TAGGED_NO;
	assert_string_equal(await_pages(a, f, 3), "{s1}{a2}{i2}…{a1}");
	assert_int_equal(
		await_version_list(h_db, a, &f, &(struct list_part){3, 30}, &list, &total), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(total, 4);
	d = h_digest("{a1}");
	assert_int_equal(await_version_named(h_db, a, package, "latest", NULL, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(await_version_named(h_db, a, package, "none", NULL, &list), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(await_version_named(h_db, a, package, NULL, &d, &list), 0);
	assert_true(list.count == 1 && digest_equal(&list.version[0].digest, &d));
	assert_int_equal(await_manifest_delete(h_db, &alice, package, &d, &by), 0);
	assert_int_equal(await_version_named(h_db, a, package, NULL, &d, &list), 0);
	assert_int_equal(list.count, 0);
	f = (struct version_filter){package, true, 1u << VERSION_ARTIFACT, TAGGED_ANY};
	assert_string_equal(await_pages(a, f, 1), "{a1}");
	f.kinds = 1u << VERSION_IMAGE;
	assert_string_equal(await_pages(a, f, 1), "");
	arena_free(a);
}

/* A deferred one is among the deleted, one that was purged nowhere. */
H_TEST(pages_of_what_is_deferred)
{
	int64_t package = await_h_blob(alice.account_id, "waiting", "waiting"), at = 0, total;
	struct arena *a = arena_new();
	struct version_filter f = {.package_id = package, .kinds = 1u << VERSION_IMAGE};
	struct version_removal defer = {.package_id = package, .mode = VERSION_DEFER};
	struct version_effects gone;
	struct version_list list;
	struct digest d = h_digest("{i1}");

	defer.id = await_described(
		"waiting", package,
		(struct push){.text = "{i1}", .type = MEDIA_OCI_CONFIG, .layer_type = ""});
	await_described(
		"waiting", package,
		(struct push){.text = "{i2}", .type = MEDIA_OCI_CONFIG, .layer_type = ""});
	await_described("waiting", package,
			(struct push){.text = "{n}", .layer_type = "", .children = {"{i1}"}});
	assert_int_equal(await_version_remove(h_db, a, &alice, &defer, &gone), 0);
	assert_int_equal(await_version_named(h_db, a, package, NULL, &d, &list), 0);
	assert_int_equal(list.count, 0);
	assert_string_equal(await_pages(a, f, 1), "{i2}");
	f.kinds = 0;
	assert_string_equal(await_pages(a, f, 9), "{i2}");
	f.deleted = true;
	assert_string_equal(await_page(a, &f, &at, 9), "{i1}");
	await_h_sql("UPDATE manifest SET deleted_at = to_timestamp(0) WHERE deferred_at > "
		    "to_timestamp(0)");
	assert_string_equal(await_page(a, &f, &at, 9), "");
	assert_int_equal(
		await_version_list(h_db, a, &f, &(struct list_part){0, 9}, &list, &total), 0);
	assert_int_equal(total, 0);
	arena_free(a);
}

static void await_look_at_all(void)
{
	struct collected c;

	do
		assert_int_equal(await_versions_describe(h_db, &c), 0);
	while (c.seen > 0);
}

/* Rows of a program that did not look: what they are stands in their bytes and their index. */
H_TEST(the_keeper_looks_at_what_nobody_has)
{
	int64_t package = await_h_blob(alice.account_id, "old", "old"), image, proof, broken;
	struct push p = {.text = "{\"layers\":[{\"mediaType\":\"x/y\"}]}",
			 .type = MEDIA_OCI_CONFIG};
	struct arena *a = arena_new();
	struct digest d = h_digest(p.text);
	const char *list;

	image = await_described("old", package, p);
	proof = await_described("old", package,
				(struct push){.text = "{\"layers\":[{\"mediaType\":"
						      "\"application/vnd.in-toto+json\"}]}",
					      .type = MEDIA_OCI_CONFIG});
	broken = await_described("old", package, (struct push){.text = "{\"a\":\"\\u0000\"}"});
	list = arena_printf(a,
			    "{\"manifests\":[{\"digest\":\"%s\",\"platform\":{\"os\":"
			    "\"linux\",\"architecture\":\"riscv64\"}}]}",
			    digest_str(a, &d));
	await_described("old", package, (struct push){.text = list, .children = {p.text}});
	await_facts(package, image, "1  0 0"); /* as every image */
	await_look_at_all();
	await_facts(package, image, "1 linux/riscv64 0 0");
	await_facts(package, proof, "4  0 0");
	await_facts(package, broken, "3  0 0");
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest WHERE variety IS NULL"), 0);
	arena_free(a);
}

/* One rule for lists and for deleting many: variety, and the bits that version_query.h has of
 * it. */
static void await_is(int64_t package, int64_t id, enum version_variety variety, unsigned bits)
{
	struct arena *a = arena_new();
	struct version v;

	assert_int_equal(await_version_find(h_db, a, package, id, &v), 0);
	assert_int_equal(v.variety, variety);
	assert_int_equal(
		await_h_int(arena_printf(a, "SELECT version_kinds(%lld)", (long long)id)),
		bits);
	arena_free(a);
}

#define HEX	   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ABOUT(end) "sha256-" HEX end

/* Of what holds nothing that says it: the tag of older clients, for good, unless people know it
 * by another one. */
H_TEST(a_tag_says_what_a_version_is)
{
	static const struct {
		const char *tag;
		enum version_variety variety;
		unsigned bits;
	} cases[] = {
		{ABOUT(".sbom"), VERSION_ATTESTATION, VERSIONS_ATTESTATION},
		{ABOUT(".att"), VERSION_ATTESTATION, VERSIONS_ATTESTATION},
		{ABOUT(".sig"), VERSION_SIGNATURE, VERSIONS_SIGNATURE},
		{ABOUT(""), VERSION_IMAGE, VERSIONS_IMAGE},
		{ABOUT(".txt"), VERSION_IMAGE, VERSIONS_IMAGE},
		{ABOUT("0.sig"), VERSION_IMAGE, VERSIONS_IMAGE},
		{"v1.sig", VERSION_IMAGE, VERSIONS_IMAGE},
	};
	int64_t package = await_h_blob(alice.account_id, "about", "about"), id[7], known, named;
	struct push p = {.type = MEDIA_OCI_CONFIG, .layer_type = ""};
	struct arena *a = arena_new();

	for (size_t i = 0; i < 7; i++) {
		p.text = arena_printf(a, "{about %zu}", i);
		id[i] = await_described("about", package, p);
		await_push("about", package, p.text, cases[i].tag, NULL);
		await_is(package, id[i], cases[i].variety, cases[i].bits);
	}
	await_push("about", package, "{about 6}", ABOUT(".sbom"), NULL);
	await_is(package, id[6], VERSION_IMAGE, VERSIONS_IMAGE); /* it has v1.sig as well */
	await_is(package, id[0], VERSION_ATTESTATION, VERSIONS_ATTESTATION); /* and this none */
	p = (struct push){.text = "{known}", .type = BUNDLE, .layer_type = BUNDLE};
	known = await_described("about", package, p);
	await_push("about", package, p.text, ABOUT(".att"), NULL);
	await_is(package, known, VERSION_SIGNATURE, VERSIONS_SIGNATURE);
	named = await_push("about", package, "{nobody has looked}", ABOUT(".sig"), NULL)
			.manifest_id;
	await_is(package, named, VERSION_SIGNATURE, VERSIONS_SIGNATURE);
	await_look_at_all();
	await_is(package, named, VERSION_SIGNATURE, VERSIONS_SIGNATURE);
	arena_free(a);
}

/* Deleted before tags said anything: then they say it when they come back. */
H_TEST(tags_that_come_back_say_it_as_well)
{
	static const char *const gone[] = {"deleted_at", "deferred_at"};
	int64_t package = await_h_blob(alice.account_id, "back", "back"), id;
	struct push p = {.type = MEDIA_OCI_CONFIG, .layer_type = ""};
	struct arena *a = arena_new();

	for (int i = 0; i < 2; i++) {
		p.text = arena_printf(a, "{back %d}", i);
		id = await_described("back", package, p);
		await_h_sql(arena_printf(a,
					 "UPDATE manifest SET %s = now(), deleted_tags = "
					 "'{" ABOUT("%s") "}' WHERE id = %lld",
					 gone[i], i == 0 ? ".sig" : ".att", (long long)id));
		assert_int_equal(await_version_restore(h_db, &alice, package, id), 0);
		if (i == 0)
			await_is(package, id, VERSION_SIGNATURE, VERSIONS_SIGNATURE);
		else
			await_is(package, id, VERSION_ATTESTATION, VERSIONS_ATTESTATION);
	}
	assert_int_equal(await_h_int("SELECT count(*) FROM tag WHERE aside = tag_counts(name)"),
			 0);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(newest_first_with_tags_and_parents),
		cmocka_unit_test(what_a_version_is),
		cmocka_unit_test(an_index_says_what_its_children_are),
		cmocka_unit_test(bytes_that_no_other_version_has),
		cmocka_unit_test(too_many_blobs_are_not_added_up),
		cmocka_unit_test(the_keeper_looks_at_what_nobody_has),
		cmocka_unit_test(pages_of_some_kinds),
		cmocka_unit_test(pages_of_what_is_deferred),
		cmocka_unit_test(a_tag_says_what_a_version_is),
		cmocka_unit_test(tags_that_come_back_say_it_as_well),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
