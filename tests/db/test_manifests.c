/* Manifests: what they need, tags, publishing, and the races around them. */
#include <stdio.h>
#include <string.h>

#include "metadb/lookups.h"
#include "metadb/manifests.h"
#include "metadb/packages.h"
#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

static struct actor alice;
static struct actor bob;

/* An image manifest of that text with one blob. */
static struct manifest_new image(const char *text, int64_t namespace, const char *name,
				 int64_t package, const struct digest *blob)
{
	struct manifest_new m = {
		.target = {.namespace_id = namespace, .name = name, .package_id = package},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
		.config = blob,
		.blobs = blob,
		.blobs_count = blob != NULL,
	};

	return m;
}

H_TEST(makes_users)
{
	struct arena *a = arena_new();
	struct account org;

	alice.account_id = await_h_user("alice");
	bob.account_id = await_h_user("bob");
	assert_int_equal(
		await_organization_create(h_db, a, NULL, "acme", "Acme", "alice", &org), 0);
	arena_free(a);
}

H_TEST(a_push_publishes_and_is_found)
{
	const char *tags[] = {"v1", "latest", "v1"};
	struct digest blob = h_digest("layer");
	int64_t package = await_h_blob(alice.account_id, "app", "layer");
	struct manifest_new m = image("{one}", alice.account_id, "app", package, &blob);
	struct reference ref = {.tag = "latest"};
	struct arena *a = arena_new();
	struct manifest_info info;
	struct manifest_put put;
	struct package p;
	struct slice bytes;

	m.tags = tags;
	m.tags_count = 3;
	m.annotations = "{\"a\":\"b\"}";
	assert_int_equal(await_package_get(h_db, a, package, &p), 0);
	assert_int_equal(p.published_at, 0);
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	assert_true(put.created);
	assert_true(put.published);
	assert_int_equal(put.package_id, package);
	assert_int_equal(await_package_get(h_db, a, package, &p), 0);
	assert_int_not_equal(p.published_at, 0);
	assert_int_equal(p.publisher_id, alice.account_id);
	assert_string_equal(p.namespace, "alice");
	assert_string_equal(p.name, "app");
	assert_int_equal(await_manifest_find(h_db, a, package, &ref, &info), 0);
	assert_int_equal(info.id, put.manifest_id);
	assert_true(digest_equal(&info.digest, &m.digest));
	assert_string_equal(info.media_type, MEDIA_OCI_MANIFEST);
	for (int i = 0; i < 2; i++) { /* from PostgreSQL, then from the cache */
		assert_int_equal(await_manifest_bytes(h_db, a, &info, &bytes), 0);
		assert_int_equal(bytes.len, 5);
		assert_memory_equal(bytes.data, "{one}", 5);
	}
	ref = (struct reference){.is_digest = true, .digest = m.digest};
	assert_int_equal(await_manifest_find(h_db, a, package, &ref, &info), 0);
	assert_int_equal(await_manifest_find(h_db, a, package + 99, &ref, &info),
			 ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit a JOIN event e USING (action) "
				     "WHERE action IN ('manifest.push', 'package.publish') "
				     "AND a.request_id = 'test-rq'"),
			 2);
	/* the same again changes nothing and says so */
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	assert_false(put.created);
	assert_false(put.published);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM audit WHERE action = 'manifest.push'"), 1);
	arena_free(a);
}

H_TEST(what_is_missing_is_named)
{
	struct digest blobs[] = {h_digest("nowhere"), h_digest("there"), h_digest("nowhere"),
				 h_digest("lost")};
	struct digest child = h_digest("no such child");
	int64_t package = await_h_blob(alice.account_id, "missing", "there");
	struct manifest_new m = image("{two}", alice.account_id, "missing", package, NULL);
	struct arena *a = arena_new();
	struct manifest_put put;

	m.blobs = blobs;
	m.blobs_count = 4;
	m.children = &child;
	m.children_count = 1;
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_NOT_FOUND);
	assert_int_equal(put.missing_blobs_count, 2);
	for (int i = 0; i < 2; i++)
		assert_true(digest_equal(&put.missing_blobs[i], &blobs[0]) ||
			    digest_equal(&put.missing_blobs[i], &blobs[3]));
	assert_int_equal(put.missing_children_count, 1);
	assert_true(digest_equal(&put.missing_children[0], &child));
	/* a blob of another package is missing, too, and no package is made for nothing */
	m.target = (struct package_target){.namespace_id = alice.account_id, .name = "other"};
	m.blobs = &blobs[1];
	m.blobs_count = 1;
	m.children_count = 0;
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_NOT_FOUND);
	assert_int_equal(put.missing_blobs_count, 1);
	assert_int_equal(await_h_int("SELECT count(*) FROM package WHERE name = 'other'"), 0);
	m.target = (struct package_target){.package_id = 9999, .name = "other"};
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_NOT_FOUND);
	assert_int_equal(put.missing_blobs_count, 0);
	arena_free(a);
}

