/* What nobody needs goes, and nothing else: expire, collect, purge, and the races around them.
 */
#include <stdio.h>
#include <string.h>

#include "metadb/blobs.h"
#include "metadb/collect.h"
#include "metadb/manifests.h"
#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

static struct actor alice;

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

static void await_unprotect(void)
{
	await_h_sql("UPDATE package_blob SET protect_until = now() - interval '1 second', "
		    "review_at = now() - interval '1 second' WHERE review_at IS NOT NULL");
}

/* Collects until nothing is left to look at; how many blobs went. */
static int64_t await_collect_all(void)
{
	struct collected c = {.seen = 1};
	int64_t blobs = 0;

	while (c.seen > 0)
		assert_int_equal(await_manifests_collect(h_db, 0, &c), 0);
	do {
		assert_int_equal(await_links_collect(h_db, &c), 0);
	} while (c.gone > 0);
	do {
		assert_int_equal(await_blobs_collect(h_db, &c), 0);
		blobs += c.gone;
	} while (c.gone > 0);
	return blobs;
}

/* An image of one blob of that text. */
static int await_image(int64_t package, const char *text, const char *layer)
{
	struct digest blob = h_digest(layer);
	struct manifest_new m = {
		.target = {.package_id = package, .published = true},
		.digest = h_digest(text),
		.bytes = {text, strlen(text)},
		.media_type = MEDIA_OCI_MANIFEST,
		.kind = MANIFEST_IMAGE,
		.blobs = &blob,
		.blobs_count = 1,
	};
	struct arena *a = arena_new();
	struct manifest_put put;
	int rc = await_manifest_put(h_db, a, &alice, &m, &put);

	arena_free(a);
	return rc;
}

static int64_t await_blob_gen(const char *text)
{
	struct digest d = h_digest(text);
	char sql[256];
	int n = snprintf(sql, sizeof(sql),
			 "SELECT coalesce((SELECT gen FROM blob WHERE "
			 "digest = '\\x");

	for (size_t i = 0; i < SHA256_BYTES; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, "%02x", d.bytes[i]);
	snprintf(sql + n, sizeof(sql) - (size_t)n, "'), 0)");
	return await_h_int(sql);
}

H_TEST(a_chain_goes_link_by_link)
{
	int64_t package = await_h_blob(alice.account_id, "chain", "chain layer");

	assert_int_equal(await_image(package, "{chain}", "chain layer"), 0);
	/* protected, and needed */
	assert_int_equal(await_collect_all(), 0);
	await_unprotect();
	assert_int_equal(await_collect_all(), 0);
	/* what a manifest needs is not looked at again */
	assert_int_equal(
		await_h_int("SELECT count(*) FROM package_blob WHERE review_at IS NOT NULL"),
		0);
	await_h_sql("UPDATE manifest SET deleted_at = now()");
	assert_int_equal(await_collect_all(), 1);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest"), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest_blob"), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM package_blob"), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM blob_review"), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM instance WHERE dead_at IS NULL"), 0);
}

H_TEST(protection_is_a_promise)
{
	int64_t package = await_h_blob(alice.account_id, "promise", "promised");

	await_h_sql("UPDATE package_blob SET review_at = now() - interval '1 second'");
	assert_int_equal(await_collect_all(), 0);
	/* looked at again when the protection ends */
	assert_int_equal(
		await_h_int(
			"SELECT count(*) FROM package_blob WHERE review_at = protect_until"),
		1);
	assert_int_equal(await_image(package, "{promise}", "promised"), 0);
}

H_TEST(tags_and_indexes_keep_a_manifest)
{
	int64_t package = await_h_blob(alice.account_id, "kept", "kept layer");
	struct collected c;

	assert_int_equal(await_image(package, "{kept}", "kept layer"), 0);
	await_h_sql("INSERT INTO tag (package_id, name, manifest_id, updated_by) "
		    "SELECT package_id, 't', id, 1 FROM manifest ORDER BY id DESC LIMIT 1");
	await_h_sql("UPDATE manifest SET deleted_at = now()");
	assert_int_equal(await_manifests_collect(h_db, 0, &c), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest m JOIN tag t ON "
				     "t.manifest_id = m.id"),
			 1);
	await_h_sql("DELETE FROM tag");
	/* in the window it can be restored */
	assert_int_equal(await_manifests_collect(h_db, 3600000, &c), 0);
	assert_int_equal(c.gone, 0);
	assert_int_equal(await_manifests_collect(h_db, 0, &c), 0);
	assert_true(c.gone > 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM manifest"), 0);
}

