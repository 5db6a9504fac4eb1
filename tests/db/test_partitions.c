/* What is due: debts and stamps, two keepers, starts of daemons, lost blobs, replaced disks. */
#include <stdio.h>
#include <string.h>

#include "metadb/blobs.h"
#include "metadb/cluster_rows.h"
#include "metadb/partitions.h"
#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

static struct actor alice;

static int64_t await_due_count(void)
{
	return await_h_int("SELECT count(*) FROM partition_owes");
}

static int await_claim(struct arena *a, const uint16_t *up, size_t count,
		       struct partition_claim **out)
{
	return await_partitions_claim(h_db, a, up, count, 4, 60000, 1, out);
}

H_TEST(makes_a_user)
{
	alice.account_id = await_h_user("alice");
}

H_TEST(a_debt_is_paid_under_the_stamp_that_was_seen)
{
	struct arena *a = arena_new();
	struct partition_claim *claim;
	struct partition_claim *again;
	uint16_t up[] = {3};

	assert_int_equal(await_partition_due(h_db, 77, 3), 0);
	assert_int_equal(await_claim(a, NULL, 0, &claim), 0); /* the node is down */
	assert_int_equal(await_claim(a, up, 1, &claim), 1);
	assert_int_equal(claim->part, 77);
	assert_int_equal(claim->node, 3);
	assert_int_equal(await_claim(a, up, 1, &again), 0); /* somebody works on it */
	/* a new debt while the nodes are asked */
	assert_int_equal(await_partition_due(h_db, 77, 3), 0);
	claim->verdict = PARTITION_WHOLE;
	assert_int_equal(await_partitions_settle(h_db, claim, 1), 0);
	assert_int_equal(await_due_count(), 1);
	assert_int_equal(await_claim(a, up, 1, &claim), 1); /* at once */
	claim->verdict = PARTITION_WHOLE;
	assert_int_equal(await_partitions_settle(h_db, claim, 1), 0);
	assert_int_equal(await_due_count(), 0);
	arena_free(a);
}

