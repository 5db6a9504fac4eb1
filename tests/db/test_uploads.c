/* Uploads: append, commit, their races, what is owed, and the promise of a HEAD. */
#include <stdio.h>
#include <string.h>

#include "metadb/blobs.h"
#include "metadb/consistency.h"
#include "metadb/metadb_private.h"
#include "tests/db/harness.h"

static struct actor alice;
static int64_t alice_id;

static int setup(void **state)
{
	if (h_setup(state) < 0)
		return -1;
	return 0;
}

static void await_start(const char *name, struct upload *u)
{
	struct package_target target = {.namespace_id = alice_id, .name = name};

	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, u), 0);
}

H_TEST(makes_a_user)
{
	alice_id = await_h_user("alice");
	alice.account_id = alice_id;
}

H_TEST(start_makes_an_unpublished_package_once)
{
	struct upload a;
	struct upload b;
	struct package_target gone = {.namespace_id = alice_id, .name = "x", .package_id = 999};
	struct package_target nowhere = {.namespace_id = 999, .name = "x"};

	await_start("one", &a);
	await_start("one", &b);
	assert_int_equal(a.package_id, b.package_id);
	assert_int_not_equal(a.gen, b.gen);
	assert_string_not_equal(a.id, b.id);
	assert_int_equal(await_h_int("SELECT count(*) FROM package WHERE name = 'one' "
				     "AND published_at IS NULL"),
			 1);
	assert_int_equal(
		await_h_int("SELECT count(*) FROM audit WHERE action = 'package.create'"), 1);
	assert_int_equal(await_upload_start(h_db, &alice, &gone, DIGEST_SHA256, &a),
			 ERR_NOT_FOUND);
	assert_int_equal(await_upload_start(h_db, &alice, &nowhere, DIGEST_SHA256, &a),
			 ERR_NOT_FOUND);
}

H_TEST(append_load_and_commit)
{
	struct upload_chunk chunk[3] = {h_chunk("aa"), h_chunk("bbb"), h_chunk("c")};
	struct digest digest = h_digest("aabbbc");
	struct arena *a = arena_new();
	struct upload_commit commit;
	struct blob_info blob;
	struct upload u;
	struct upload again;

	await_start("app", &u);
	assert_int_equal(await_upload_append(h_db, &u, chunk, 2, "state", 5, NULL), 0);
	assert_int_equal(u.size, 5);
	assert_int_equal(await_upload_load(h_db, u.id, u.package_id, alice_id, &again), 0);
	assert_int_equal(again.version, 1);
	assert_int_equal(again.size, 5);
	assert_int_equal(again.chunks, 2);
	assert_int_equal(again.gen, u.gen);
	assert_int_equal(again.state_len, 5);
	assert_memory_equal(again.state, "state", 5);
	assert_int_equal(await_upload_load(h_db, u.id, u.package_id + 1, alice_id, &again),
			 ERR_NOT_FOUND);
	assert_int_equal(await_upload_load(h_db, u.id, u.package_id, alice_id + 1, &again),
			 ERR_NOT_FOUND);
	assert_int_equal(await_upload_load(h_db, "../../etc", u.package_id, alice_id, &again),
			 ERR_NOT_FOUND);
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, chunk + 2, 1, &digest, NULL, &commit), 0);
	assert_int_equal(commit.gen, u.gen);
	assert_false(commit.existed);
	assert_int_equal(await_upload_load(h_db, u.id, u.package_id, alice_id, &again),
			 ERR_NOT_FOUND);
	assert_int_equal(await_blob_find(h_db, a, u.package_id, &digest, true, &blob), 0);
	assert_int_equal(blob.gen, u.gen);
	assert_int_equal(blob.size, 6);
	assert_int_equal(blob.chunks->count, 3);
	assert_int_equal(blob.chunks->chunk[1].len, 3);
	assert_int_equal(blob.chunks->chunk[2].offset, 5);
	assert_memory_equal(blob.chunks->chunk[2].digest, chunk[2].digest, SHA256_BYTES);
	/* the answer of the commit was lost: the same request again */
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, chunk + 2, 1, &digest, NULL, &commit), 0);
	assert_true(commit.repeated);
	assert_int_equal(commit.gen, u.gen);
	arena_free(a);
}

