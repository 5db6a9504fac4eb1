/* Compaction of what is rotten, on what fails, and dying at each of its steps. */
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

static void bad_records_are_not_moved(void **state)
{
	(void)state;
	hand_make_victim(w);
	hand_put(w, SMALL);
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_flip(w, 1, hand_record(w, 1, 0) + 1000);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(h.report.bad, 1);
	assert_int_equal(h.found_bad, 1);
	assert_int_equal(h.report.moved, 0);
	assert_false(hand_segment_exists(w, 1));
	assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
	assert_int_equal(hand_stats(w).bad_chunks, 1);
	hand_put(w, FIRST);
	assert_int_equal(hand_get(w, FIRST), 0);
	assert_int_equal(hand_stats(w).bad_chunks, 0);
}

/* Right CRCs and another SHA-256, or the other way round. */
static void either_check_is_made(void **state)
{
	struct iovec part = {(void *)"bytes", 5};

	for (int wrong_crc = 0; wrong_crc < 2; wrong_crc++) {
		struct chunk_key key = {.digest = "of something else", .gen = 3};
		uint32_t crcs[CHUNK_BLOCKS_MAX];
		struct store_op op = {.kind = STORE_PUT,
				      .parts = &part,
				      .part_count = 1,
				      .len = 5,
				      .crcs = crcs},
				*order = &op;

		if (wrong_crc)
			sha256_of("bytes", 5, key.digest);
		op.key = key;
		store_block_crcs(&part, 1, crcs);
		crcs[0] += (uint32_t)wrong_crc;
		store_commit(w->s, &order, 1);
		hand_make_victim(w);
		assert_true(store_has(w->s, &key, NULL));
		assert_int_equal(hand_compact(&h, PERCENT), 0);
		assert_int_equal(h.report.bad, 1);
		assert_int_equal(h.report.moved, 1);
		assert_false(store_has(w->s, &key, NULL));
		teardown(state);
		setup(state);
	}
}

/* The log does not show it, the count of live bytes does. */
static void a_copy_with_a_damaged_head_leaves_the_index(void **state)
{
	(void)state;
	hand_make_victim(w);
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_flip(w, 1, hand_record(w, 1, 0) + 30);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(h.found_bad, 1);
	assert_false(hand_segment_exists(w, 1));
	assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
}

static void a_disk_that_does_not_answer_costs_no_copy(void **state)
{
	(void)state;
	hand_make_victim(w);
	for (uint64_t at = 0; at < 5 * LOG_PAGE; at += LOG_PAGE)
		vdisk_bad_page(w->v, 1, at);
	assert_int_equal(hand_compact(&h, PERCENT), -EIO);
	assert_int_equal(h.found_bad, 0);
	assert_int_equal(hand_stats(w).chunks, 1);
	assert_true(hand_segment_exists(w, 1));
	/* It does not hold up the others: segment 2 has nothing that counts. */
	hand_put(w, LARGE);
	assert_int_equal(hand_compact(&h, PERCENT), -EIO);
	assert_false(hand_segment_exists(w, 2));
	assert_true(hand_segment_exists(w, 1));
	assert_int_equal(hand_stats(w).chunks, 2);
	assert_int_equal(h.found_bad, 0);
}

/* There is no open segment: the first copy needs a new one, out of the reserve. */
static void a_full_disk_is_compacted(void **state)
{
	(void)state;
	hand_make_victim(w);
	hand_begin_segment(w);
	vdisk_occupy(w->v, vdisk_capacity(w->v) - vdisk_used(w->v) - WORLD_SEGMENT);
	assert_int_equal(hand_commit(w, STORE_PUT, SMALL), ERR_FULL);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(h.report.moved, 1);
	assert_true(h.report.freed_bytes > 400000);
	assert_int_equal(hand_get(w, FIRST), 0);
}

static void nothing_is_removed_before_a_checkpoint(void **state)
{
	(void)state;
	hand_make_victim(w);
	tindex_fail(w->index, true);
	assert_int_equal(hand_compact(&h, PERCENT), -EIO);
	assert_true(hand_segment_exists(w, 1));
	tindex_fail(w->index, false);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_false(hand_segment_exists(w, 1));
	/* The index that the disk has says where the copy is now. */
	hand_crash(w, false);
	assert_int_equal(hand_get(w, FIRST), 0);
}

