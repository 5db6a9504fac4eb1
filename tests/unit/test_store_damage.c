/* Named disasters, one a test: what each may cost, and that it costs no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/crc32c.h"
#include "proto/base/log.h"
#include "proto/model/cluster.h"
#include "storage/daemon/record.h"
#include "tests/unit/storage/hands.h"

static struct world *w;

static int setup(void **state)
{
	(void)state;
	w = world_new(42);
	return world_start(w) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	world_free(w);
	return 0;
}

static struct store_op op_of(enum store_op_kind kind, int n, struct iovec *part)
{
	int digest = w->keys[n].digest;
	struct store_op op = {.kind = kind, .key = w->keys[n].key};

	*part = (struct iovec){(void *)world_bytes(digest), world_len(digest)};
	op.parts = part;
	op.part_count = 1;
	op.len = world_len(digest);
	op.crcs = world_crcs(digest);
	return op;
}

/* Die, lose the index if asked to, start. */
static void crash(bool lose_index)
{
	w->poisoned = false;
	world_power_cut(w, CUT_ALL);
	if (lose_index)
		tindex_rewind(w->index, 1000);
	assert_true(store_open(vdisk_attach(w->v), tindex_attach(w->index),
			       &(struct store_options){.name = "virtual",
						       .segment_size = WORLD_SEGMENT,
						       .floor = 0,
						       .checkpoint_bytes = WORLD_SEGMENT},
			       &w->s) == 0);
}

/* The forger knows everything but the salt: the place of each byte, the ids, the next seq. */
static void a_payload_full_of_records_is_never_believed(void **state)
{
	enum { LEN = 300000 };
	unsigned char *payload = calloc(1, LEN), head[RECORD_HEAD_MAX];
	struct iovec part = {payload, LEN};
	struct chunk_key forged = {.digest = "forged", .gen = 1},
			 key = {.digest = "k", .gen = 1};
	uint32_t crcs[CHUNK_BLOCKS_MAX], crc = 0;
	struct store_op op = {.kind = STORE_PUT,
			      .key = key,
			      .parts = &part,
			      .part_count = 1,
			      .len = LEN,
			      .crcs = crcs},
			*order = &op;
	struct store_entry listed[4];
	uint64_t start = SEGMENT_START + record_head_size(LEN);
	size_t count;
	(void)state;

	for (uint64_t at = SEGMENT_START + 512; at + RECORD_ALIGN * 2 < start + LEN;
	     at += 2 * RECORD_ALIGN) {
		struct record r = {RECORD_PUT, forged, 0, 2, {1, at}};

		memcpy(payload + (at - start), head, record_encode(&r, 0, &crc, head));
	}
	store_block_crcs(&part, 1, crcs);
	store_commit(w->s, &order, 1);
	assert_int_equal(op.result, 0);
	/* The record around the payload is torn off: the walk goes through the payload. */
	hand_flip(w, 1, SEGMENT_START + 20);
	crash(true);
	assert_int_equal(hand_stats(w).chunks, 0);
	assert_int_equal(store_list(w->s, 0, PARTITIONS - 1, NULL, listed, 4, &count), 0);
	assert_int_equal(count, 0);
	assert_false(store_has(w->s, &forged, NULL));
	free(payload);
}

/* Three records in one batch; each header in turn is damaged. */
static void rot_costs_the_record_it_hits(void **state)
{
	(void)state;
	for (int hit = 0; hit < 3; hit++) {
		struct iovec parts[3];
		struct store_op ops[3], *order[3];

		for (int i = 0; i < 3; i++) {
			ops[i] = op_of(STORE_PUT, FIRST + 10 * hit + i, &parts[i]);
			order[i] = &ops[i];
		}
		hand_put(w, FIRST + 10 * hit + 5);
		store_commit(w->s, order, 3);
		hand_put(w, FIRST + 10 * hit + 6);
		/* In a fresh segment: one record, the batch of three, one record. */
		hand_flip(w, (uint64_t)hit + 1,
			  hand_record(w, (uint64_t)hit + 1, 1 + hit) + 30);
		crash(true);
		for (int i = 0; i < 3; i++)
			assert_int_equal(hand_get(w, FIRST + 10 * hit + i),
					 i == hit ? ERR_NOT_FOUND : 0);
		assert_int_equal(hand_get(w, FIRST + 10 * hit + 5), 0);
		assert_int_equal(hand_get(w, FIRST + 10 * hit + 6), 0);
	}
	assert_int_equal(hand_stats(w).replayed_gaps, 3);
}