/* Neither reading nor asking as a writer tells what other packages have. */
H_TEST(a_blob_is_found_through_its_package_only)
{
	struct digest digest = h_digest("private bytes");
	int64_t package = await_h_blob(alice_id, "private", "private bytes");
	int64_t other = await_h_blob(alice_id, "other", "others");
	struct arena *a = arena_new();
	struct blob_info blob;

	assert_int_equal(await_blob_find(h_db, a, package, &digest, true, &blob), 0);
	assert_int_equal(await_blob_find(h_db, a, other, &digest, true, &blob), ERR_NOT_FOUND);
	assert_int_equal(await_blob_promise(h_db, other, &digest, &blob), ERR_NOT_FOUND);
	arena_free(a);
}

H_TEST(an_empty_blob_has_no_chunks)
{
	struct digest digest = h_digest("");
	struct arena *a = arena_new();
	struct upload_commit commit;
	struct blob_info blob;
	struct upload u;

	await_start("empty", &u);
	assert_int_equal(await_upload_commit(h_db, &alice, &u, NULL, 0, &digest, NULL, &commit),
			 0);
	assert_int_equal(await_blob_find(h_db, a, u.package_id, &digest, true, &blob), 0);
	assert_int_equal(blob.size, 0);
	assert_int_equal(blob.chunks->count, 0);
	arena_free(a);
}

struct writer {
	struct upload u;
	const char *text;
	int rc;
};

static void append_one(void *arg)
{
	struct writer *w = arg;
	struct upload_chunk chunk = h_chunk(w->text);

	w->rc = await_upload_append(h_db, &w->u, &chunk, 1, w->text, strlen(w->text), NULL);
}

/* Wrong bytes under a right digest: two gateways write on one session. */
H_TEST(of_two_writers_one_wins)
{
	struct writer w[2] = {{.text = "first"}, {.text = "second!"}};

	for (int round = 0; round < 20; round++) {
		struct upload now;
		int winner;

		await_start("race", &w[0].u);
		w[1].u = w[0].u;
		await_h_all(append_one, w, sizeof(w[0]), 2);
		assert_int_equal(w[0].rc + w[1].rc, ERR_CONFLICT);
		winner = w[0].rc == 0 ? 0 : 1;
		assert_int_equal(
			await_upload_load(h_db, w[0].u.id, w[0].u.package_id, alice_id, &now),
			0);
		assert_int_equal(now.size, strlen(w[winner].text));
		assert_memory_equal(now.state, w[winner].text, now.state_len);
		assert_int_equal(now.chunks, 1);
	}
	assert_int_equal(
		await_h_int("SELECT count(*) FROM chunk c JOIN upload u USING (gen) "
			    "JOIN package p ON p.id = u.package_id WHERE p.name = 'race'"),
		20);
}

/*
 * The late one has stored two chunks when it learns that the session went on without it: none
 * of them may stand where the first one's next chunk, as long as its own, will be.
 */
H_TEST(a_late_writer_leaves_no_chunk)
{
	struct upload_chunk ours[2] = {h_chunk("our first"), h_chunk("our next")};
	struct upload_chunk foreign[2] = {h_chunk("not first"), h_chunk("not next")};
	struct digest digest = h_digest("our firstour next");
	struct arena *a = arena_new();
	struct upload_commit commit;
	struct blob_info blob;
	struct upload late;
	struct upload u;

	await_start("late", &u);
	late = u;
	assert_int_equal(await_upload_append(h_db, &u, ours, 1, "s", 1, NULL), 0);
	assert_int_equal(await_upload_append(h_db, &late, foreign, 2, "s", 1, NULL),
			 ERR_CONFLICT);
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, ours + 1, 1, &digest, NULL, &commit), 0);
	assert_int_equal(await_blob_find(h_db, a, u.package_id, &digest, true, &blob), 0);
	assert_int_equal(blob.chunks->count, 2);
	for (int i = 0; i < 2; i++)
		assert_memory_equal(blob.chunks->chunk[i].digest, ours[i].digest, SHA256_BYTES);
	arena_free(a);
}