H_TEST(what_was_mended_comes_again_at_once_and_trouble_later)
{
	struct arena *a = arena_new();
	struct partition_claim *claim;
	uint16_t up[] = {3};

	assert_int_equal(await_partition_due(h_db, 5, 3), 0);
	assert_int_equal(await_claim(a, up, 1, &claim), 1);
	claim->verdict = PARTITION_MENDED;
	assert_int_equal(await_partitions_settle(h_db, claim, 1), 0);
	assert_int_equal(await_claim(a, up, 1, &claim), 1);
	claim->verdict = PARTITION_LATER;
	assert_int_equal(await_partitions_settle(h_db, claim, 1), 0);
	assert_int_equal(await_claim(a, up, 1, &claim), 0);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

/* Or a daemon that is down for an hour slows the comparison of everything else. */
H_TEST(a_claim_does_not_read_past_what_is_not_due)
{
	await_h_sql("SELECT partitions_due(ARRAY(SELECT generate_series(0, 16383)::smallint), "
		    "n, n > 0) FROM unnest('{0,9}'::int[]) AS n");
	/* each of the 16 twice: to find it, to change it */
	assert_in_range(await_h_int("SELECT (SELECT idx_tup_fetch "
				    "FROM pg_stat_xact_user_tables "
				    "WHERE relname = 'partition_owes') * (c / 16) "
				    "FROM (SELECT count(*) FROM partitions_claim("
				    "'{3}', 16, '1 min')) AS claimed(c)"),
			32, 100);
	await_h_sql("DELETE FROM partition_owes");
}

/* Whoever was faster saw the partition before the slower one's copy was made: not whole for
 * sure. */
H_TEST(what_was_mended_comes_again_though_somebody_paid)
{
	struct arena *a = arena_new();
	struct partition_claim *claim;
	uint16_t up[] = {3};

	for (int verdict = PARTITION_WHOLE; verdict <= PARTITION_LATER; verdict++) {
		assert_int_equal(await_partition_due(h_db, 5, 3), 0);
		assert_int_equal(await_claim(a, up, 1, &claim), 1);
		await_h_sql("DELETE FROM partition_owes");
		claim->verdict = (enum partition_verdict)verdict;
		assert_int_equal(await_partitions_settle(h_db, claim, 1), 0);
		assert_int_equal(await_due_count(), verdict != PARTITION_WHOLE);
	}
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

H_TEST(debts_come_before_sweeps)
{
	uint16_t part[] = {1, 2, 3, 4, 5, 6};
	struct arena *a = arena_new();
	struct partition_claim *claim;

	assert_int_equal(await_partitions_due(h_db, part, 6, 0, false), 0);
	assert_int_equal(await_partitions_due(h_db, part + 5, 1, 0, true), 0);
	assert_int_equal(await_due_count(), 6);
	assert_int_equal(await_partitions_claim(h_db, a, NULL, 0, 1, 60000, 1, &claim), 1);
	assert_int_equal(claim->part, 6);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

struct keeper {
	int claimed;
};

static void claim_all(void *arg)
{
	struct keeper *k = arg;
	struct arena *a = arena_new();
	struct partition_claim *claim;
	int rc;

	while ((rc = await_claim(a, NULL, 0, &claim)) > 0) {
		k->claimed += rc;
		for (int i = 0; i < rc; i++)
			claim[i].verdict = PARTITION_WHOLE;
		assert_int_equal(await_partitions_settle(h_db, claim, (size_t)rc), 0);
	}
	assert_int_equal(rc, 0);
	arena_free(a);
}

H_TEST(two_keepers_share)
{
	struct keeper keeper[3] = {{0}, {0}, {0}};
	uint16_t part[200];

	for (size_t i = 0; i < 200; i++)
		part[i] = (uint16_t)i;
	assert_int_equal(await_partitions_due(h_db, part, 200, 0, false), 0);
	await_h_all(claim_all, keeper, sizeof(keeper[0]), 3);
	assert_int_equal(keeper[0].claimed + keeper[1].claimed + keeper[2].claimed, 200);
	assert_int_equal(await_due_count(), 0);
}

/* An hour: no lease ends while this runs. */
static int await_claim_by(struct arena *a, int64_t keeper, struct partition_claim **out)
{
	return await_partitions_claim(h_db, a, NULL, 0, 10, 3600000, keeper, out);
}

static int await_beat(int64_t keeper, const char *place)
{
	return await_keeper_beat(h_db, keeper, place, 60000);
}

/* Makes a partition due, which that keeper claims. */
static void await_claimed(struct arena *a, int64_t keeper, struct partition_claim **out)
{
	uint16_t part = 7;

	assert_int_equal(await_partitions_due(h_db, &part, 1, 0, false), 0);
	assert_int_equal(await_claim_by(a, keeper, out), 1);
}

H_TEST(a_keeper_in_the_place_of_a_dead_one_ends_its_claims)
{
	struct arena *a = arena_new();
	struct partition_claim *late;
	struct partition_claim *claim;

	assert_int_equal(await_beat(1, "here"), 0);
	assert_int_equal(await_beat(2, "there"), 0);
	await_claimed(a, 1, &late);
	assert_int_equal(await_beat(1, "here"), 0);
	assert_int_equal(await_beat(2, "there"), 0);
	assert_int_equal(await_claim_by(a, 2, &claim), 0); /* it lives */
	assert_int_equal(await_beat(3, "here"), 1);
	assert_int_equal(await_claim_by(a, 2, &claim), 1);
	assert_int_equal(await_beat(3, "here"), 0); /* another's now */
	assert_int_equal(await_h_int("SELECT sum(incarnation)::bigint FROM keeper"), 5);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

/* It stood still and goes on: what it claimed somebody else has claimed meanwhile. */
H_TEST(a_silent_keeper_is_dead_until_it_beats)
{
	struct arena *a = arena_new();
	struct partition_claim *late;
	struct partition_claim *claim;

	assert_int_equal(await_beat(1, "aside"), 0);
	await_claimed(a, 1, &late);
	await_h_sql("UPDATE keeper SET beat_at = now() - interval '2 minutes'");
	assert_int_equal(await_beat(2, "there"), 1);
	assert_int_equal(await_h_int("SELECT sum(incarnation)::bigint FROM keeper"), 2);
	assert_int_equal(await_claim_by(a, 2, &claim), 1);
	late->verdict = PARTITION_WHOLE;
	assert_int_equal(await_partitions_settle(h_db, late, 1), 0);
	claim->verdict = PARTITION_MENDED; /* of what the late one had seen whole */
	assert_int_equal(await_partitions_settle(h_db, claim, 1), 0);
	assert_int_equal(await_due_count(), 1);
	assert_int_equal(await_beat(1, "aside"), 0);
	assert_int_equal(await_claim_by(a, 1, &claim), 1);
	assert_int_equal(await_beat(2, "there"), 0);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

/* Its statement was under way when it died, or it was taken for dead and does not know yet. */
H_TEST(a_claim_without_a_keeper_is_none)
{
	struct arena *a = arena_new();
	struct partition_claim *claim;

	await_claimed(a, 4, &claim);
	assert_int_equal(await_claim_by(a, 2, &claim), 0);
	assert_int_equal(await_beat(2, "there"), 1);
	assert_int_equal(await_claim_by(a, 2, &claim), 1);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

H_TEST(trouble_waits_though_its_keeper_is_dead)
{
	struct arena *a = arena_new();
	struct partition_claim *claim;

	assert_int_equal(await_beat(1, "aside"), 0);
	await_claimed(a, 1, &claim);
	claim->verdict = PARTITION_LATER;
	await_h_sql("UPDATE partition_owes SET tries = 9"); /* minutes */
	assert_int_equal(await_partitions_settle(h_db, claim, 1), 0);
	assert_int_equal(await_beat(5, "aside"), 0);
	assert_int_equal(await_claim_by(a, 5, &claim), 0);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

/* The version before knows no incarnations. */
H_TEST(a_claim_of_a_keeper_that_never_beats_has_its_lease)
{
	struct arena *a = arena_new();
	struct partition_claim *claim;

	assert_int_equal(await_beat(1, "aside"), 0);
	await_claimed(a, 1, &claim);
	await_h_sql("UPDATE partition_owes SET not_before = now()"); /* a lease is over */
	assert_int_equal(
		await_h_int("SELECT count(*) FROM partitions_claim('{}', 10, '1 hour')"), 1);
	assert_int_equal(await_beat(5, "aside"), 0);
	assert_int_equal(await_claim_by(a, 5, &claim), 0);
	await_h_sql("UPDATE partition_owes SET not_before = now()");
	assert_int_equal(await_claim_by(a, 5, &claim), 1);
	await_h_sql("DELETE FROM partition_owes");
	await_h_sql("DELETE FROM keeper");
	arena_free(a);
}

/* Each holds its own row and looks for silent ones: none waits for another. */
static void beat_often(void *arg)
{
	const struct keeper *k = arg;

	for (int i = 0; i < 50; i++)
		assert_in_range(await_keeper_beat(h_db, k->claimed, "everywhere", 0), 0, 64);
}

H_TEST(keepers_that_end_each_other_wait_for_nobody)
{
	struct keeper keeper[4] = {{1}, {2}, {3}, {4}};
	int64_t before = await_h_int("SELECT deadlocks FROM pg_stat_database "
				     "WHERE datname = current_database()");

	await_h_all(beat_often, keeper, sizeof(keeper[0]), 4);
	assert_int_equal(await_h_int("SELECT deadlocks FROM pg_stat_database "
				     "WHERE datname = current_database()"),
			 before);
	await_h_sql("DELETE FROM keeper");
}

H_TEST(the_oldest_comparisons_become_due)
{
	await_h_sql("UPDATE partition_check SET checked_at = now() - interval '8 days' "
		    "WHERE part < 10");
	assert_int_equal(await_partitions_due_by_age(h_db, 604800000, 4), 4);
	assert_int_equal(await_partitions_due_by_age(h_db, 604800000, 100), 6);
	assert_int_equal(await_partitions_due_by_age(h_db, 604800000, 100), 0);
	assert_int_equal(await_due_count(), 10);
	await_h_sql("DELETE FROM partition_owes");
}

H_TEST(rows_are_live_dead_open_and_lost)
{
	struct package_target target = {.namespace_id = alice.account_id, .name = "open"};
	struct upload_chunk chunk = h_chunk("open");
	struct arena *a = arena_new();
	struct digest digest = h_digest("live");
	struct partition_rows rows;
	struct blob_info blob;
	struct upload u;
	uint16_t part[2];
	int64_t package = await_h_blob(alice.account_id, "live", "live");

	await_h_sql("INSERT INTO cluster_map (epoch, replicas, parts, reason) "
		    "VALUES (1, 1, '', 'test')");
	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &u), 0);
	assert_int_equal(await_upload_append(h_db, &u, &chunk, 1, "", 0, NULL), 0);
	part[0] = (uint16_t)partition_of(digest.bytes);
	part[1] = (uint16_t)partition_of(chunk.digest);
	assert_int_equal(await_partition_rows(h_db, a, part, 2, &rows), 0);
	assert_int_equal(rows.count, 2);
	assert_true(rows.adopted);
	assert_int_equal(rows.last_gen, u.gen);
	assert_true(rows.skipped_from > rows.skipped_to);
	assert_int_equal(rows.epoch, 1);
	assert_int_equal(rows.open_count, 1);
	assert_int_equal(rows.open[0], u.gen);
	assert_false(rows.pair[0].dead || rows.pair[1].dead || rows.pair[0].lost);
	/* both are lost; the upload has no blob yet that could be marked */
	assert_int_equal(await_blobs_mark_lost(h_db, rows.pair, 2), 1);
	assert_int_equal(await_blobs_mark_lost(h_db, rows.pair, 2), 0);
	assert_int_equal(await_blob_find(h_db, a, package, &digest, false, &blob), 0);
	assert_true(blob.lost);
	assert_int_equal(await_blob_promise(h_db, package, &digest, &blob), ERR_NOT_FOUND);
	assert_int_equal(await_h_int("SELECT count(*) FROM audit WHERE action = 'blob.lost'"),
			 1);
	await_h_blob(alice.account_id, "live", "live"); /* pushed again */
	assert_int_equal(await_blob_promise(h_db, package, &digest, &blob), 0);
	assert_int_equal(await_partition_rows(h_db, a, part, 1, &rows), 0);
	assert_int_equal(rows.count, 2);
	assert_true(rows.pair[0].dead && !rows.pair[1].dead && !rows.pair[1].lost);
	await_h_sql("DELETE FROM cluster_map");
	arena_free(a);
}

struct look {
	struct arena *arena;
	uint16_t part;
	struct partition_rows rows;
	int rc; /* 1: not yet */
};

static void look(void *arg)
{
	struct look *l = arg;

	l->rc = await_partition_rows(h_db, l->arena, &l->part, 1, &l->rows);
}

/*
 * A commit takes its gen from the uploads to the blobs while somebody reads the rows: in one
 * statement the gen is open or has its row. The lock is what the reading waits for meanwhile.
 */
H_TEST(a_gen_that_is_committed_meanwhile_is_seen)
{
	static const char commit[] =
		"SELECT status FROM upload u, upload_commit(u.id, u.version, u.package_id, "
		"ARRAY[(get_byte(sha256('moves'), 0) * 256 + get_byte(sha256('moves'), 1)) "
		"/ 4]::smallint[], ARRAY[sha256('moves')], ARRAY[5], ARRAY[1::bigint], '{}', "
		"'{}', 1::smallint, sha256('moves'), interval '1 hour') "
		"WHERE u.gen = (SELECT max(gen) FROM upload)";
	struct package_target target = {.namespace_id = alice.account_id, .name = "moves"};
	struct digest digest = h_digest("moves");
	struct look l = {
		.arena = arena_new(), .part = (uint16_t)partition_of(digest.bytes), .rc = 1};
	struct pg_tx *tx = pg_tx_new(h_db, l.arena, PG_WRITE);
	struct upload u;
	bool seen = false;

	assert_int_equal(await_upload_start(h_db, &alice, &target, DIGEST_SHA256, &u), 0);
	assert_int_equal(await_pg_begin(tx), 0);
	pg_tx_add(tx, "LOCK TABLE upload IN ACCESS EXCLUSIVE MODE");
	assert_int_equal(await_pg_tx(tx), 0);
	assert_non_null(task_spawn(h_loop, "look", NULL, look, &l));
	while (await_h_int("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0)
		assert_int_equal(await_sleep(5), 0);
	pg_tx_add(tx, commit);
	assert_int_equal(await_pg_tx(tx), 0);
	assert_int_equal(pg_int(pg_tx_rows(tx, 0), 0, 0), 0);
	assert_int_equal(await_pg_commit(tx), 0);
	while (l.rc == 1)
		assert_int_equal(await_sleep(5), 0);
	assert_int_equal(l.rc, 0);
	for (size_t i = 0; i < l.rows.open_count; i++)
		seen = seen || l.rows.open[i] == u.gen;
	for (size_t i = 0; i < l.rows.count; i++)
		seen = seen || l.rows.pair[i].gen == (uint64_t)u.gen;
	assert_true(seen);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(l.arena);
}

static struct node_notice notice(int i)
{
	struct node_notice n = {.incarnation = 1};

	snprintf(n.uuid, sizeof(n.uuid), "00000000-0000-4000-8000-%012d", i);
	snprintf(n.name, sizeof(n.name), "storage-%d", i);
	snprintf(n.zone, sizeof(n.zone), "zone-%d", i);
	snprintf(n.control, sizeof(n.control), "127.0.0.1:%d", 7000 + i);
	snprintf(n.bulk, sizeof(n.bulk), "127.0.0.1:%d", 8000 + i);
	return n;
}

H_TEST(a_start_makes_due_once)
{
	const char *const names[] = {"storage-1", "storage-2"};
	uint16_t part[] = {4, 2};
	struct arena *a = arena_new();
	struct node_start *start;
	struct node_notice n;
	bool changed;
	uint16_t id;

	for (int i = 1; i <= 2; i++) {
		n = notice(i);
		assert_int_equal(await_node_register(h_db, &n, &id, &changed), 0);
	}
	assert_int_equal(await_first_epoch(h_db, names, 2, 2), 1);
	assert_int_equal(await_node_starts(h_db, a, &start), 2);
	assert_int_equal(await_node_started(h_db, &start[0], part, 2), 0);
	assert_int_equal(await_node_started(h_db, &start[1], part, 2), 0);
	assert_int_equal(await_due_count(), 2);
	assert_int_equal(await_node_starts(h_db, a, &start), 0);
	n.incarnation = 2;
	assert_int_equal(await_node_register(h_db, &n, &id, &changed), 0);
	assert_int_equal(await_node_starts(h_db, a, &start), 1);
	assert_int_equal(start[0].id, id);
	assert_int_equal(start[0].incarnation, 2);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

/* It was up and failed its orders, so they wait; a new start ends the waiting. */
H_TEST(a_start_makes_old_debts_due_at_once)
{
	struct node_start start = {.incarnation = 3};
	struct arena *a = arena_new();
	struct partition_claim *claim;
	uint16_t node = (uint16_t)await_h_int("SELECT id FROM node WHERE name = 'storage-2'");

	assert_int_equal(await_partition_due(h_db, 9, node), 0);
	await_h_sql("UPDATE partition_owes SET tries = 9, "
		    "not_before = now() + interval '5 minutes'");
	assert_int_equal(await_partitions_claim(h_db, a, &node, 1, 10, 60000, 1, &claim), 0);
	start.id = node;
	assert_int_equal(await_node_started(h_db, &start, NULL, 0), 0);
	assert_int_equal(await_partitions_claim(h_db, a, &node, 1, 10, 60000, 1, &claim), 1);
	assert_int_equal(claim[0].part, 9);
	assert_int_equal(claim[0].node, node);
	await_h_sql("DELETE FROM partition_owes");
	arena_free(a);
}

H_TEST(an_empty_disk_takes_the_place_of_a_silent_one)
{
	struct node_notice fresh = notice(2);
	struct arena *a = arena_new();
	struct partition_claim *claim;
	uint16_t old;
	uint16_t id;
	bool changed;

	old = (uint16_t)await_h_int("SELECT id FROM node WHERE name = 'storage-2'");
	snprintf(fresh.uuid, sizeof(fresh.uuid), "11111111-0000-4000-8000-000000000002");
	assert_int_equal(await_partition_due(h_db, 9, old), 0);
	assert_int_equal(await_node_register(h_db, &fresh, &id, &changed), ERR_CONFLICT);
	assert_int_equal(await_node_replace(h_db, &fresh, 60000), 0); /* it is alive */
	await_h_sql("UPDATE node SET seen_at = now() - interval '1 hour' "
		    "WHERE name = 'storage-2'");
	assert_int_equal(await_node_replace(h_db, &fresh, 60000), 1);
	assert_int_equal(await_node_replace(h_db, &fresh, 60000), 0);
	assert_int_equal(await_node_register(h_db, &fresh, &id, &changed), 0);
	assert_int_not_equal(id, old);
	assert_int_equal(await_h_int("SELECT max(epoch) FROM cluster_map"), 2);
	assert_int_equal(await_h_int("SELECT count(*) FROM partition_owes WHERE urgent"),
			 16384);
	assert_int_equal(await_h_int("SELECT count(*) FROM partition_owes WHERE node <> 0"), 0);
	/* a debt that a writer with an old map notes afterwards keeps nobody waiting */
	await_h_sql("DELETE FROM partition_owes");
	assert_int_equal(await_partition_due(h_db, 9, old), 0);
	assert_int_equal(await_claim(a, NULL, 0, &claim), 1);
	arena_free(a);
	fresh = notice(2); /* the old disk comes back */
	assert_int_equal(await_node_register(h_db, &fresh, &id, &changed), ERR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_user),
		cmocka_unit_test(a_debt_is_paid_under_the_stamp_that_was_seen),
		cmocka_unit_test(what_was_mended_comes_again_at_once_and_trouble_later),
		cmocka_unit_test(a_claim_does_not_read_past_what_is_not_due),
		cmocka_unit_test(what_was_mended_comes_again_though_somebody_paid),
		cmocka_unit_test(debts_come_before_sweeps),
		cmocka_unit_test(two_keepers_share),
		cmocka_unit_test(a_keeper_in_the_place_of_a_dead_one_ends_its_claims),
		cmocka_unit_test(a_silent_keeper_is_dead_until_it_beats),
		cmocka_unit_test(a_claim_without_a_keeper_is_none),
		cmocka_unit_test(trouble_waits_though_its_keeper_is_dead),
		cmocka_unit_test(a_claim_of_a_keeper_that_never_beats_has_its_lease),
		cmocka_unit_test(keepers_that_end_each_other_wait_for_nobody),
		cmocka_unit_test(the_oldest_comparisons_become_due),
		cmocka_unit_test(rows_are_live_dead_open_and_lost),
		cmocka_unit_test(a_gen_that_is_committed_meanwhile_is_seen),
		cmocka_unit_test(a_start_makes_due_once),
		cmocka_unit_test(a_start_makes_old_debts_due_at_once),
		cmocka_unit_test(an_empty_disk_takes_the_place_of_a_silent_one),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