static void a_checkpoint_in_an_older_segment_is_enough(void **state)
{
	(void)state;
	hand_put(w, MIDDLE);
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_put(w, SMALL);
	hand_put(w, LARGE); /* in a segment of its own, the second */
	hand_put(w, LARGE + 1);
	hand_put(w, FIRST);
	assert_true(hand_stats(w).segments >= 3);
	crash(false);
	assert_false(hand_stats(w).index_rebuilt);
	assert_int_equal(hand_stats(w).replayed, 4);
	assert_int_equal(hand_get(w, MIDDLE), 0);
	assert_int_equal(hand_get(w, SMALL), 0);
	assert_int_equal(hand_get(w, LARGE), 0);
	assert_int_equal(hand_get(w, LARGE + 1), 0);
	assert_int_equal(hand_get(w, FIRST), 0);
}

static void unreadable_pages_cost_what_is_on_them(void **state)
{
	(void)state;
	hand_put(w, SMALL);
	hand_put(w, MIDDLE);
	hand_put(w, FIRST);
	vdisk_bad_page(w->v, 1, hand_record(w, 1, 1) + 100000);
	crash(true);
	assert_int_equal(hand_get(w, SMALL), 0);
	assert_int_equal(hand_get(w, FIRST), 0);
	assert_int_equal(hand_get(w, MIDDLE), ERR_NOT_FOUND);
	assert_int_equal(hand_stats(w).bad_chunks, 1);
	hand_put(w, MIDDLE);
	assert_int_equal(hand_get(w, MIDDLE), 0);
	assert_int_equal(hand_stats(w).bad_chunks, 0);
}

static void a_bad_copy_is_healed_by_the_same_put(void **state)
{
	(void)state;
	hand_put(w, SMALL);
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_flip(w, 1, hand_record(w, 1, 0) + 1000);
	assert_int_equal(hand_get(w, SMALL), ERR_CORRUPT);
	assert_int_equal(hand_get(w, SMALL), ERR_NOT_FOUND);
	hand_put(w, SMALL);
	assert_int_equal(hand_get(w, SMALL), 0);
	crash(false);
	assert_int_equal(hand_get(w, SMALL), 0);
	crash(true);
	assert_int_equal(hand_get(w, SMALL), 0);
	/* Dropped and deleted: the old index must not bring it back. */
	assert_int_equal(store_checkpoint(w->s), 0);
	hand_flip(w, 1, hand_record(w, 1, 1) + 1000);
	assert_int_equal(hand_get(w, SMALL), ERR_CORRUPT);
	assert_int_equal(hand_commit(w, STORE_DEL, SMALL), 0);
	crash(false);
	assert_int_equal(hand_get(w, SMALL), ERR_NOT_FOUND);
	assert_int_equal(hand_stats(w).bad_chunks, 0);
}

static void a_wrong_index_never_gives_wrong_bytes(void **state)
{
	struct index_base *base;
	struct index_entry a, b;
	struct watermark mark;
	(void)state;

	hand_put(w, FIRST);
	hand_put(w, FIRST + 2);
	assert_int_equal(store_checkpoint(w->s), 0);
	world_kill(w);
	base = tindex_attach(w->index);
	assert_int_equal(base->ops->get(base, &w->keys[FIRST].key, &a), 0);
	assert_int_equal(base->ops->get(base, &w->keys[FIRST + 2].key, &b), 0);
	for (int variant = 0; variant < 4; variant++) {
		struct index_entry wrong = a;
		unsigned char node[STORE_UUID_SIZE];

		wrong.place.offset = variant == 1 ? a.place.offset + 64 : b.place.offset;
		wrong.place.segment = variant == 2 ? 77 : a.place.segment;
		wrong.len = variant == 3 ? b.len : a.len;
		memcpy(node, vdisk_bytes(w->v, 1) + 16, sizeof(node));
		assert_int_equal(base->ops->load(base, node, &mark), 0);
		assert_int_equal(base->ops->apply(base, &wrong, 1, &mark), 0);
		base->ops->free(base);
		crash(false);
		assert_true(hand_get(w, FIRST) < 0);
		assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
		assert_int_equal(hand_get(w, FIRST + 2), 0);
		hand_put(w, FIRST);
		assert_int_equal(hand_get(w, FIRST), 0);
		assert_int_equal(store_checkpoint(w->s), 0);
		world_kill(w);
		base = tindex_attach(w->index);
	}
	base->ops->free(base);
}