static void commit_one(void *arg)
{
	struct writer *w = arg;
	struct digest digest = h_digest(w->text);
	struct upload_chunk chunk = h_chunk(w->text);
	struct upload_commit commit;

	w->rc = await_upload_commit(h_db, &alice, &w->u, &chunk, 1, &digest, NULL, &commit);
	if (w->rc == 0 && commit.repeated)
		w->rc = 1;
	if (w->rc == 0 && commit.existed)
		w->rc = 2;
}

H_TEST(a_session_commits_once)
{
	struct writer w[2] = {{.text = "same session"}, {.text = "same session"}};

	await_start("once", &w[0].u);
	w[1].u = w[0].u;
	await_h_all(commit_one, w, sizeof(w[0]), 2);
	/* one did it, the other learns that it is done */
	assert_int_equal(w[0].rc + w[1].rc, 1);
}

H_TEST(equal_blobs_end_as_one_live_instance)
{
	struct writer w[8];
	int existed = 0;

	for (int i = 0; i < 8; i++) {
		w[i].text = "equal bytes";
		await_start(i % 2 == 0 ? "even" : "odd", &w[i].u);
	}
	await_h_all(commit_one, w, sizeof(w[0]), 8);
	for (int i = 0; i < 8; i++) {
		assert_true(w[i].rc == 0 || w[i].rc == 2);
		existed += w[i].rc == 2;
	}
	assert_int_equal(existed, 7);
	assert_int_equal(await_h_int("SELECT count(*) FROM instance i JOIN chunk c USING (gen) "
				     "WHERE dead_at IS NULL AND c.len = 11"),
			 1);
	assert_int_equal(await_h_int("SELECT count(*) FROM package_blob l JOIN blob b "
				     "USING (algorithm, digest) WHERE b.size = 11"),
			 2);
}

H_TEST(what_is_not_acknowledged_is_owed)
{
	struct upload_chunk chunk[2] = {h_chunk("owed one"), h_chunk("owed two")};
	struct digest digest = h_digest("owed oneowed two");
	struct upload_commit commit;
	struct upload u;

	await_h_sql("TRUNCATE partition_owes");
	await_h_sql("INSERT INTO cluster_map (epoch, replicas, parts, reason) "
		    "VALUES (1, 3, '', 'test')");
	chunk[0].owing_count = 1;
	chunk[0].owing[0] = 3;
	await_start("owing", &u);
	assert_int_equal(await_upload_append(h_db, &u, chunk, 1, NULL, 0, NULL), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM partition_owes WHERE node = 3"), 1);
	chunk[1].owing_count = 2;
	chunk[1].owing[0] = 2;
	chunk[1].owing[1] = 3;
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, chunk + 1, 1, &digest, NULL, &commit), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM partition_owes"), 3);
}

/* The map changed between the chunk's write and the commit: the partition is to be compared. */
H_TEST(a_chunk_of_an_older_epoch_marks_its_partition)
{
	struct upload_chunk chunk = h_chunk("old epoch");
	struct digest digest = h_digest("old epoch");
	struct upload_commit commit;
	struct upload u;

	await_h_sql("TRUNCATE partition_owes");
	await_h_sql("INSERT INTO cluster_map (epoch, replicas, parts, reason) "
		    "VALUES (2, 3, '', 'test')");
	await_start("epoch", &u);
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, &chunk, 1, &digest, NULL, &commit), 0);
	assert_int_equal(await_h_int("SELECT count(*) FROM partition_owes WHERE node = 0"), 1);
}