/* The tables have no CHECKs: the functions that write their rows look themselves. */
H_TEST(what_is_no_tag_and_no_kind_is_refused)
{
	char name[130] = "";
	const char *tags[] = {name, "fine"};
	struct digest blob = h_digest("checked");
	int64_t package = await_h_blob(alice.account_id, "checked", "checked");
	struct manifest_new m = image("{checked}", alice.account_id, "checked", package, &blob);
	struct arena *a = arena_new();
	struct manifest_put put;

	m.tags = tags;
	for (m.tags_count = 1; m.tags_count <= 2; m.tags_count++) {
		name[0] = '\0';
		assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_PROTOCOL);
		memset(name, 'n', 129);
		assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_PROTOCOL);
		memcpy(name, "sha256-n.sig", 12);
		assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_PROTOCOL);
	}
	m.tags_count = 0;
	for (m.kind = 0; m.kind <= 3; m.kind += 3)
		assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_PROTOCOL);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest WHERE digest = "
				     "sha256('{checked}')"),
			 0);
	m.kind = MANIFEST_IMAGE;
	m.tags_count = 2;
	name[128] = '\0';
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM tag WHERE length(name) = 128"), 1);
	arena_free(a);
}

/* It is looked at last, and takes back what was stored. */
H_TEST(nothing_is_stored_in_a_package_that_is_gone)
{
	struct digest blob = h_digest("going");
	int64_t package = await_h_blob(alice.account_id, "going", "going");
	struct manifest_new m = image("{going}", alice.account_id, "going", package, &blob);
	struct arena *a = arena_new();
	struct manifest_put put;

	await_h_sql("UPDATE package SET deleted_at = now() WHERE name = 'going'");
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_NOT_FOUND);
	assert_int_equal(put.missing_blobs_count, 0);
	m.target.package_id = 9999;
	m.blobs_count = 0;
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest WHERE digest = "
				     "sha256('{going}')"),
			 0);
	await_h_sql("UPDATE package SET deleted_at = NULL WHERE name = 'going'");
	arena_free(a);
}

#define PUSHED(package, blobs)                                                         \
	"SELECT count(*) FROM account a JOIN package p ON p.namespace_id = a.id "      \
	"AND p.name = '" package "', LATERAL manifest_put(ROW(a.id, NULL, 'rq', "      \
	"'r')::actor, a.id, p.name, p.id, true, 1::smallint, sha256('{before}'), "     \
	"1::smallint, 'x', NULL, 1::smallint, sha256('layer'), NULL, NULL, NULL, "     \
	"'{before}', '{1}', ARRAY[sha256('layer')], '{}', '{}', '{old}', NULL, NULL, " \
	"NULL, 3::smallint, '{}', '{}', '', NULL, '{}', '{}', '{}') r "                \
	"WHERE a.login = 'alice' AND NOT r.published AND r.absent_children = '{}' "    \
	"AND r.absent_blobs = '" blobs "' AND "

/* What a program of the version before calls, with empty arrays. */
H_TEST(a_push_as_the_version_before_does_it)
{
	static const char *const push[] = {
		PUSHED("app", "{}") "r.status = 0 AND r.created AND r.package_id = p.id",
		PUSHED("app", "{}") "r.status = 0 AND NOT r.created",
		PUSHED("missing", "{1}") "r.status = 1 AND r.manifest_id IS NULL",
	};

	for (size_t i = 0; i < sizeof(push) / sizeof(push[0]); i++)
		assert_int_equal(await_h_int(push[i]), 1);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit WHERE request_id = 'rq' "
				     "AND action = 'manifest.push' "
				     "AND detail -> 'tags' = '[\"old\"]' "
				     "AND (detail -> 'created')::boolean"),
			 1);
}