static void a_disk_that_went_back_in_time_knows_what_it_lacks(void **state)
{
	struct vdisk *before;
	(void)state;

	hand_put(w, SMALL);
	before = vdisk_clone(w->v);
	hand_put(w, LARGE);
	hand_put(w, FIRST);
	assert_int_equal(store_checkpoint(w->s), 0);
	world_kill(w);
	vdisk_free(w->v);
	w->v = before;
	crash(false);
	assert_int_equal(hand_get(w, SMALL), 0);
	assert_int_equal(hand_get(w, LARGE), ERR_NOT_FOUND);
	assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
	assert_int_equal(hand_stats(w).chunks, 1);
	hand_put(w, LARGE);
	hand_put(w, FIRST);
	crash(false);
	assert_int_equal(hand_get(w, SMALL), 0);
	assert_int_equal(hand_get(w, LARGE), 0);
	assert_int_equal(hand_get(w, FIRST), 0);
}

static void a_lost_segment_is_left_alone(void **state)
{
	unsigned char noise[SEGMENT_START];
	(void)state;

	hand_put(w, SMALL);
	hand_put(w, LARGE);
	hand_put(w, LARGE + 1);
	memset(noise, 0x55, sizeof(noise));
	vdisk_overwrite(w->v, 2, 0, noise, sizeof(noise));
	crash(true);
	assert_int_equal(hand_get(w, SMALL), 0);
	assert_int_equal(hand_get(w, LARGE), ERR_NOT_FOUND);
	assert_int_equal(hand_get(w, LARGE + 1), 0);
	assert_true(vdisk_size(w->v, 2) > WORLD_SEGMENT);
	hand_put(w, LARGE);
	assert_int_equal(hand_get(w, LARGE), 0);
	crash(true);
	assert_int_equal(hand_get(w, LARGE), 0);
}