H_TEST(a_gap_in_the_chunks_is_refused)
{
	struct upload_chunk chunk = h_chunk("gap");
	struct digest digest = h_digest("gapgap");
	struct upload_commit commit;
	struct upload u;

	await_start("gap", &u);
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, NULL, 0, NULL), 0);
	await_h_sql("DELETE FROM chunk WHERE gen = (SELECT max(gen) FROM upload)");
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, &chunk, 1, &digest, NULL, &commit),
		ERR_CORRUPT);
	assert_int_equal(await_upload_load(h_db, u.id, u.package_id, alice_id, &u), 0);
	/* the only one is gone; one more than there should be */
	await_start("gap", &u);
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, NULL, 0, NULL), 0);
	await_h_sql("UPDATE chunk SET idx = 1 WHERE gen = (SELECT max(gen) FROM upload)");
	assert_int_equal(await_upload_commit(h_db, &alice, &u, NULL, 0, &digest, NULL, &commit),
			 ERR_CORRUPT);
	await_h_sql("INSERT INTO chunk SELECT gen, 0, part, len, epoch, digest FROM chunk "
		    "WHERE gen = (SELECT max(gen) FROM upload)");
	assert_int_equal(await_upload_commit(h_db, &alice, &u, NULL, 0, &digest, NULL, &commit),
			 ERR_CORRUPT);
	await_h_sql("DELETE FROM chunk WHERE gen = (SELECT max(gen) FROM upload)");
	assert_int_equal(await_upload_commit(h_db, &alice, &u, NULL, 0, &digest, NULL, &commit),
			 ERR_CORRUPT);
}

/* The tables have no CHECKs: the function that writes a chunk's row looks itself. */
H_TEST(what_is_no_chunk_is_refused)
{
	static const char *const wrong[] = {
		"ARRAY[16384], ARRAY[sha256('x')], ARRAY[1]",
		"ARRAY[-1], ARRAY[sha256('x')], ARRAY[1]",
		"ARRAY[5], ARRAY['short'::bytea], ARRAY[1]",
		"ARRAY[5], ARRAY[sha256('x')], ARRAY[0]",
		"ARRAY[5, 6], ARRAY[sha256('x'), sha256('y')], ARRAY[1, 0]",
		"ARRAY[5, 6], ARRAY[sha256('x'), 'short'], ARRAY[1, 1]",
		"ARRAY[5, 16384], ARRAY[sha256('x'), sha256('y')], ARRAY[1, 1]",
	};
	struct upload u, after;

	await_start("shape", &u);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct arena *a = arena_new();
		struct pg_tx *tx = pg_tx_new(h_db, a, PG_WRITE);

		pg_tx_add(tx,
			  arena_printf(a,
				       "SELECT upload_record('%s', 0, '', '1 day', p, d, l, "
				       "ARRAY[1, 1], '{}', '{}') "
				       "FROM (VALUES (%s)) AS v(q, d, l), "
				       "LATERAL (SELECT q::smallint[] AS p) w",
				       u.id, wrong[i]));
		assert_int_equal(await_pg_tx(tx), ERR_CORRUPT);
		arena_free(a);
	}
	assert_int_equal(await_upload_load(h_db, u.id, u.package_id, alice_id, &after), 0);
	assert_int_equal(after.version, 0);
	assert_int_equal(after.size, 0);
}

static int64_t await_found(const char *name)
{
	struct row_check check[ROW_CHECKS_MAX];
	int n = await_row_checks(h_db, check);

	assert_true(n > 0);
	for (int i = 0; i < n; i++)
		if (strcmp(check[i].name, name) == 0)
			return check[i].count;
	fail_msg("no check is called %s", name);
	return -1;
}