H_TEST(an_index_needs_its_children)
{
	struct manifest_new child = image("{child}", alice.account_id, "multi", 0, NULL);
	struct manifest_new m = image("{index}", alice.account_id, "multi", 0, NULL);
	struct digest digest = child.digest;
	struct arena *a = arena_new();
	struct manifest_put put;

	m.kind = MANIFEST_INDEX;
	m.media_type = MEDIA_OCI_INDEX;
	m.children = &digest;
	m.children_count = 1;
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), ERR_NOT_FOUND);
	/* a manifest without blobs makes the package */
	assert_int_equal(await_manifest_put(h_db, a, &alice, &child, &put), 0);
	assert_true(put.published);
	m.target.package_id = put.package_id;
	m.target.published = true;
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest_child"), 1);
	arena_free(a);
}

H_TEST(tags_move_and_list_in_byte_order)
{
	const char *tags[] = {"b", "A", "a", "_z", "B", "1.0", "a-1"};
	const char *sorted[] = {"1.0", "A", "B", "_z", "a", "a-1", "b"};
	struct manifest_new one = image("{t1}", alice.account_id, "tags", 0, NULL);
	struct manifest_new two = image("{t2}", alice.account_id, "tags", 0, NULL);
	struct reference ref = {.tag = "a"};
	struct arena *a = arena_new();
	struct manifest_info info;
	struct manifest_put put;
	struct name_list list;

	one.tags = tags;
	one.tags_count = 7;
	assert_int_equal(await_manifest_put(h_db, a, &alice, &one, &put), 0);
	two.target.package_id = put.package_id;
	two.tags = &tags[2];
	two.tags_count = 1;
	assert_int_equal(await_manifest_put(h_db, a, &alice, &two, &put), 0);
	assert_int_equal(await_manifest_find(h_db, a, put.package_id, &ref, &info), 0);
	assert_true(digest_equal(&info.digest, &two.digest));
	assert_int_equal(await_tags_list(h_db, a, put.package_id, NULL, 100, &list), 0);
	assert_int_equal(list.count, 7);
	assert_false(list.more);
	for (int i = 0; i < 7; i++)
		assert_string_equal(list.name[i], sorted[i]);
	assert_int_equal(await_tags_list(h_db, a, put.package_id, "B", 2, &list), 0);
	assert_int_equal(list.count, 2);
	assert_true(list.more);
	assert_string_equal(list.name[0], "_z");
	assert_int_equal(await_tags_list(h_db, a, put.package_id, "a-1", 1, &list), 0);
	assert_int_equal(list.count, 1);
	assert_false(list.more);
	assert_int_equal(await_tags_list(h_db, a, put.package_id, "", 0, &list), 0);
	assert_int_equal(list.count, 0);
	assert_true(list.more);
	assert_int_equal(await_tags_list(h_db, a, put.package_id, "zzz", 10, &list), 0);
	assert_int_equal(list.count, 0);
	arena_free(a);
}

/* Bob's rights were checked when there was no package; Alice published it in between. */
H_TEST(a_first_push_that_comes_second_is_refused)
{
	int64_t acme = await_h_int("SELECT id FROM account WHERE login = 'acme'");
	struct manifest_new m = image("{a}", acme, "tool", 0, NULL);
	struct manifest_new n = image("{b}", acme, "tool", 0, NULL);
	struct package_target target = {.namespace_id = acme, .name = "tool"};
	struct arena *a = arena_new();
	struct manifest_put put;
	struct upload u;

	assert_int_equal(await_upload_start(h_db, &bob, &target, DIGEST_SHA256, &u), 0);
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	assert_int_equal(await_manifest_put(h_db, a, &bob, &n, &put), ERR_CONFLICT);
	n.target.package_id = u.package_id;
	assert_int_equal(await_manifest_put(h_db, a, &bob, &n, &put), ERR_CONFLICT);
	assert_int_equal(await_upload_start(h_db, &bob, &target, DIGEST_SHA256, &u),
			 ERR_CONFLICT);
	n.target.published = true; /* checked again, and allowed */
	assert_int_equal(await_manifest_put(h_db, a, &bob, &n, &put), 0);
	/* the publisher's other pushes under way are not disturbed */
	m = image("{a2}", acme, "tool", 0, NULL);
	assert_int_equal(await_manifest_put(h_db, a, &alice, &m, &put), 0);
	arena_free(a);
}

struct push {
	struct actor who;
	struct manifest_new m;
	struct arena *arena;
	struct manifest_put put;
	int rc;
};

static void push_one(void *arg)
{
	struct push *p = arg;

	p->rc = await_manifest_put(h_db, p->arena, &p->who, &p->m, &p->put);
}

