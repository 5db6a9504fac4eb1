/* Deleting by users against pushes at the same moment: nothing live ever lacks what it needs.
 */
#include <stdio.h>
#include <string.h>

#include "metadb/blobs.h"
#include "metadb/deletes.h"
#include "metadb/manifests.h"
#include "tests/db/harness.h"

#define ROUNDS 24

static struct actor alice;

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

static struct manifest_new manifest(const char *text, const char *name, int64_t package)
{
	return (struct manifest_new){
		.target = {.namespace_id = alice.account_id,
			   .name = name,
			   .package_id = package},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
	};
}

/* Something to do after a moment, in a task of its own. */
struct move {
	enum { PUT, DELETE_MANIFEST, DELETE_LINK, DELETE_TAG } what;
	int delay;
	int64_t package;
	struct manifest_new m; /* PUT, or whose digest goes */
	const char *tag;
	struct digest link;
	int rc;
};

static void make_move(void *arg)
{
	struct move *v = arg;
	struct arena *a = arena_new();
	struct manifest_put put;
	struct digest by;

	assert_int_equal(await_sleep(v->delay), 0);
	switch (v->what) {
	case PUT:
		v->rc = await_manifest_put(h_db, a, &alice, &v->m, &put);
		break;
	case DELETE_MANIFEST:
		v->rc = await_manifest_delete(h_db, &alice, v->package, &v->m.digest, &by);
		break;
	case DELETE_LINK:
		v->rc = await_link_delete(h_db, &alice, v->package, &v->link, &by);
		break;
	case DELETE_TAG:
		v->rc = await_tag_delete(h_db, &alice, v->package, v->tag);
		break;
	}
	arena_free(a);
}

static int await_put(const struct manifest_new *m)
{
	struct move v = {.what = PUT, .m = *m};

	make_move(&v);
	return v.rc;
}

#define LIVE_WITHOUT_LINK                                                               \
	"SELECT count(*) FROM manifest m JOIN manifest_blob b ON b.manifest_id = m.id " \
	"LEFT JOIN package_blob l ON l.package_id = b.package_id "                      \
	"AND l.algorithm = b.algorithm AND l.digest = b.digest "                        \
	"WHERE m.deleted_at IS NULL AND (l.package_id IS NULL OR l.deleted_at IS NOT NULL)"
#define LIVE_WITHOUT_CHILD                                                               \
	"SELECT count(*) FROM manifest i JOIN manifest_child c ON c.manifest_id = i.id " \
	"JOIN manifest m ON m.package_id = c.package_id "                                \
	"AND m.algorithm = c.algorithm AND m.digest = c.digest "                         \
	"WHERE i.deleted_at IS NULL AND m.deleted_at IS NOT NULL"
#define TAG_WITHOUT_LIVE                                                      \
	"SELECT count(*) FROM tag t JOIN manifest m ON m.id = t.manifest_id " \
	"WHERE m.deleted_at IS NOT NULL"

/* Of a manifest's push and the deletion of its blob one succeeds. */
H_TEST(a_push_races_the_deletion_of_its_blob)
{
	struct digest blob = h_digest("layer");
	int both[2] = {0, 0};

	for (int round = 0; round < ROUNDS; round++) {
		int64_t package = await_h_blob(alice.account_id, "blobs", "layer");
		struct manifest_new m = manifest("{blob}", "blobs", package);
		struct move v[2] = {
			{.what = PUT, .delay = round % 4, .m = m},
			{.what = DELETE_LINK,
			 .delay = round % 5,
			 .package = package,
			 .link = blob},
		};

		v[0].m.blobs = &blob;
		v[0].m.blobs_count = 1;
		await_h_all(make_move, v, sizeof(v[0]), 2);
		assert_int_equal(v[0].rc == 0, v[1].rc != 0);
		assert_int_equal(v[0].rc + v[1].rc,
				 v[0].rc == 0 ? ERR_CONFLICT : ERR_NOT_FOUND);
		both[v[0].rc == 0]++;
		assert_int_equal(await_h_int(LIVE_WITHOUT_LINK), 0);
		v[1].what = DELETE_MANIFEST;
		v[1].m = m;
		make_move(&v[1]);
		assert_int_equal(v[1].rc, v[0].rc);
	}
	assert_true(both[0] > 0 && both[1] > 0);
}

/* Of an index's push and the deletion of its child one succeeds. */
H_TEST(a_push_races_the_deletion_of_its_child)
{
	struct digest child = h_digest("{child}");

	for (int round = 0; round < ROUNDS; round++) {
		int64_t package = await_h_blob(alice.account_id, "index", "anything");
		struct manifest_new m = manifest("{child}", "index", package);
		struct move v[2] = {
			{.what = PUT, .delay = round % 4},
			{.what = DELETE_MANIFEST,
			 .delay = round % 5,
			 .package = package,
			 .m = m},
		};

		assert_int_equal(await_put(&m), 0);
		v[0].m = manifest("{index}", "index", package);
		v[0].m.kind = MANIFEST_INDEX;
		v[0].m.children = &child;
		v[0].m.children_count = 1;
		await_h_all(make_move, v, sizeof(v[0]), 2);
		assert_int_equal(v[0].rc + v[1].rc,
				 v[0].rc == 0 ? ERR_CONFLICT : ERR_NOT_FOUND);
		assert_int_equal(await_h_int(LIVE_WITHOUT_CHILD), 0);
		v[1].m = v[0].m;
		make_move(&v[1]);
		assert_int_equal(v[1].rc, v[0].rc);
	}
}