H_TEST(rows_that_no_function_writes_are_found)
{
	static const char *const check[] = {
		"chunk_of_an_impossible_shape",	 "blob_of_an_impossible_shape",
		"row_of_a_package_that_is_gone", "manifest_of_an_unknown_kind",
		"tag_of_an_impossible_name",	 "tag_that_is_not_what_its_name_says",
	};

	for (int i = 0; i < 6; i++)
		assert_int_equal(await_found(check[i]), 0);
	await_h_sql("INSERT INTO chunk (gen, idx, part, len, epoch, digest) "
		    "SELECT max(gen), 900, 5, 0, 1, sha256('x') FROM instance "
		    "UNION SELECT max(gen), 901, 5, 1, 1, 'short' FROM instance "
		    "UNION SELECT max(gen), 902, 16384, 1, 1, sha256('x') FROM instance "
		    "UNION SELECT max(gen), -1, 5, 1, 1, sha256('x') FROM instance");
	await_h_sql("INSERT INTO blob (algorithm, digest, gen, size) "
		    "SELECT 2, sha256('too short'), max(gen), 1 FROM instance");
	await_h_sql("INSERT INTO package_blob (package_id, algorithm, digest, protect_until) "
		    "VALUES (4711, 2, sha256('too short'), now())");
	await_h_sql(
		"INSERT INTO manifest (package_id, algorithm, digest, kind, media_type, size, "
		"pushed_by, bytes) SELECT id, 1, sha256('kind'), 3, '', 4, 0, 'kind' "
		"FROM package LIMIT 1");
	await_h_sql(
		"INSERT INTO tag (package_id, name, manifest_id, updated_by) "
		"SELECT package_id, n, id, 0 FROM manifest, (VALUES (''), (repeat('n', 129)), "
		"(repeat('n', 128))) v(n) WHERE kind = 3");
	assert_int_equal(await_found(check[0]), 4);
	for (int i = 1; i < 4; i++)
		assert_int_equal(await_found(check[i]), 1);
	assert_int_equal(await_found(check[4]), 2);
	assert_int_equal(await_found(check[5]), 0);
	await_h_sql("UPDATE tag SET aside = true WHERE length(name) = 128");
	assert_int_equal(await_found(check[5]), 1);
	await_h_sql("DELETE FROM tag USING manifest m WHERE m.id = manifest_id AND kind = 3");
	await_h_sql("DELETE FROM manifest WHERE kind = 3");
	await_h_sql("DELETE FROM package_blob WHERE package_id = 4711");
	await_h_sql("DELETE FROM blob WHERE digest = sha256('too short')");
	await_h_sql("DELETE FROM chunk WHERE idx NOT BETWEEN 0 AND 899");
	for (int i = 0; i < 6; i++)
		assert_int_equal(await_found(check[i]), 0);
}

H_TEST(a_lost_blob_is_healed_by_a_push)
{
	struct digest digest = h_digest("lost bytes");
	int64_t package = await_h_blob(alice_id, "heal", "lost bytes");
	struct arena *a = arena_new();
	struct blob_info before;
	struct blob_info after;

	assert_int_equal(await_blob_find(h_db, a, package, &digest, true, &before), 0);
	await_h_sql("UPDATE blob SET lost_at = now() WHERE size = 10");
	assert_int_equal(await_blob_find(h_db, a, package, &digest, true, &after), 0);
	assert_true(after.lost);
	assert_int_equal(await_blob_promise(h_db, package, &digest, &after), ERR_NOT_FOUND);
	await_h_blob(alice_id, "heal", "lost bytes");
	assert_int_equal(await_blob_find(h_db, a, package, &digest, true, &after), 0);
	assert_false(after.lost);
	assert_true(after.gen > before.gen);
	assert_int_equal(await_h_int("SELECT count(*) FROM instance JOIN chunk USING (gen) "
				     "WHERE len = 10 AND dead_at IS NOT NULL"),
			 1);
	arena_free(a);
}

/* The harness promises 24 hours. */
static void await_protect(int minutes)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "UPDATE package_blob SET protect_until = now() + "
		 "%d * interval '1 minute'",
		 minutes);
	await_h_sql(sql);
}

static int64_t await_protected_minutes(int64_t package)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "SELECT extract(epoch FROM protect_until - now())::bigint / 60 "
		 "FROM package_blob WHERE package_id = %lld",
		 (long long)package);
	return await_h_int(sql);
}

H_TEST(a_promise_to_a_writer_is_whole)
{
	struct digest digest = h_digest("protected");
	struct digest other = h_digest("never pushed");
	int64_t package = await_h_blob(alice_id, "head", "protected");
	struct blob_info blob;

	/* a push */
	assert_true(await_protected_minutes(package) >= 24 * 60);
	for (int minutes = 0; minutes <= 48 * 60; minutes += 2 * 60) {
		await_protect(minutes);
		assert_int_equal(await_blob_promise(h_db, package, &digest, &blob), 0);
		assert_int_equal(blob.size, 9);
		assert_true(await_protected_minutes(package) >= 24 * 60);
		await_protect(minutes);
		await_h_blob(alice_id, "head", "protected");
		assert_true(await_protected_minutes(package) >= 24 * 60);
	}
	assert_int_equal(await_blob_promise(h_db, package, &other, &blob), ERR_NOT_FOUND);
	assert_int_equal(await_blob_promise(h_db, package + 999, &digest, &blob),
			 ERR_NOT_FOUND);
}

