/* Tags with their dates and setters, set without a push; versions by conditions. */
#include <stdio.h>
#include <string.h>

#include "metadb/manifests.h"
#include "metadb/pg_tx.h"
#include "metadb/tags.h"
#include "metadb/version_query.h"
#include "tests/db/harness.h"

static struct actor alice;

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

static int64_t await_push(const char *name, int64_t *package, const char *text, const char *tag,
			  const char *child)
{
	struct digest children[1] = {h_digest(child != NULL ? child : "")};
	struct manifest_new m = {
		.target = {.namespace_id = alice.account_id,
			   .name = name,
			   .package_id = *package,
			   .published = *package != 0},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = child != NULL ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST,
		.kind = child != NULL ? MANIFEST_INDEX : MANIFEST_IMAGE,
		.tags = &tag,
		.tags_count = tag != NULL,
		.children = children,
		.children_count = child != NULL,
	};
	struct arena *a = arena_new();
	struct manifest_put put;

	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	*package = put.package_id;
	arena_free(a);
	return put.manifest_id;
}

static void await_order(int64_t package, enum tag_order order, bool turned, const char *wanted)
{
	struct arena *a = arena_new();
	struct tag_list list;
	const char *got = "";

	for (int64_t at = 0; at < 4; at += 2) {
		assert_int_equal(await_tag_list(h_db, a, package, order, turned,
						&(struct list_part){at, 2}, &list),
				 0);
		assert_int_equal(list.total, 4);
		for (size_t i = 0; i < list.count; i++)
			got = arena_printf(a, "%s%.6s ", got, list.tag[i].name);
	}
	assert_string_equal(got, wanted);
	arena_free(a);
}

/* Two tags of one moment stand in the order of their names, whoever made them. */
H_TEST(tags_by_name_and_by_age)
{
	struct digest d = h_digest("{one}");
	struct arena *a = arena_new();
	int64_t package = 0, one = await_push("order", &package, "{one}", "b", NULL), other = 0;
	struct tag_put put = {.package_id = package, .name = "a", .version = one};
	const char *aside = arena_printf(a, "sha256-%s.sig", digest_str(a, &d) + 7);
	struct tag tag;

	assert_int_equal(await_tag_put(h_db, &alice, &put), TAG_CREATED);
	await_push("order", &package, "{signature}", aside, NULL);
	await_push("aside", &other, "{of a commit}", "sha-0123abc", NULL);
	assert_int_equal(await_h_int("SELECT count(*) FROM tag WHERE aside"), 1);
	assert_int_equal(await_h_int("SELECT count(*) FROM tag WHERE aside = tag_counts(name)"),
			 0);
	put.name = "c";
	assert_int_equal(await_tag_put(h_db, &alice, &put), TAG_CREATED);
	await_h_sql("UPDATE tag SET updated_at = '2026-01-01', created_at = NULL "
		    "WHERE name IN ('b', 'c')");
	await_h_sql("UPDATE tag SET updated_at = '2026-01-02' WHERE name LIKE 'sha256-%'");
	await_order(package, TAGS_BY_NAME, false, "a b c sha256 ");
	await_order(package, TAGS_BY_NAME, true, "sha256 c b a ");
	await_order(package, TAGS_BY_AGE, false, "a sha256 b c ");
	await_order(package, TAGS_BY_AGE, true, "c b sha256 a ");
	assert_int_equal(await_tag_find(h_db, a, package, "b", &tag), 0);
	assert_int_equal(tag.created_at, 0);
	assert_string_equal(tag.setter_login, "alice");
	assert_int_equal(await_tag_find(h_db, a, package, "x", &tag), ERR_NOT_FOUND);
	arena_free(a);
}

H_TEST(a_tag_moves_and_says_so_once)
{
	struct digest d = h_digest("{one}");
	struct arena *a = arena_new();
	int64_t package = 0, one = await_push("moves", &package, "{one}", "v1", NULL);
	int64_t two = await_push("moves", &package, "{two}", "v2", NULL);
	struct tag_put put = {.package_id = package, .name = "v2", .digest = &d};
	struct tag tag;

	assert_int_equal(await_tag_put(h_db, &alice, &put), 0);
	assert_int_equal(await_tag_put(h_db, &alice, &put), 0);
	assert_int_equal(await_tag_find(h_db, a, package, "v2", &tag), 0);
	assert_int_equal(tag.version, one);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit a JOIN package p "
				     "ON p.id = a.package_id WHERE p.name = 'moves' "
				     "AND a.action = 'manifest.push'"),
			 3);
	/* what it says is found as if it had been pushed so */
	await_h_sql("UPDATE manifest SET labels = "
		    "'{\"org.opencontainers.image.description\": \"A teapot\"}' "
		    "WHERE digest = sha256('{one}')");
	put.name = "v3";
	assert_int_equal(await_tag_put(h_db, &alice, &put), TAG_CREATED);
	assert_int_equal(await_h_int("SELECT count(*) FROM package_word w JOIN package p "
				     "ON p.id = w.package_id WHERE p.name = 'moves' "
				     "AND w.word = 'teapot'"),
			 1);
	put.package_id++;
	assert_int_equal(await_tag_put(h_db, &alice, &put), ERR_CONFLICT);
	put = (struct tag_put){.package_id = package, .name = "v2", .version = two + 1000};
	assert_int_equal(await_tag_put(h_db, &alice, &put), ERR_NOT_FOUND);
	arena_free(a);
}

