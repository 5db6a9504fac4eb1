/*
 * Compaction, one case a test: what comes between its steps, what must stay, and that the room
 * comes back. What fails in it: test_store_compact_faults.c. Segments are 1 MiB here; MIDDLE
 * chunks fill a fifth of one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/log.h"
#include "proto/model/digest.h"
#include "storage/daemon/record.h"
#include "tests/unit/storage/hands.h"

#define PERCENT 60

static struct world *w;
static struct hand_chores h;

static int setup(void **state)
{
	(void)state;
	w = world_new(42);
	h = (struct hand_chores){.w = w};
	hand_start(w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(w);
	return 0;
}

static void what_counts_moves_and_the_room_comes_back(void **state)
{
	uint64_t before;
	(void)state;

	hand_make_victim(w);
	before = vdisk_used(w->v);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(h.report.moved, 1);
	assert_int_equal(h.report.segments, 1);
	assert_true(h.report.freed_bytes > 400000);
	assert_int_equal(vdisk_used(w->v), before - h.report.freed_bytes);
	assert_false(hand_segment_exists(w, 1));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(hand_get(w, FIRST), 0);
		assert_int_equal(hand_get(w, MIDDLE), ERR_NOT_FOUND);
		assert_int_equal(hand_stats(w).chunks, 1);
		hand_crash(w, i == 1);
	}
}

static void a_segment_that_is_full_enough_stays(void **state)
{
	(void)state;
	hand_put(w, MIDDLE);
	hand_put(w, MIDDLE + 1);
	hand_put(w, FIRST);
	hand_begin_segment(w);
	hand_delete(w, FIRST);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_true(hand_segment_exists(w, 1));
	assert_int_equal(h.report.moved, 0);
}

static void delete_first(struct hand_chores *hand)
{
	hand->before_commit = NULL;
	hand_delete(w, FIRST);
}

/* Compaction has read the record, the DEL is acknowledged, then the copy would be appended. */
static void a_delete_between_read_and_append_wins(void **state)
{
	(void)state;
	hand_make_victim(w);
	h.before_commit = delete_first;
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_null(h.before_commit);
	assert_int_equal(h.report.moved, 0);
	assert_false(hand_segment_exists(w, 1));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
		hand_crash(w, i == 1);
	}
}

static void replace_first(struct hand_chores *hand)
{
	hand->before_commit = NULL;
	hand_delete(w, FIRST);
	hand_put(w, FIRST);
}

static void a_newer_put_between_read_and_append_wins(void **state)
{
	(void)state;
	hand_make_victim(w);
	h.before_commit = replace_first;
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(h.report.moved, 0);
	assert_int_equal(hand_get(w, FIRST), 0);
	assert_int_equal(hand_stats(w).chunks, 1);
	hand_crash(w, true);
	assert_int_equal(hand_get(w, FIRST), 0);
}

