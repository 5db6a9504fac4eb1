/* One operation at a time. */
#include "tests/unit/storage/hands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/daemon/record.h"

#define CALLS_MAX 100

int hand_commit(struct world *w, enum store_op_kind kind, int n)
{
	int digest = w->keys[n].digest;
	struct iovec part = {(void *)world_bytes(digest), world_len(digest)};
	struct store_op op = {.kind = kind,
			      .key = w->keys[n].key,
			      .parts = &part,
			      .part_count = 1,
			      .len = world_len(digest),
			      .crcs = world_crcs(digest)},
			*order = &op;

	store_commit(w->s, &order, 1);
	return op.result;
}

void hand_put(struct world *w, int n)
{
	assert_int_equal(hand_commit(w, STORE_PUT, n), 0);
}

void hand_delete(struct world *w, int n)
{
	assert_int_equal(hand_commit(w, STORE_DEL, n), 0);
}

int hand_get(struct world *w, int n)
{
	unsigned char *bytes = malloc(CHUNK_MAX);
	struct store_piece piece;
	int rc = store_read(w->s, &w->keys[n].key, false, 0, CHUNK_MAX, bytes, &piece);

	if (rc == 0) {
		assert_int_equal(piece.len, world_len(w->keys[n].digest));
		assert_memory_equal(bytes, world_bytes(w->keys[n].digest), piece.len);
	} else if (rc == ERR_CORRUPT) {
		store_drop_bad(w->s, &piece.key, &piece.place);
	}
	free(bytes);
	return rc;
}

void hand_start(struct world *w)
{
	static const struct store_options options = {
		.name = "virtual", .segment_size = WORLD_SEGMENT, .checkpoint_bytes = 1 << 20};

	assert_int_equal(
		store_open(vdisk_attach(w->v), tindex_attach(w->index), &options, &w->s), 0);
}

void hand_crash(struct world *w, bool lose_index)
{
	w->poisoned = false;
	world_power_cut(w, CUT_NONE);
	if (lose_index)
		tindex_rewind(w->index, 1000);
	hand_start(w);
}

void hand_begin_segment(struct world *w)
{
	/* After a start the log goes on in a new one. */
	assert_int_equal(store_close(w->s), 0);
	hand_start(w);
}

void hand_make_victim(struct world *w)
{
	hand_put(w, FIRST);
	hand_put(w, MIDDLE);
	hand_put(w, MIDDLE + 1);
	hand_begin_segment(w);
	hand_delete(w, MIDDLE);
	hand_delete(w, MIDDLE + 1);
}

void hand_make_hidden_put(struct world *w)
{
	hand_put(w, FIRST);
	for (int n = KEY(13); n < KEY(15); n++)
		hand_put(w, n);
	hand_begin_segment(w);
	hand_put(w, SMALL);
	hand_put(w, SMALL + 1);
	hand_delete(w, FIRST);
	hand_begin_segment(w);
	hand_delete(w, SMALL);
}

struct store_stats hand_stats(struct world *w)
{
	struct store_stats s;

	store_stats(w->s, &s);
	return s;
}

bool hand_segment_exists(struct world *w, uint64_t id)
{
	return vdisk_bytes(w->v, id) != NULL;
}

uint64_t hand_record(struct world *w, uint64_t segment, int n)
{
	const unsigned char *bytes = vdisk_bytes(w->v, segment);
	struct store_place at = {segment, SEGMENT_START};
	struct superblock super;

	assert_int_equal(superblock_decode(bytes, &super), 0);
	for (;;) {
		struct record r;

		if (record_decode(bytes + at.offset, super.salt, &at, &r) < 0) {
			at.offset += RECORD_ALIGN;
			continue;
		}
		if (n-- == 0)
			return at.offset;
		at.offset += record_size(r.len);
	}
}

void hand_flip(struct world *w, uint64_t segment, uint64_t offset)
{
	unsigned char byte = vdisk_bytes(w->v, segment)[offset] ^ 0x04;

	vdisk_overwrite(w->v, segment, offset, &byte, 1);
}

static void on_commit(void *arg, struct store_op *const ops[], size_t count)
{
	struct hand_chores *h = arg;

	if (h->before_commit)
		h->before_commit(h);
	if (!h->overtaken)
		store_commit(h->w->s, ops, count);
	for (size_t i = 0; i < count && h->overtaken; i++)
		ops[i]->result = ERR_CONFLICT;
}

static bool on_pace(void *arg, uint64_t bytes)
{
	struct hand_chores *h = arg;

	h->bytes += bytes;
	return !h->pace || h->pace(h, bytes);
}

static void on_bad(void *arg, const struct chunk_key *key)
{
	struct hand_chores *h = arg;

	(void)key;
	h->found_bad++;
}

int hand_compact_once(struct hand_chores *h, unsigned percent)
{
	struct chores chores = {on_commit, on_pace, on_bad, h};

	return store_compact(h->w->s, &chores, percent, &h->report);
}

int hand_compact(struct hand_chores *h, unsigned percent)
{
	int rc = 1;

	for (int i = 0; i < CALLS_MAX && rc > 0; i++)
		rc = hand_compact_once(h, percent);
	return rc;
}

int hand_scrub(struct hand_chores *h, int64_t age_s, int64_t now_s)
{
	struct chores chores = {on_commit, on_pace, on_bad, h};

	return store_scrub(h->w->s, &chores, age_s, now_s, &h->report);
}