/* Somebody else's transaction, held open while the functions under test run. */
static struct pg_tx *await_hold(struct arena *a, const char *sql)
{
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

	assert_int_equal(await_pg_begin(tx), 0);
	pg_tx_add(tx, sql);
	assert_int_equal(await_pg_tx(tx), 0);
	return tx;
}

/* A manifest PUT that has locked the link first: the link stays. */
H_TEST(collect_after_a_manifest_put)
{
	struct arena *a = arena_new();
	struct pg_tx *tx;

	await_h_blob(alice.account_id, "order", "order layer");
	await_unprotect();
	tx = await_hold(a, "SELECT 1 FROM package_blob FOR KEY SHARE");
	assert_int_equal(await_collect_all(), 0);
	assert_int_equal(await_pg_commit(tx), 0);
	assert_int_not_equal(await_blob_gen("order layer"), 0);
	arena_free(a);
}

struct put {
	int64_t package;
	int rc;
	bool ended;
};

static void put_image(void *arg)
{
	struct put *p = arg;

	p->rc = await_image(p->package, "{late}", "late layer");
	p->ended = true;
}

/* A collect that has locked the link first: the manifest PUT waits, then says what is missing.
 */
H_TEST(a_manifest_put_after_collect)
{
	struct put put = {.package = await_h_blob(alice.account_id, "late", "late layer")};
	struct arena *a = arena_new();
	struct pg_tx *tx;

	await_unprotect();
	tx = await_hold(a, "SELECT gone FROM links_collect(200)");
	assert_non_null(task_spawn(h_loop, "put", NULL, put_image, &put));
	assert_int_equal(await_sleep(100), 0);
	assert_false(put.ended);
	assert_int_equal(await_pg_commit(tx), 0);
	while (!put.ended)
		assert_int_equal(await_sleep(5), 0);
	assert_int_equal(put.rc, ERR_NOT_FOUND);
	arena_free(a);
}

struct push {
	const char *name;
	int64_t package;
	bool ended;
};

static void push_blob(void *arg)
{
	struct push *p = arg;

	p->package = await_h_blob(alice.account_id, p->name, "same bytes");
	p->ended = true;
}

/* The blob's last link is gone and it is being collected while the same digest is committed. */
H_TEST(a_commit_after_collect_makes_the_blob_anew)
{
	struct push push = {.name = "second"};
	struct arena *a = arena_new();
	struct collected c;
	struct pg_tx *tx;
	int64_t old;

	await_h_blob(alice.account_id, "first", "same bytes");
	old = await_blob_gen("same bytes");
	await_unprotect();
	assert_int_equal(await_links_collect(h_db, &c), 0);
	tx = await_hold(a, "SELECT gone FROM blobs_collect(200)");
	assert_non_null(task_spawn(h_loop, "push", NULL, push_blob, &push));
	assert_int_equal(await_sleep(100), 0);
	assert_false(push.ended);
	assert_int_equal(await_pg_commit(tx), 0);
	while (!push.ended)
		assert_int_equal(await_sleep(5), 0);
	assert_true(await_blob_gen("same bytes") > old);
	assert_int_equal(await_h_int("SELECT count(*) FROM blob b JOIN instance i USING (gen) "
				     "WHERE i.dead_at IS NOT NULL"),
			 0);
	arena_free(a);
}