/* The texts of those that are meant. */
static void await_meant(const struct version_query *q, const char *wanted)
{
	struct arena *a = arena_new();
	struct version_matches found;
	const char *got = "";

	assert_int_equal(await_version_query(h_db, a, q, &found), 0);
	for (size_t i = 0; i < found.count; i++)
		got = arena_printf(a, "%s%s", got, found.match[i].tags);
	assert_string_equal(got, wanted);
	arena_free(a);
}

#define LAYER(type) "{\"layers\":[{\"mediaType\":\"" type "\"}]}"

H_TEST(conditions_mean_versions)
{
	static const char *const patterns[] = {"v%", "pr\\_%"};
	int64_t package = 0;
	struct version_query q = {.before = INT64_MAX, .limit = 100};

	await_push("meant", &package, "{child}", NULL, NULL);
	await_push("meant", &package, "{index}", "v1", "{child}");
	await_push("meant", &package, "{other}", "pr_1", NULL);
	await_push("meant", &package, "{other}", "latest", NULL);
	await_push("meant", &package, LAYER("application/vnd.in-toto+json"), "att", NULL);
	await_push("meant", &package, LAYER("application/vnd.dev.cosign.simplesigning.v1+json"),
		   "sig", NULL);
	await_push("meant", &package, "{\"layers\":[{\"mediaType\":\"\\u0000\"}]}", "odd",
		   NULL);
	q.package_id = package;
	q.untagged = true;
	await_meant(&q, "[]");
	q.untagged = false;
	q.patterns = patterns;
	q.patterns_count = 2;
	await_meant(&q, "[\"v1\"]");
	q.patterns_count = 0;
	q.kinds = VERSIONS_ATTESTATION;
	await_meant(&q, "[\"att\"]");
	q.kinds = VERSIONS_SIGNATURE | VERSIONS_INDEX;
	await_meant(&q, "[\"sig\"][\"v1\"]");
	q.kinds = VERSIONS_CHILD;
	await_meant(&q, "[]");
	q.kinds = VERSIONS_IMAGE;
	await_meant(&q, "[\"odd\"][\"latest\",\"pr_1\"][]");
	await_h_sql("UPDATE manifest SET variety = 3 WHERE digest = sha256('{other}')");
	await_meant(&q, "[\"odd\"][]");
	q.kinds = VERSIONS_ARTIFACT;
	await_meant(&q, "[\"latest\",\"pr_1\"]");
	await_h_sql("UPDATE manifest SET variety = 4 WHERE digest = sha256('{other}')");
	q.kinds = VERSIONS_ATTESTATION;
	await_meant(&q, "[\"att\"][\"latest\",\"pr_1\"]");
	q.kinds = 0;
	q.older = 1;
	await_meant(&q, "");
	q.older = 0;
	q.unpulled = INT64_C(4102444800);
	q.kinds = VERSIONS_INDEX;
	await_h_sql(
		"INSERT INTO download_version (manifest_id, package_id, downloads, last_at, "
		"popular) SELECT m.id, m.package_id, 1, now(), false FROM manifest m");
	await_meant(&q, "[\"v1\"]");
	await_h_sql("UPDATE download_version SET last_at = '2200-01-01'");
	await_meant(&q, "");
	q.kinds = 0;
	q.unpulled = 0;
	q.older = INT64_C(4102444800);
	await_h_sql("UPDATE tag SET updated_at = '2200-01-01' WHERE name IN ('v1', 'odd')");
	await_meant(&q, "[\"sig\"][\"att\"][\"latest\",\"pr_1\"][]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(tags_by_name_and_by_age),
		cmocka_unit_test(a_tag_moves_and_says_so_once),
		cmocka_unit_test(conditions_mean_versions),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