/* Somebody cut the file short, at a page or anywhere, before or after a checkpoint. */
static void a_truncated_segment_costs_what_was_cut_off(void **state)
{
	for (int i = 0; i < 16; i++) {
		hand_put(w, SMALL);
		hand_put(w, MIDDLE);
		hand_put(w, FIRST);
		if (i & 1)
			assert_int_equal(store_checkpoint(w->s), 0);
		world_kill(w);
		vdisk_cut_short(w->v, 1, hand_record(w, 1, 1) + (uint64_t)i / 4 * 49153);
		crash(i & 2);
		assert_int_equal(hand_get(w, SMALL), 0);
		assert_int_equal(hand_get(w, MIDDLE), ERR_NOT_FOUND);
		assert_int_equal(hand_get(w, FIRST), ERR_NOT_FOUND);
		hand_put(w, MIDDLE);
		crash(i & 2);
		assert_int_equal(hand_get(w, SMALL), 0);
		assert_int_equal(hand_get(w, MIDDLE), 0);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

static void one_damaged_superblock_costs_nothing(void **state)
{
	(void)state;
	for (uint64_t page = 0; page < 2; page++) {
		hand_put(w, FIRST + (int)page);
		hand_flip(w, page + 1, page * LOG_PAGE + 40);
		crash(true);
		assert_int_equal(hand_get(w, FIRST), 0);
		assert_int_equal(hand_get(w, FIRST + (int)page), 0);
	}
}

static void another_version_is_refused_another_disk_is_ignored(void **state)
{
	struct superblock super;
	unsigned char page[LOG_PAGE];
	struct store *s;
	(void)state;

	hand_put(w, SMALL);
	hand_put(w, LARGE);
	world_kill(w);
	assert_int_equal(superblock_decode(vdisk_bytes(w->v, 2), &super), 0);
	super.node[3] ^= 1;
	superblock_encode(&super, page);
	vdisk_overwrite(w->v, 2, 0, page, LOG_PAGE);
	crash(true);
	assert_int_equal(hand_get(w, SMALL), 0);
	assert_int_equal(hand_get(w, LARGE), ERR_NOT_FOUND);
	world_kill(w);
	page[8]++;
	*(uint32_t *)(void *)(page + LOG_PAGE - 4) = crc32c_add(0, page, LOG_PAGE - 4);
	vdisk_overwrite(w->v, 2, 0, page, LOG_PAGE);
	assert_int_equal(store_open(vdisk_attach(w->v), tindex_attach(w->index),
				    &(struct store_options){.name = "virtual",
							    .segment_size = WORLD_SEGMENT,
							    .floor = 0,
							    .checkpoint_bytes = 1},
				    &s),
			 -EPROTO);
}

static void a_full_disk_refuses_puts_and_takes_deletes(void **state)
{
	(void)state;
	hand_put(w, SMALL);
	hand_put(w, FIRST);
	world_fill(w, true);
	/* What fits the open segment has its room already. */
	hand_put(w, FIRST + 2);
	assert_int_equal(hand_commit(w, STORE_PUT, LARGE), ERR_FULL);
	assert_int_equal(hand_stats(w).room_bytes < WORLD_SEGMENT, 1);
	assert_int_equal(hand_commit(w, STORE_DEL, SMALL), 0);
	crash(false);
	world_fill(w, true);
	assert_int_equal(hand_commit(w, STORE_DEL, FIRST), 0);
	assert_int_equal(hand_get(w, FIRST + 2), 0);
	/* The delete has opened a segment; when it is used up, PUTs are refused again. */
	for (int n = KEY(0), full = 0; !full; n++) {
		int rc;

		assert_true(n < KEY(16));
		rc = hand_commit(w, STORE_PUT, n);
		full = rc == ERR_FULL;
		assert_true(rc == 0 || full);
	}
	assert_true(hand_stats(w).free_bytes > 4 * WORLD_SEGMENT);
	world_fill(w, false);
	hand_put(w, LARGE);
	assert_int_equal(hand_get(w, LARGE), 0);
}

static void leave_free(uint64_t bytes)
{
	vdisk_occupy(w->v, 0);
	vdisk_occupy(w->v, hand_stats(w).free_bytes - bytes);
}

static void room_is_what_a_put_can_have(void **state)
{
	uint64_t largest = SEGMENT_START + CHUNK_MAX + LOG_PAGE;
	struct store_stats stats;

	(void)state;
	hand_put(w, SMALL);
	leave_free(WORLD_FLOOR + WORLD_SEGMENT - LOG_PAGE);
	stats = hand_stats(w);
	assert_true(stats.full);
	assert_true(stats.room_bytes < WORLD_SEGMENT);
	assert_int_equal(hand_commit(w, STORE_PUT, LARGE), ERR_FULL);
	/* Segments can be begun, but none for the largest chunk. */
	leave_free(WORLD_FLOOR + largest - LOG_PAGE);
	stats = hand_stats(w);
	assert_true(stats.full);
	assert_true(stats.room_bytes >= 4 * WORLD_SEGMENT);
	assert_int_equal(hand_commit(w, STORE_PUT, LARGE), ERR_FULL);
	leave_free(WORLD_FLOOR + largest);
	assert_false(hand_stats(w).full);
	hand_put(w, LARGE);
	assert_true(hand_stats(w).full);
}

static void nothing_is_answered_before_a_failed_write_is_cut_off(void **state)
{
	(void)state;
	hand_put(w, SMALL);
	vdisk_fail(w->v, FAULT_WRITE, 1);
	assert_int_equal(hand_commit(w, STORE_DEL, SMALL), -EIO);
	assert_int_equal(hand_get(w, SMALL), 0);
	/* No new segment, no answer: not even for what is there. */
	for (int i = 0; i < 3; i++) {
		vdisk_fail(w->v, FAULT_CREATE, 1);
		assert_int_equal(hand_commit(w, STORE_PUT, SMALL), -EIO);
		vdisk_fail(w->v, FAULT_WRITE, 1);
		assert_int_equal(hand_commit(w, STORE_DEL, FIRST), -EIO);
	}
	vdisk_fail_none(w->v);
	hand_put(w, SMALL);
	crash(true);
	assert_int_equal(hand_get(w, SMALL), 0);
}

/*
 * The segment that cuts off a failed write is made, its name not yet synced, when the process
 * is killed: the next one believes the cut, and so must every one after it.
 */
static void a_cut_that_was_believed_once_stays(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		hand_put(w, SMALL);
		hand_put(w, FIRST + (int)seed); /* there is an open segment now */
		vdisk_seed(w->v, seed); /* chooses how much of the failed write is there */
		vdisk_fail(w->v, FAULT_WRITE, 1);
		assert_int_equal(hand_commit(w, STORE_DEL, SMALL), -EIO);
		vdisk_die_before(w->v, 4); /* create, write, sync, then the name */
		assert_int_equal(hand_commit(w, STORE_DEL, FIRST), ERR_POISONED);
		world_kill(w);
		assert_true(world_start(w) || w->s);
		assert_int_equal(hand_get(w, SMALL), 0);
		hand_put(w, SMALL);
		world_power_cut(w, CUT_NONE);
		tindex_rewind(w->index, 1000);
		assert_true(world_start(w) || w->s);
		assert_int_equal(hand_get(w, SMALL), 0);
	}
}

/*
 * A torn group lies behind the end of the log, and how much of it will be seen by the next
 * recovery nobody knows. Whatever is written after a crash goes into a new segment.
 */
static void nothing_is_written_to_a_segment_of_an_earlier_life(void **state)
{
	(void)state;
	for (int kind = 0; kind <= CUT_KINDS; kind++) {
		unsigned char *before;
		uint64_t size;

		hand_put(w, SMALL);
		hand_put(w, MIDDLE);
		vdisk_die_before(w->v, 2); /* the sync of the group */
		assert_true(hand_commit(w, STORE_PUT, FIRST) < 0);
		if (kind < CUT_KINDS)
			world_power_cut(w, (enum power_cut)kind);
		else
			world_kill(w);
		assert_true(world_start(w) || w->s);
		size = vdisk_size(w->v, 1);
		before = malloc(size);
		memcpy(before, vdisk_bytes(w->v, 1), size);
		hand_put(w, FIRST + 2);
		assert_int_equal(hand_commit(w, STORE_DEL, SMALL), 0);
		assert_int_equal(vdisk_size(w->v, 1), size);
		assert_memory_equal(vdisk_bytes(w->v, 1), before, size);
		assert_true(vdisk_bytes(w->v, 2) != NULL);
		free(before);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

static void a_poisoned_disk_reads_and_nothing_else(void **state)
{
	(void)state;
	hand_put(w, SMALL);
	vdisk_fail(w->v, FAULT_SYNC, 1);
	assert_int_equal(hand_commit(w, STORE_PUT, FIRST), ERR_POISONED);
	assert_true(store_poisoned(w->s));
	assert_int_equal(hand_commit(w, STORE_PUT, FIRST), ERR_POISONED);
	assert_int_equal(hand_commit(w, STORE_PUT, SMALL), ERR_POISONED);
	assert_int_equal(hand_commit(w, STORE_DEL, FIRST), ERR_POISONED);
	assert_int_equal(store_checkpoint(w->s), ERR_POISONED);
	assert_int_equal(hand_get(w, SMALL), 0);
	crash(false);
	assert_false(store_poisoned(w->s));
	hand_put(w, FIRST);
	assert_int_equal(hand_get(w, FIRST), 0);
}

#define on_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_world(a_payload_full_of_records_is_never_believed),
		on_world(rot_costs_the_record_it_hits),
		on_world(a_checkpoint_in_an_older_segment_is_enough),
		on_world(unreadable_pages_cost_what_is_on_them),
		on_world(a_bad_copy_is_healed_by_the_same_put),
		on_world(a_wrong_index_never_gives_wrong_bytes),
		on_world(a_disk_that_went_back_in_time_knows_what_it_lacks),
		on_world(a_lost_segment_is_left_alone),
		on_world(a_truncated_segment_costs_what_was_cut_off),
		on_world(one_damaged_superblock_costs_nothing),
		on_world(another_version_is_refused_another_disk_is_ignored),
		on_world(a_full_disk_refuses_puts_and_takes_deletes),
		on_world(room_is_what_a_put_can_have),
		on_world(nothing_is_answered_before_a_failed_write_is_cut_off),
		on_world(a_cut_that_was_believed_once_stays),
		on_world(nothing_is_written_to_a_segment_of_an_earlier_life),
		on_world(a_poisoned_disk_reads_and_nothing_else),
	};

	log_open("test", LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