/* A commit that holds the blob first: it stays, and on the list as long as it is held. */
H_TEST(collect_after_a_commit_keeps_the_blob)
{
	struct arena *a = arena_new();
	struct collected c;
	struct pg_tx *tx;

	await_h_blob(alice.account_id, "third", "held bytes");
	await_unprotect();
	assert_int_equal(await_links_collect(h_db, &c), 0);
	tx = await_hold(a, "SELECT 1 FROM blob FOR KEY SHARE");
	assert_int_equal(await_blobs_collect(h_db, &c), 0);
	assert_int_equal(c.gone, 0);
	pg_tx_add(tx, "INSERT INTO package_blob (package_id, algorithm, digest, protect_until) "
		      "SELECT max(p.id), b.algorithm, b.digest, now() FROM package p, blob b "
		      "WHERE NOT EXISTS (SELECT FROM package_blob l "
		      "WHERE l.digest = b.digest) GROUP BY 2, 3");
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(await_pg_commit(tx), 0);
	assert_int_equal(await_blobs_collect(h_db, &c), 0);
	assert_true(c.seen > 0);
	assert_int_equal(c.gone, 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM blob_review"), 0);
	assert_int_not_equal(await_blob_gen("held bytes"), 0);
	arena_free(a);
}

/* The bytes of a blob that is pushed again while its old ones are purged have another gen. */
H_TEST(purge_never_meets_a_push_of_the_same_bytes)
{
	struct arena *a = arena_new();
	struct purge p;
	int64_t fresh;

	await_unprotect();
	await_collect_all();
	await_h_blob(alice.account_id, "again", "again");
	await_unprotect();
	await_collect_all();
	assert_int_equal(await_blob_gen("again"), 0);
	assert_int_equal(await_purge_list(h_db, a, 3600000, 1000, &p), 0);
	assert_int_equal(p.gens, 0); /* still in the trash */
	assert_int_equal(await_purge_list(h_db, a, 0, 1000, &p), 0);
	assert_true(p.gens > 0 && p.pairs >= p.gens - 1);
	await_h_blob(alice.account_id, "again", "again");
	fresh = await_blob_gen("again");
	for (size_t i = 0; i < p.gens; i++)
		assert_int_not_equal(p.gen[i], fresh);
	assert_int_equal(await_purge_finish(h_db, &p, (uint16_t[]){7}, 1), (int)p.gens);
	assert_int_equal(await_purge_finish(h_db, &p, NULL, 0), 0); /* another keeper */
	assert_int_equal(await_blob_gen("again"), fresh);
	assert_int_equal(await_h_int("SELECT count(*) FROM chunk c JOIN blob b USING (gen)"),
			 1);
	assert_int_equal(await_h_int("SELECT count(*) FROM instance WHERE dead_at < now()"), 0);
	assert_true(await_h_int("SELECT count(*) FROM partition_owes WHERE node = 7") > 0);
	arena_free(a);
}

H_TEST(expire_against_a_late_append)
{
	struct package_target target = {.namespace_id = alice.account_id, .name = "late"};
	struct upload_chunk chunk = h_chunk("late chunk");
	struct collected c;
	struct upload u;
	struct upload v;

	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &u), 0);
	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &v), 0);
	await_h_sql("UPDATE upload SET expires_at = now() - interval '1 second'");
	/* progress in the last moment: it lives on */
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, "s", 1, NULL), 0);
	assert_int_equal(await_uploads_expire(h_db, &c), 0);
	assert_int_equal(c.gone, 1);
	assert_int_equal(await_upload_append(h_db, &v, &chunk, 1, "s", 1, NULL), ERR_CONFLICT);
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, "s", 1, NULL), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM chunk c JOIN instance i USING (gen) "
				     "WHERE i.dead_at IS NOT NULL"),
			 0);
}

struct cleaner {
	int64_t gone;
};

static void clean(void *arg)
{
	((struct cleaner *)arg)->gone = await_collect_all();
}

H_TEST(two_keepers_collect_once)
{
	struct cleaner keeper[2] = {{0}, {0}};
	char text[32];

	await_unprotect();
	await_collect_all();
	for (int i = 0; i < 450; i++) {
		snprintf(text, sizeof(text), "many %d", i);
		await_h_blob(alice.account_id, "many", text);
	}
	await_unprotect();
	await_h_all(clean, keeper, sizeof(keeper[0]), 2);
	await_collect_all();
	assert_int_equal(await_h_int("SELECT count(*) FROM blob"), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM package_blob"), 0);
}

static int await_h_adopted(void)
{
	return (int)await_h_int("SELECT adopted()::integer");
}

H_TEST(another_server_deletes_nothing)
{
	struct package_target target = {.namespace_id = alice.account_id, .name = "other"};
	struct arena *a = arena_new();
	struct collected c;
	struct purge p;
	struct upload u;
	int64_t gen;

	await_h_blob(alice.account_id, "other", "other");
	gen = await_blob_gen("other");
	await_unprotect();
	await_h_sql("UPDATE instance SET dead_at = now() WHERE gen <> (SELECT max(gen) FROM "
		    "instance)");
	await_h_sql("UPDATE cluster SET adopted_system = adopted_system + 1");
	assert_int_equal(await_h_adopted(), 0);
	assert_int_equal(await_links_collect(h_db, &c), 0);
	assert_int_equal(c.gone, 0);
	assert_int_equal(await_purge_list(h_db, a, 0, 1000, &p), 0);
	assert_int_equal(p.gens, 0);
	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &u),
			 ERR_NOT_ADOPTED);
	assert_int_equal(await_cluster_adopt(h_db), 1);
	assert_int_equal(await_cluster_adopt(h_db), 0);
	assert_int_equal(await_h_adopted(), 1);
	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &u), 0);
	assert_true(u.gen > gen + ((int64_t)1 << 32));
	assert_int_equal(await_h_int("SELECT count(*) FROM partition_owes WHERE node = 0 AND "
				     "NOT urgent"),
			 16384);
	arena_free(a);
}

