/*
 * The scrub, one case a test: what it finds, how it keeps pace with the time, where it goes on.
 * Times are given in seconds; AGE is how old a check may become.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/log.h"
#include "storage/daemon/record.h"
#include "tests/unit/storage/hands.h"

#define DAY   (24 * 3600)
#define AGE   (14 * DAY)
#define START 1700000000

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

/* Do all that is due at this time; returns how many copies were found good. */
static uint64_t scrub_at(int64_t now)
{
	uint64_t before = h.report.checked;
	int rc = 1;

	for (int i = 0; i < 200 && rc > 0; i++)
		rc = hand_scrub(&h, AGE, now);
	assert_int_equal(rc, 0);
	return h.report.checked - before;
}

/* Eight segments with one MIDDLE-sized chunk each. */
static void fill(void)
{
	for (int i = 0; i < 8; i++) {
		hand_put(w, KEY(12 + i % 3) + i / 4);
		hand_put(w, KEY(20 + i));
		hand_begin_segment(w);
	}
}

static void everything_is_read_and_what_is_dead_is_not(void **state)
{
	(void)state;
	hand_put(w, MIDDLE);
	hand_put(w, SMALL);
	hand_put(w, FIRST);
	hand_delete(w, SMALL);
	assert_int_equal(scrub_at(START), 2 + 2); /* as new, and as part of the pass */
	assert_int_equal(scrub_at(START + 60), 0);
	assert_int_equal(h.found_bad, 0);
}

static void rot_is_found(void **state)
{
	(void)state;
	hand_put(w, MIDDLE);
	hand_put(w, SMALL);
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_flip(w, 1, hand_record(w, 1, 0) + 150000);
	scrub_at(START);
	assert_int_equal(h.report.bad, 1);
	assert_int_equal(h.found_bad, 1);
	assert_int_equal(hand_get(w, MIDDLE), ERR_NOT_FOUND);
	assert_int_equal(hand_stats(w).bad_chunks, 1);
	assert_int_equal(hand_get(w, SMALL), 0);
	hand_put(w, MIDDLE);
	assert_int_equal(hand_get(w, MIDDLE), 0);
}

static void a_page_that_cannot_be_read_is_found(void **state)
{
	(void)state;
	hand_put(w, MIDDLE);
	vdisk_bad_page(w->v, 1, hand_record(w, 1, 0) + 150000);
	scrub_at(START);
	assert_int_equal(h.found_bad, 1);
	assert_false(store_has(w->s, &w->keys[MIDDLE].key, NULL));
}

static void a_disk_that_does_not_answer_costs_no_copy(void **state)
{
	(void)state;
	hand_put(w, FIRST);
	hand_put(w, LARGE); /* in segment 2 */
	for (uint64_t at = 0; at < 8 * LOG_PAGE; at += LOG_PAGE)
		vdisk_bad_page(w->v, 1, at);
	/* Not even the record can be seen, so the index is asked. */
	assert_int_equal(hand_scrub(&h, AGE, START), -EIO);
	assert_int_equal(h.found_bad, 0);
	assert_int_equal(hand_stats(w).chunks, 2);
	/* The next segment is not made to wait for it. */
	assert_int_equal(hand_scrub(&h, AGE, START), 1);
	assert_int_equal(h.report.checked, 1);
}

/* Right CRCs, another SHA-256. */
static void wrong_bytes_with_right_crcs_are_found(void **state)
{
	struct chunk_key key = {.digest = "of something else", .gen = 3};
	struct iovec part = {(void *)"bytes", 5};
	uint32_t crcs[CHUNK_BLOCKS_MAX];
	struct store_op op = {.kind = STORE_PUT,
			      .key = key,
			      .parts = &part,
			      .part_count = 1,
			      .len = 5,
			      .crcs = crcs},
			*order = &op;
	(void)state;

	store_block_crcs(&part, 1, crcs);
	store_commit(w->s, &order, 1);
	scrub_at(START);
	assert_int_equal(h.found_bad, 1);
	assert_false(store_has(w->s, &key, NULL));
}

static void a_copy_with_a_damaged_head_is_found(void **state)
{
	(void)state;
	hand_put(w, MIDDLE);
	hand_put(w, SMALL);
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_begin_segment(w);
	hand_flip(w, 1, hand_record(w, 1, 0) + 20);
	scrub_at(START);
	assert_int_equal(h.found_bad, 1);
	assert_int_equal(hand_get(w, MIDDLE), ERR_NOT_FOUND);
	assert_int_equal(hand_get(w, SMALL), 0);
}