H_TEST(many_push_the_same_manifest_at_once)
{
	const char *tags[] = {"x", "y", "z"};
	struct digest blob = h_digest("shared");
	int64_t package = await_h_blob(alice.account_id, "many", "shared");
	struct push push[8];
	int created = 0;
	int published = 0;

	for (int i = 0; i < 8; i++) {
		push[i].who = alice;
		push[i].m = image("{many}", alice.account_id, "many", package, &blob);
		push[i].m.tags = tags;
		push[i].m.tags_count = 3;
		push[i].arena = arena_new();
	}
	await_h_all(push_one, push, sizeof(push[0]), 8);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(push[i].rc, 0);
		created += push[i].put.created;
		published += push[i].put.published;
		arena_free(push[i].arena);
	}
	assert_int_equal(created, 1);
	assert_int_equal(published, 1);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM audit WHERE action = 'manifest.push' "
			    "AND package_id = (SELECT id FROM package "
			    "WHERE name = 'many')"),
		1);
}

H_TEST(of_two_publishers_one_is_told_to_ask_again)
{
	struct push push[2];
	int64_t acme = await_h_int("SELECT id FROM account WHERE login = 'acme'");

	for (int round = 0; round < 10; round++) {
		char name[20];

		snprintf(name, sizeof(name), "duel-%d", round);
		for (int i = 0; i < 2; i++) {
			push[i].who = i == 0 ? alice : bob;
			push[i].m = image(i == 0 ? "{p}" : "{q}", acme, name, 0, NULL);
			push[i].arena = arena_new();
		}
		await_h_all(push_one, push, sizeof(push[0]), 2);
		assert_int_equal(push[0].rc + push[1].rc, ERR_CONFLICT);
		for (int i = 0; i < 2; i++)
			arena_free(push[i].arena);
	}
	assert_int_equal(await_h_int("SELECT count(*) FROM package_grant g "
				     "JOIN package p ON p.id = g.package_id "
				     "WHERE p.name LIKE 'duel-%' AND g.role = 3 "
				     "AND g.account_id = p.publisher_id"),
			 10);
}

/* The collector's protocol: lock the link, look again in a new statement, delete. */
static void collect_shared(void *arg)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	(void)arg;
	assert_int_equal(await_pg_begin(tx), 0);
	pg_tx_add(tx, "SELECT 1 FROM package_blob l JOIN package p ON p.id = l.package_id "
		      "WHERE p.name = 'gc' FOR UPDATE OF l");
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(await_sleep(20), 0);
	pg_tx_add(tx, "DELETE FROM package_blob l USING package p "
		      "WHERE p.id = l.package_id AND p.name = 'gc' AND NOT EXISTS ("
		      "SELECT FROM manifest_blob m WHERE m.package_id = l.package_id "
		      "AND m.algorithm = l.algorithm AND m.digest = l.digest)");
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(await_pg_commit(tx), 0);
	arena_free(a);
}

struct race {
	struct push push;
	bool collector;
	int delay;
};

static void race_one(void *arg)
{
	struct race *r = arg;

	assert_int_equal(await_sleep(r->delay), 0);
	if (r->collector)
		collect_shared(NULL);
	else
		push_one(&r->push);
}

/* Dangling layer: a manifest either keeps the link or misses the blob, in both orders. */
H_TEST(a_collected_link_is_missed_never_dangling)
{
	struct digest blob = h_digest("collect me");

	for (int round = 0; round < 12; round++) {
		int64_t package = await_h_blob(alice.account_id, "gc", "collect me");
		struct race race[2] = {{.delay = round % 4 * 2}, {.collector = true}};
		int64_t links;

		race[0].push.who = alice;
		race[0].push.arena = arena_new();
		race[0].push.m = image("{gc}", alice.account_id, "gc", package, &blob);
		race[1].delay = round % 3 * 3;
		await_h_all(race_one, race, sizeof(race[0]), 2);
		links = await_h_int("SELECT count(*) FROM package_blob l JOIN package p "
				    "ON p.id = l.package_id WHERE p.name = 'gc'");
		if (race[0].push.rc == 0) {
			assert_int_equal(links, 1);
		} else {
			assert_int_equal(race[0].push.rc, ERR_NOT_FOUND);
			assert_int_equal(race[0].push.put.missing_blobs_count, 1);
			assert_int_equal(links, 0);
		}
		arena_free(race[0].push.arena);
		await_h_sql("DELETE FROM manifest m USING package p "
			    "WHERE p.id = m.package_id AND p.name = 'gc'");
		assert_int_equal(await_h_int("SELECT count(*) FROM manifest_blob m "
					     "LEFT JOIN package_blob l "
					     "USING (package_id, algorithm, digest) "
					     "WHERE l.package_id IS NULL"),
				 0);
	}
}