/* Behind that mark, until it is adopted; what it is called by then. */
static struct server_stand await_behind(struct server_mark seen)
{
	struct package_target target = {.namespace_id = alice.account_id, .name = "behind"};
	static const struct server_mark none;
	struct server_stand now;
	struct upload u;

	assert_int_equal(await_server_stand(h_db, &none, &now), 0);
	assert_true(now.adopted && !now.behind);
	assert_int_equal(await_server_stand(h_db, &seen, &now), 0);
	assert_true(!now.adopted && now.behind);
	assert_int_equal(await_server_stand(h_db, &none, &now), 0); /* and stays it */
	assert_true(!now.adopted && now.behind);
	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &u),
			 ERR_NOT_ADOPTED);
	assert_int_equal(await_cluster_adopt(h_db), 1);
	assert_int_equal(await_server_stand(h_db, &seen, &now), 0);
	assert_true(now.adopted && !now.behind);
	assert_true(now.mark.adoption > seen.adoption);
	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &u), 0);
	assert_true(u.gen > seen.gen);
	return now;
}

/* A copy of itself was put back: it is told by how far others have seen it. */
H_TEST(a_server_that_was_put_back_is_not_adopted)
{
	struct server_stand now;
	int64_t before =
		await_h_int("SELECT count(*) FROM audit WHERE action = 'cluster.behind'");

	assert_int_equal(await_server_stand(h_db, &(struct server_mark){0}, &now), 0);
	assert_int_equal(await_server_stand(h_db, &now.mark, &now), 0);
	assert_true(now.adopted && !now.behind); /* as far as that it is */
	now.mark.place += (int64_t)1 << 40;
	now = await_behind(now.mark);
	now.mark.adoption += 3;
	now.mark.place = 0;
	now = await_behind(now.mark);
	now.mark.gen += (int64_t)1 << 40;
	now = await_behind(now.mark);
	/* Another life of the log says nothing about this one. */
	now.mark.adoption--;
	now.mark.place += (int64_t)1 << 40;
	assert_int_equal(await_server_stand(h_db, &now.mark, &now), 0);
	assert_true(now.adopted && !now.behind);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit "
				     "WHERE action = 'cluster.behind'"),
			 before + 3);
}

/* Whoever puts a copy back starts the server anew: gens of an earlier start do not come again.
 */
H_TEST(each_start_begins_its_gens_far_ahead)
{
	struct package_target target = {.namespace_id = alice.account_id, .name = "start"};
	struct server_stand now;
	struct server_mark seen = {0};
	struct upload u, next;

	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &u), 0);
	await_h_sql("SELECT setval('instance_gen_seq', 1000000)");
	await_h_sql("SELECT 0 FROM gens_begin()");
	assert_int_equal(await_h_int("SELECT last_value FROM instance_gen_seq"), 1000000);
	await_h_sql(
		"UPDATE cluster SET seen_gen = 0, gens_since = gens_since - interval '1 day'");
	await_h_sql("SELECT 0 FROM gens_begin()");
	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &next), 0);
	assert_int_equal(next.gen,
			 await_h_int("SELECT gens_of(pg_postmaster_start_time()) + 1"));
	/* None that was passed over was given out, and the newest before and after were. */
	seen.gen = 1000001;
	assert_int_equal(await_server_stand(h_db, &seen, &now), 0);
	assert_false(now.behind);
	seen.gen = next.gen - 1;
	assert_int_equal(await_server_stand(h_db, &seen, &now), 0);
	assert_false(now.behind);
	seen.gen = 1000002;
	await_behind(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(a_chain_goes_link_by_link),
		cmocka_unit_test(protection_is_a_promise),
		cmocka_unit_test(tags_and_indexes_keep_a_manifest),
		cmocka_unit_test(collect_after_a_manifest_put),
		cmocka_unit_test(a_manifest_put_after_collect),
		cmocka_unit_test(a_commit_after_collect_makes_the_blob_anew),
		cmocka_unit_test(collect_after_a_commit_keeps_the_blob),
		cmocka_unit_test(purge_never_meets_a_push_of_the_same_bytes),
		cmocka_unit_test(expire_against_a_late_append),
		cmocka_unit_test(two_keepers_collect_once),
		cmocka_unit_test(another_server_deletes_nothing),
		cmocka_unit_test(a_server_that_was_put_back_is_not_adopted),
		cmocka_unit_test(each_start_begins_its_gens_far_ahead),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