H_TEST(a_promise_is_not_written_at_each_answer)
{
	struct digest digest = h_digest("asked often");
	int64_t package = await_h_blob(alice_id, "often", "asked often");
	struct blob_info blob;
	int64_t before;

	await_protect(1);
	assert_int_equal(await_blob_promise(h_db, package, &digest, &blob), 0);
	before = await_h_int("SELECT max(xmin::text::bigint) FROM package_blob");
	for (int i = 0; i < 10; i++)
		assert_int_equal(await_blob_promise(h_db, package, &digest, &blob), 0);
	assert_int_equal(await_h_int("SELECT max(xmin::text::bigint) FROM package_blob"),
			 before);
}

/* The commit's answer was lost, and the client came back when the promise was nearly over. */
H_TEST(a_repeated_commit_promises_anew)
{
	struct digest digest = h_digest("repeated");
	struct upload_chunk chunk = h_chunk("repeated");
	struct upload_commit commit;
	struct upload u;

	await_start("repeated", &u);
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, &chunk, 1, &digest, NULL, &commit), 0);
	await_protect(1);
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, &chunk, 1, &digest, NULL, &commit), 0);
	assert_true(commit.repeated);
	assert_int_equal(commit.gen, u.gen);
	assert_true(await_protected_minutes(u.package_id) >= 24 * 60);
	await_h_sql("UPDATE package_blob SET deleted_at = now()");
	assert_int_equal(
		await_upload_commit(h_db, &alice, &u, &chunk, 1, &digest, NULL, &commit),
		ERR_NOT_FOUND);
}

H_TEST(cancel_marks_the_instance_dead)
{
	struct upload u;

	await_start("cancel", &u);
	assert_int_equal(await_upload_cancel(h_db, u.id, u.package_id, alice_id + 1),
			 ERR_NOT_FOUND);
	assert_int_equal(await_upload_cancel(h_db, u.id, u.package_id, alice_id), 0);
	assert_int_equal(await_upload_cancel(h_db, u.id, u.package_id, alice_id),
			 ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT (dead_at IS NOT NULL)::integer FROM instance "
				     "ORDER BY gen DESC LIMIT 1"),
			 1);
	assert_int_equal(await_upload_append(h_db, &u, NULL, 0, NULL, 0, NULL), ERR_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(start_makes_an_unpublished_package_once),
		cmocka_unit_test(append_load_and_commit),
		cmocka_unit_test(a_blob_is_found_through_its_package_only),
		cmocka_unit_test(an_empty_blob_has_no_chunks),
		cmocka_unit_test(of_two_writers_one_wins),
		cmocka_unit_test(a_late_writer_leaves_no_chunk),
		cmocka_unit_test(a_session_commits_once),
		cmocka_unit_test(equal_blobs_end_as_one_live_instance),
		cmocka_unit_test(what_is_not_acknowledged_is_owed),
		cmocka_unit_test(a_chunk_of_an_older_epoch_marks_its_partition),
		cmocka_unit_test(a_gap_in_the_chunks_is_refused),
		cmocka_unit_test(what_is_no_chunk_is_refused),
		cmocka_unit_test(rows_that_no_function_writes_are_found),
		cmocka_unit_test(a_lost_blob_is_healed_by_a_push),
		cmocka_unit_test(a_promise_to_a_writer_is_whole),
		cmocka_unit_test(a_promise_is_not_written_at_each_answer),
		cmocka_unit_test(a_repeated_commit_promises_anew),
		cmocka_unit_test(cancel_marks_the_instance_dead),
	};

	return cmocka_run_group_tests(tests, setup, h_teardown);
}