static void await_refused(const char *sql)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	pg_tx_add(tx, sql);
	assert_int_equal(await_pg_tx(tx), ERR_NOT_FOUND); /* 23503, as of a foreign key */
	arena_free(a);
}

H_TEST(what_is_referred_to_cannot_go)
{
	await_refused("DELETE FROM package_blob l USING package p "
		      "WHERE p.id = l.package_id AND p.name = 'app'");
	await_refused("DELETE FROM manifest m USING package p "
		      "WHERE p.id = m.package_id AND p.name = 'app'");
	await_refused("DELETE FROM blob b USING package_blob l JOIN package p "
		      "ON p.id = l.package_id AND p.name = 'app' "
		      "WHERE b.algorithm = l.algorithm AND b.digest = l.digest");
	await_refused("DELETE FROM instance i USING blob b WHERE b.gen = i.gen");
}

#define MISSING_OF_THREE                                                               \
	"SELECT p.id FROM package p, generate_series(1, %d) WHERE p.name = 'app' AND " \
	"cardinality(blobs_missing(p.id, '{1,1,1}', ARRAY[sha256('5'), sha256('7'), "  \
	"sha256('2999')])) = %d"

/* Stores a manifest that needs them: what it writes, and its indexes, are few pages as well. */
#define PUT_OF_THREE                                                              \
	"SELECT (manifest_store(ROW(p.namespace_id, NULL, NULL, NULL)::actor, "   \
	"p.namespace_id, p.name, p.id, true, 1::smallint, sha256('three'), "      \
	"1::smallint, 'x', NULL, NULL, NULL, NULL, NULL, NULL, 'three', "         \
	"'{1,1,1}', ARRAY[sha256('5'), sha256('7'), sha256('2999')], NULL, "      \
	"NULL, '{}', NULL, NULL, NULL, 3::smallint, NULL, NULL, '', NULL, NULL, " \
	"NULL, NULL)).status FROM package p, generate_series(1, %d) WHERE p.name = 'app'"

/* Also by a plan that was made when packages had few. */
H_TEST(a_push_reads_the_links_that_it_needs)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	assert_int_equal(await_pg_begin(tx), 0);
	pg_tx_add(tx, "DELETE FROM manifest_blob");
	pg_tx_add(tx, "DELETE FROM package_blob");
	pg_tx_add(tx, "ANALYZE package_blob");
	pg_tx_add(tx, arena_printf(a, MISSING_OF_THREE, 10, 3));
	pg_tx_add(tx, arena_printf(a, PUT_OF_THREE, 10));
	pg_tx_add(tx, "INSERT INTO package_blob (package_id, algorithm, digest, protect_until) "
		      "SELECT p.id, 1, sha256(n::text::bytea), now() "
		      "FROM package p, generate_series(1, 3000) n WHERE p.name = 'app'");
	assert_int_equal(await_pg_tx(tx), 0);
	await_h_cheap(tx, arena_printf(a, MISSING_OF_THREE, 1, 0), 1, 30);
	await_h_cheap(tx, arena_printf(a, PUT_OF_THREE, 1), 1, 150);
	arena_free(a); /* and all of it is rolled back */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_users),
		cmocka_unit_test(a_push_publishes_and_is_found),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(what_is_no_tag_and_no_kind_is_refused),
		cmocka_unit_test(nothing_is_stored_in_a_package_that_is_gone),
		cmocka_unit_test(a_push_as_the_version_before_does_it),
		cmocka_unit_test(an_index_needs_its_children),
		cmocka_unit_test(tags_move_and_list_in_byte_order),
		cmocka_unit_test(a_first_push_that_comes_second_is_refused),
		cmocka_unit_test(many_push_the_same_manifest_at_once),
		cmocka_unit_test(of_two_publishers_one_is_told_to_ask_again),
		cmocka_unit_test(a_collected_link_is_missed_never_dangling),
		cmocka_unit_test(what_is_referred_to_cannot_go),
		cmocka_unit_test(a_push_reads_the_links_that_it_needs),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