/* Tags that move away, move here and go while their manifest does: none is left without one. */
H_TEST(tags_race_the_deletion_of_their_manifest)
{
	static const char *const tags[] = {"a", "b", "c"};

	for (int round = 0; round < ROUNDS; round++) {
		int64_t package = await_h_blob(alice.account_id, "tags", "anything");
		struct manifest_new m = manifest("{one}", "tags", package);
		struct move v[4] = {
			{.what = DELETE_MANIFEST, .package = package, .m = m},
			{.what = PUT, .m = manifest("{two}", "tags", package)},
			{.what = PUT, .m = m},
			{.what = DELETE_TAG, .package = package, .tag = "b"},
		};

		m.tags = tags;
		m.tags_count = 3;
		assert_int_equal(await_put(&m), 0);
		v[1].m.tags = tags;
		v[1].m.tags_count = 2;
		v[2].m.tags = tags + 1;
		v[2].m.tags_count = 2;
		for (int i = 0; i < 4; i++)
			v[i].delay = (round + i) % (2 + i);
		await_h_all(make_move, v, sizeof(v[0]), 4);
		assert_int_equal(v[0].rc, 0);
		assert_int_equal(v[1].rc, 0);
		assert_int_equal(v[2].rc, 0);
		assert_int_equal(await_h_int(TAG_WITHOUT_LIVE), 0);
	}
}

/* A promise cannot be had for what is deleted, and pushing the bytes brings the link back. */
H_TEST(a_deleted_link_is_hidden_until_it_is_pushed_again)
{
	struct digest blob = h_digest("hidden");
	int64_t package = await_h_blob(alice.account_id, "hidden", "hidden");
	struct arena *a = arena_new();
	struct blob_info info;
	struct digest by;

	assert_int_equal(await_blob_promise(h_db, package, &blob, &info), 0);
	assert_int_equal(await_link_delete(h_db, &alice, package, &blob, &by), 0);
	assert_int_equal(await_link_delete(h_db, &alice, package, &blob, &by), ERR_NOT_FOUND);
	assert_int_equal(await_blob_promise(h_db, package, &blob, &info), ERR_NOT_FOUND);
	assert_int_equal(await_blob_find(h_db, a, package, &blob, true, &info), ERR_NOT_FOUND);
	assert_int_equal(await_h_blob(alice.account_id, "hidden", "hidden"), package);
	assert_int_equal(await_blob_promise(h_db, package, &blob, &info), 0);
	assert_int_equal(await_blob_find(h_db, a, package, &blob, true, &info), 0);
	arena_free(a);
}

/* What a restore needs: bytes, references, tags, who and when. */
H_TEST(a_deleted_manifest_keeps_what_it_refers_to)
{
	static const char *const tags[] = {"v2", "v1"};
	struct digest blob = h_digest("kept"), by;
	int64_t package = await_h_blob(alice.account_id, "kept", "kept");
	struct manifest_new m = manifest("{kept}", "kept", package);

	m.blobs = &blob;
	m.blobs_count = 1;
	m.tags = tags;
	m.tags_count = 2;
	assert_int_equal(await_put(&m), 0);
	assert_int_equal(await_link_delete(h_db, &alice, package, &blob, &by), ERR_CONFLICT);
	assert_true(digest_equal(&by, &m.digest));
	assert_int_equal(await_manifest_delete(h_db, &alice, package, &m.digest, &by), 0);
	assert_int_equal(await_link_delete(h_db, &alice, package, &blob, &by), 0);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM manifest m "
			    "JOIN manifest_blob b ON b.manifest_id = m.id "
			    "JOIN package_blob l ON l.package_id = b.package_id "
			    "AND l.algorithm = b.algorithm AND l.digest = b.digest "
			    "JOIN package p ON p.id = l.package_id WHERE p.name = 'kept' "
			    "AND m.deleted_at IS NOT NULL AND l.deleted_at IS NOT NULL "
			    "AND m.deleted_by = p.publisher_id "
			    "AND m.deleted_tags = '{v1,v2}'"),
		1);
}

/* After a restore or a failover nothing is deleted until an operator has adopted the server. */
H_TEST(a_foreign_server_deletes_nothing)
{
	struct digest blob = h_digest("stays"), by;
	int64_t package = await_h_blob(alice.account_id, "stays", "stays");
	struct manifest_new m = manifest("{stays}", "stays", package);
	static const char *const tags[] = {"v1"};

	m.tags = tags;
	m.tags_count = 1;
	assert_int_equal(await_put(&m), 0);
	await_h_sql("UPDATE cluster SET adopted_system = adopted_system + 1");
	assert_int_equal(await_link_delete(h_db, &alice, package, &blob, &by), ERR_NOT_ADOPTED);
	assert_int_equal(await_manifest_delete(h_db, &alice, package, &m.digest, &by),
			 ERR_NOT_ADOPTED);
	assert_int_equal(await_tag_delete(h_db, &alice, package, "v1"), ERR_NOT_ADOPTED);
	await_h_sql("UPDATE cluster SET adopted_system = adopted_system - 1");
	assert_int_equal(await_tag_delete(h_db, &alice, package, "v1"), 0);
	assert_int_equal(await_manifest_delete(h_db, &alice, package, &m.digest, &by), 0);
	assert_int_equal(await_link_delete(h_db, &alice, package, &blob, &by), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(a_push_races_the_deletion_of_its_blob),
		cmocka_unit_test(a_push_races_the_deletion_of_its_child),
		cmocka_unit_test(tags_race_the_deletion_of_their_manifest),
		cmocka_unit_test(a_deleted_link_is_hidden_until_it_is_pushed_again),
		cmocka_unit_test(a_deleted_manifest_keeps_what_it_refers_to),
		cmocka_unit_test(a_foreign_server_deletes_nothing),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