static void a_pass_is_spread_over_its_time(void **state)
{
	uint64_t half;
	(void)state;

	fill();
	scrub_at(START); /* all of them as new ones, and the first of the pass */
	h.report = (struct chores_report){0};
	half = scrub_at(START + AGE * 3 / 8);
	assert_in_range(half, 4, 12);
	assert_in_range(half + scrub_at(START + AGE * 3 / 4), 14, 16);
	assert_int_equal(h.report.passes, 1);
	/* The next one has begun; nobody has to wait longer than AGE. */
	h.report = (struct chores_report){0};
	scrub_at(START + AGE * 3 / 2);
	assert_int_equal(h.report.passes, 1);
	assert_true(h.report.checked >= 14);
}

static void what_is_new_is_read_within_a_day(void **state)
{
	(void)state;
	fill();
	scrub_at(START);
	hand_put(w, SMALL);
	assert_int_equal(scrub_at(START + 60), 0);
	h.report = (struct chores_report){0};
	assert_true(scrub_at(START + DAY / 2) >= 1);
	hand_put(w, SMALL + 1);
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_flip(w, 9, hand_record(w, 9, 1) + 1000);
	scrub_at(START + DAY + 60);
	assert_int_equal(h.found_bad, 1);
}

static void it_goes_on_after_a_restart(void **state)
{
	uint64_t before;
	(void)state;

	fill();
	scrub_at(START);
	scrub_at(START + AGE / 4);
	hand_crash(w, false);
	h.report = (struct chores_report){0};
	before = scrub_at(START + AGE / 4 + 1);
	assert_true(before <= 2); /* not all as new once more */
	scrub_at(START + AGE * 3 / 4 - 1);
	assert_in_range(h.report.checked, 8, 14);
}

static void a_lost_or_foreign_place_is_harmless(void **state)
{
	static const char *const texts[] = {"",
					    "nonsense",
					    "scrub 1 1 1",
					    "scrub 2 1 1 1 1 1\n",
					    "scrub 1 9000000000000 77 99 4097 -5\n",
					    "scrub 1 -1 0 1 18446744073709551615 9\n"};
	(void)state;

	hand_put(w, MIDDLE);
	hand_put(w, SMALL);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct disk *disk;

		assert_int_equal(store_close(w->s), 0);
		disk = vdisk_attach(w->v);
		assert_int_equal(disk->ops->save(disk, "scrub", texts[i], strlen(texts[i])), 0);
		disk->ops->free(disk);
		hand_start(w);
		scrub_at(START);
		scrub_at(START + AGE);
		scrub_at(START + 2 * AGE);
		assert_int_equal(h.found_bad, 0);
		assert_true(h.report.checked >= 2);
		h.report = (struct chores_report){0};
	}
}

static bool stop_early(struct hand_chores *hand, uint64_t bytes)
{
	(void)bytes;
	return hand->bytes < 1000000;
}

static void the_rate_hears_of_every_byte_and_may_stop_it(void **state)
{
	(void)state;
	for (int n = KEY(12); n < KEY(18); n++)
		hand_put(w, n);
	h.pace = stop_early;
	assert_int_equal(hand_scrub(&h, AGE, START), 1);
	assert_int_equal(hand_scrub(&h, AGE, START), -ECANCELED);
	h.pace = NULL;
	scrub_at(START);
	assert_true(h.bytes > (4u << 20));
	assert_int_equal(h.found_bad, 0);
}

#define on_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_world(everything_is_read_and_what_is_dead_is_not),
		on_world(rot_is_found),
		on_world(a_page_that_cannot_be_read_is_found),
		on_world(a_disk_that_does_not_answer_costs_no_copy),
		on_world(wrong_bytes_with_right_crcs_are_found),
		on_world(a_copy_with_a_damaged_head_is_found),
		on_world(a_pass_is_spread_over_its_time),
		on_world(what_is_new_is_read_within_a_day),
		on_world(it_goes_on_after_a_restart),
		on_world(a_lost_or_foreign_place_is_harmless),
		on_world(the_rate_hears_of_every_byte_and_may_stop_it),
	};

	log_open("test", LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