static void operations_of_one_group_agree(void **state)
{
	static const struct {
		enum store_op_kind first, second;
		int results[2];
		bool there;
	} cases[] = {
		{STORE_DEL, STORE_MOVE, {0, ERR_CONFLICT}, false},
		{STORE_PUT, STORE_MOVE, {0, 0}, true},
		{STORE_MOVE, STORE_PUT, {0, 0}, true},
		{STORE_MOVE, STORE_DEL, {0, 0}, false},
		{STORE_MOVE, STORE_MOVE, {0, ERR_CONFLICT}, true},
		{STORE_KEEP, STORE_PUT, {ERR_CONFLICT, 0}, true},
		{STORE_DEL, STORE_KEEP, {0, ERR_CONFLICT}, false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int digest = w->keys[SMALL].digest;
		struct iovec part = {(void *)world_bytes(digest), world_len(digest)};
		struct store_op ops[2], *order[2] = {&ops[0], &ops[1]};
		struct store_piece piece;
		unsigned char none[1];

		hand_put(w, SMALL);
		assert_int_equal(
			store_read(w->s, &w->keys[SMALL].key, false, 0, 0, none, &piece), 0);
		for (int j = 0; j < 2; j++)
			ops[j] = (struct store_op){.kind = j ? cases[i].second : cases[i].first,
						   .key = w->keys[SMALL].key,
						   .from = piece.place,
						   .parts = &part,
						   .part_count = 1,
						   .len = world_len(digest),
						   .crcs = world_crcs(digest)};
		store_commit(w->s, order, 2);
		for (int j = 0; j < 2; j++)
			assert_int_equal(ops[j].result, cases[i].results[j]);
		assert_int_equal(hand_get(w, SMALL), cases[i].there ? 0 : ERR_NOT_FOUND);
		hand_crash(w, true);
		assert_int_equal(hand_get(w, SMALL), cases[i].there ? 0 : ERR_NOT_FOUND);
	}
}

static void compact_now(void *arg)
{
	(void)arg;
	assert_int_equal(hand_compact(&h, PERCENT), 0);
}

static void a_reader_keeps_its_segment(void **state)
{
	(void)state;
	hand_make_victim(w);
	vdisk_before_read(w->v, compact_now, NULL);
	assert_int_equal(hand_get(w, FIRST), 0);
	assert_int_equal(h.report.moved, 1);
	assert_true(hand_segment_exists(w, 1));
	/* It has let go. */
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_false(hand_segment_exists(w, 1));
	assert_int_equal(hand_get(w, FIRST), 0);
}

static void a_reader_with_an_old_place_looks_again(void **state)
{
	(void)state;
	hand_make_victim(w);
	assert_int_equal(store_checkpoint(w->s), 0);
	tindex_after_get(w->index, compact_now, NULL);
	assert_int_equal(hand_get(w, FIRST), 0);
	assert_int_equal(h.report.segments, 1);
}

/* The DEL of a chunk is refused and cut off; who forgets the cut believes it. */
static void a_segment_that_cuts_outlives_what_it_cuts(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		hand_put(w, FIRST);
		hand_put(w, MIDDLE);
		vdisk_seed(w->v, seed); /* how much of the failed write is there */
		vdisk_fail(w->v, FAULT_WRITE, 1);
		assert_int_equal(hand_commit(w, STORE_DEL, FIRST), -EIO);
		hand_put(w, SMALL); /* in segment 2, which names the cut */
		/* Nothing in 2 counts; the truncation of 1 is not durable. */
		hand_delete(w, SMALL);
		for (int n = KEY(11); n < KEY(16); n++)
			hand_put(w, n);
		hand_put(w, LARGE);
		for (int n = KEY(11); n < KEY(16); n++) {
			if (n != MIDDLE)
				hand_delete(w, n);
		}
		assert_int_equal(hand_compact(&h, PERCENT), 0);
		assert_true(hand_segment_exists(w, 1));
		assert_true(hand_segment_exists(w, 2));
		hand_crash(w, true);
		assert_int_equal(hand_get(w, FIRST), 0);
		/* Without the first the second goes too. */
		hand_begin_segment(w);
		hand_delete(w, FIRST);
		hand_delete(w, MIDDLE);
		assert_int_equal(hand_compact(&h, PERCENT), 0);
		assert_false(hand_segment_exists(w, 1));
		assert_false(hand_segment_exists(w, 2));
		hand_crash(w, true);
		assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
		teardown(state);
		setup(state);
	}
}

static void a_delete_stays_while_an_older_segment_may_hold_its_put(void **state)
{
	(void)state;
	hand_make_hidden_put(w);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_true(hand_segment_exists(w, 1));
	assert_false(hand_segment_exists(w, 2));
	assert_int_equal(h.report.kept, 1);
	hand_crash(w, true);
	assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
	assert_int_equal(hand_get(w, SMALL + 1), 0);
	/* The older one goes, and nobody needs the DEL any more. */
	for (int n = KEY(13); n < KEY(15); n++)
		hand_delete(w, n);
	hand_begin_segment(w);
	hand_put(w, LARGE);
	hand_delete(w, SMALL + 1);
	h.report = (struct chores_report){0};
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(h.report.kept, 0);
	assert_true(hand_stats(w).segments <= 2);
	hand_crash(w, true);
	assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
	assert_int_equal(hand_get(w, LARGE), 0);
}

/* A torn PUT behind the DEL makes the copy known as bad. It hides nothing. */
static void a_bad_copy_does_not_stand_for_a_delete(void **state)
{
	(void)state;
	hand_make_hidden_put(w);
	world_kill(w);
	hand_start(w);
	hand_put(w, FIRST); /* segment 4 */
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_flip(w, 4, hand_record(w, 4, 0) + 1000);
	assert_int_equal(hand_get(w, FIRST), ERR_CORRUPT);
	assert_int_equal(hand_stats(w).bad_chunks, 1);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_false(hand_segment_exists(w, 2));
	assert_true(h.report.kept >= 1);
	hand_crash(w, true);
	assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
}

/* A file that cannot be used now may be used again one day. */
static void a_lost_segment_keeps_the_deletes(void **state)
{
	unsigned char kept[SEGMENT_START], noise[SEGMENT_START];
	(void)state;

	hand_put(w, FIRST);
	hand_begin_segment(w);
	hand_delete(w, FIRST);
	hand_put(w, SMALL);
	hand_begin_segment(w);
	hand_put(w, SMALL + 1);
	memcpy(kept, vdisk_bytes(w->v, 1), SEGMENT_START);
	memset(noise, 0x55, SEGMENT_START);
	vdisk_overwrite(w->v, 1, 0, noise, SEGMENT_START);
	hand_crash(w, true);
	hand_delete(w, SMALL);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	vdisk_overwrite(w->v, 1, 0, kept, SEGMENT_START);
	hand_crash(w, true);
	assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
	assert_int_equal(hand_get(w, SMALL + 1), 0);
}