/* Whatever becomes of its operations: what the index points into is not removed. */
static void what_counts_is_never_removed(void **state)
{
	(void)state;
	hand_make_victim(w);
	h.overtaken = true;
	assert_int_equal(hand_compact(&h, PERCENT), -EAGAIN);
	assert_true(hand_segment_exists(w, 1));
	assert_int_equal(hand_get(w, FIRST), 0);
	h.overtaken = false;
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(hand_get(w, FIRST), 0);
}

static void a_file_that_does_not_go_is_tried_again(void **state)
{
	(void)state;
	hand_make_victim(w);
	vdisk_fail(w->v, FAULT_UNLINK, 1);
	assert_int_equal(hand_compact_once(&h, PERCENT), 1);
	assert_int_equal(h.report.segments, 0);
	assert_true(hand_segment_exists(w, 1));
	assert_int_equal(hand_get(w, FIRST), 0);
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_false(hand_segment_exists(w, 1));
	assert_int_equal(hand_get(w, FIRST), 0);
}

static void an_unsynced_folder_poisons_the_disk(void **state)
{
	(void)state;
	hand_make_victim(w);
	vdisk_fail(w->v, FAULT_SYNC_NAMES, 1);
	assert_int_equal(hand_compact(&h, PERCENT), ERR_POISONED);
	assert_true(store_poisoned(w->s));
	assert_int_equal(hand_get(w, FIRST), 0);
	assert_int_equal(hand_compact(&h, PERCENT), ERR_POISONED);
	hand_crash(w, true);
	assert_int_equal(hand_get(w, FIRST), 0);
	assert_int_equal(hand_get(w, MIDDLE), ERR_NOT_FOUND);
}

static bool stop_at_once(struct hand_chores *hand, uint64_t bytes)
{
	(void)bytes;
	return hand->bytes < 100000;
}

static void it_stops_when_told_to(void **state)
{
	(void)state;
	hand_make_victim(w);
	h.pace = stop_at_once;
	assert_int_equal(hand_compact(&h, PERCENT), -ECANCELED);
	h.pace = NULL;
	assert_int_equal(hand_compact(&h, PERCENT), 0);
	assert_int_equal(hand_get(w, FIRST), 0);
}

/* The power goes before each call to the disk in turn. */
static void a_crash_at_any_step_loses_nothing(void **state)
{
	bool done = false;
	(void)state;

	for (uint64_t step = 1; !done; step++) {
		for (int kind = 0; kind < CUT_KINDS; kind++) {
			int rc;

			hand_make_hidden_put(w);
			vdisk_die_before(w->v, step);
			rc = hand_compact(&h, PERCENT);
			done = rc == 0 && !vdisk_dead(w->v);
			world_power_cut(w, (enum power_cut)kind);
			if (step % 2)
				tindex_rewind(w->index, 1000);
			hand_start(w);
			assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
			assert_int_equal(hand_get(w, SMALL), ERR_NOT_FOUND);
			assert_int_equal(hand_get(w, SMALL + 1), 0);
			assert_int_equal(hand_get(w, KEY(13)), 0);
			assert_int_equal(hand_get(w, MIDDLE), 0);
			assert_int_equal(hand_compact(&h, PERCENT), 0);
			assert_false(hand_segment_exists(w, 2));
			teardown(state);
			setup(state);
		}
		assert_true(step < 100);
	}
}

#define on_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_world(bad_records_are_not_moved),
		on_world(either_check_is_made),
		on_world(a_copy_with_a_damaged_head_leaves_the_index),
		on_world(a_disk_that_does_not_answer_costs_no_copy),
		on_world(a_full_disk_is_compacted),
		on_world(nothing_is_removed_before_a_checkpoint),
		on_world(what_counts_is_never_removed),
		on_world(a_file_that_does_not_go_is_tried_again),
		on_world(an_unsynced_folder_poisons_the_disk),
		on_world(it_stops_when_told_to),
		on_world(a_crash_at_any_step_loses_nothing),
	};

	log_open("test", LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