/* Many chunks of one byte come and go behind a segment that stays. */
static void too_many_deletes_move_the_oldest_segment(void **state)
{
	enum { GROUPS = 100, GROUP = STORE_GROUP_MAX };
	struct store_op *ops = calloc(GROUP, sizeof(*ops)), *order[GROUP];
	struct iovec part = {(void *)"x", 1};
	uint32_t crcs[CHUNK_BLOCKS_MAX];
	struct chunk_key key = {.gen = 1};
	(void)state;

	store_block_crcs(&part, 1, crcs);
	sha256_of("x", 1, key.digest);
	hand_put(w, MIDDLE);
	hand_put(w, MIDDLE + 1);
	hand_begin_segment(w);
	for (int group = 0; group < GROUPS; group++) {
		for (int i = 0; i < GROUP; i++) {
			ops[i] = (struct store_op){.kind = i % 2 ? STORE_DEL : STORE_PUT,
						   .key = key,
						   .parts = &part,
						   .part_count = 1,
						   .len = 1,
						   .crcs = crcs};
			key.gen += (uint64_t)i % 2;
			order[i] = &ops[i];
		}
		store_commit(w->s, order, GROUP);
		assert_int_equal(ops[GROUP - 1].result, 0);
	}
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_false(hand_segment_exists(w, 1));
	assert_true(vdisk_used(w->v) < 3 * WORLD_SEGMENT);
	assert_int_equal(hand_get(w, MIDDLE), 0);
	hand_crash(w, true);
	assert_int_equal(hand_get(w, MIDDLE), 0);
	assert_int_equal(hand_stats(w).chunks, 2);
	free(ops);
}

static void an_emptied_store_gives_its_room_back(void **state)
{
	uint64_t peak;
	(void)state;

	for (int round = 0; round < 6; round++) {
		for (int n = 0; n < WORLD_KEYS; n++)
			hand_put(w, n);
		for (int n = 0; n < WORLD_KEYS && round < 5; n++)
			hand_delete(w, n);
	}
	peak = vdisk_used(w->v);
	assert_true(peak > 100 * WORLD_SEGMENT);
	for (int n = 0; n < WORLD_KEYS; n++)
		hand_delete(w, n);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(h.report.moved, 0);
	assert_true(hand_stats(w).segments <= 4);
	assert_true(vdisk_used(w->v) <= 4 * WORLD_SEGMENT);
	assert_true(hand_stats(w).dead_bytes < WORLD_SEGMENT);
	hand_crash(w, true);
	assert_int_equal(hand_stats(w).chunks, 0);
}

static void an_open_segment_that_is_dead_is_replaced(void **state)
{
	static const int keys[] = {MIDDLE, MIDDLE + 1, KEY(12)};
	(void)state;

	for (int i = 0; i < 3; i++)
		hand_put(w, keys[i]);
	for (int i = 0; i < 3; i++)
		hand_delete(w, keys[i]);
	/* Not yet half a segment: it goes on. */
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_true(hand_segment_exists(w, 1));
	hand_put(w, MIDDLE);
	hand_delete(w, MIDDLE);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_false(hand_segment_exists(w, 1));
	assert_true(hand_segment_exists(w, 2));
	assert_int_equal(hand_stats(w).dead_bytes, 0);
	hand_put(w, SMALL);
	assert_int_equal(hand_stats(w).segments, 1);
	hand_crash(w, true);
	assert_int_equal(hand_get(w, SMALL), 0);
	assert_int_equal(hand_get(w, MIDDLE), ERR_NOT_FOUND);
}

/* An old index must not find other records under an old number. */
static void numbers_of_segments_are_never_used_again(void **state)
{
	uint64_t ids[8], newest;
	(void)state;

	hand_make_victim(w);
	hand_delete(w, FIRST);
	hand_begin_segment(w);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(vdisk_segments(w->v, ids, 8), 1);
	newest = ids[0];
	assert_int_equal(newest, 2);
	hand_crash(w, true);
	hand_put(w, SMALL);
	assert_true(hand_segment_exists(w, newest + 1));
}

#define on_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_world(what_counts_moves_and_the_room_comes_back),
		on_world(a_segment_that_is_full_enough_stays),
		on_world(a_delete_between_read_and_append_wins),
		on_world(a_newer_put_between_read_and_append_wins),
		on_world(operations_of_one_group_agree),
		on_world(a_reader_keeps_its_segment),
		on_world(a_reader_with_an_old_place_looks_again),
		on_world(a_segment_that_cuts_outlives_what_it_cuts),
		on_world(a_delete_stays_while_an_older_segment_may_hold_its_put),
		on_world(a_bad_copy_does_not_stand_for_a_delete),
		on_world(a_lost_segment_keeps_the_deletes),
		on_world(too_many_deletes_move_the_oldest_segment),
		on_world(an_emptied_store_gives_its_room_back),
		on_world(an_open_segment_that_is_dead_is_replaced),
		on_world(numbers_of_segments_are_never_used_again),
	};

	log_open("test", LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
