/* gateway/chunk_fill.h: hashes and bytes stay right however a blob is read and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/chunk_fill.h"

static struct loop *loop;
static struct buf_pool *pool;

static int open_pool(void **state)
{
	(void)state;
	loop = loop_new();
	pool = buf_pool_new(loop, 64 * BUF_BLOCK);
	return 0;
}

static int close_pool(void **state)
{
	(void)state;
	loop_turn(loop, 0);
	assert_int_equal(buf_used(pool), 0);
	buf_pool_free(pool);
	loop_free(loop);
	return 0;
}

/* A blob under test: what was given in, what came out in closed chunks. */
struct trial {
	struct chunk_fill fill;
	unsigned char *in;
	size_t in_len, given, out_len;
	struct hasher after;
	unsigned chunks;
};

static void trial_open(struct trial *t, size_t len, enum digest_algorithm algorithm)
{
	struct hasher h;

	memset(t, 0, sizeof(*t));
	t->in = xmalloc(len + 1);
	t->in_len = len;
	for (size_t i = 0; i < len; i++)
		t->in[i] = (unsigned char)rand();
	hasher_init(&h, algorithm);
	chunk_fill_init(&t->fill, &h);
	t->after = h;
}

/* Checks a closed chunk against the input, and drops it. */
static void take(struct trial *t, struct chunk_closed *c)
{
	unsigned char sha256[SHA256_BYTES];
	size_t at = t->out_len;

	sha256_of(t->in + at, c->len, sha256);
	assert_memory_equal(sha256, c->sha256, SHA256_BYTES);
	for (unsigned i = 0; i < c->count; i++) {
		if (i + 1 < c->count)
			assert_int_equal(c->block[i]->len, BUF_BLOCK);
		assert_memory_equal(c->block[i]->data, t->in + at, c->block[i]->len);
		at += c->block[i]->len;
		buf_unref(c->block[i]);
	}
	assert_int_equal(at - t->out_len, c->len);
	t->out_len = at;
	t->after = c->blob;
	t->chunks++;
}

static void give(struct trial *t, size_t len)
{
	unsigned char *at;

	while (len > 0) {
		size_t room = chunk_fill_room(&t->fill, &at);

		if (chunk_fill_full(&t->fill)) {
			struct chunk_closed c;

			assert_true(chunk_fill_close(&t->fill, &c));
			take(t, &c);
		} else if (room == 0) {
			struct buf *b = buf_get(pool, BUF_BLOCK);

			assert_non_null(b);
			chunk_fill_block(&t->fill, b);
		} else {
			room = room < len ? room : len;
			memcpy(at, t->in + t->given, room);
			chunk_fill_add(&t->fill, room);
			t->given += room;
			len -= room;
		}
	}
}

static void trial_close(struct trial *t)
{
	struct digest expected, actual;
	struct chunk_closed c;

	if (t->fill.carried > 0) {
		struct buf *b = buf_get(pool, CHUNK_ALIGN);

		assert_non_null(b);
		chunk_fill_block(&t->fill, b);
	}
	if (chunk_fill_close(&t->fill, &c))
		take(t, &c);
	assert_int_equal(t->out_len, t->in_len);
	digest_of(t->after.algorithm, t->in, t->in_len, &expected);
	hasher_digest(&t->after, &actual);
	assert_true(digest_equal(&expected, &actual));
	chunk_fill_fini(&t->fill);
	free(t->in);
}

static void sizes(void **state)
{
	static const size_t lengths[] = {
		0, 1, 63, 64, 65, BUF_BLOCK, BUF_BLOCK + 1, CHUNK_MAX, CHUNK_MAX + 1};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct trial t;

		trial_open(&t, lengths[i], i % 2 ? DIGEST_SHA256 : DIGEST_SHA512);
		give(&t, lengths[i]);
		trial_close(&t);
		assert_int_equal(t.chunks, (lengths[i] + CHUNK_MAX - 1) / CHUNK_MAX);
	}
}

static void cuts_at_random(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 60; round++) {
		size_t len = (size_t)rand() % (3 * BUF_BLOCK);
		struct trial t;

		trial_open(&t, len, round % 3 ? DIGEST_SHA256 : DIGEST_SHA512);
		while (t.given < len) {
			size_t n = (size_t)rand() % (round % 2 ? 200 : 100000) + 1;
			struct chunk_closed c;

			give(&t, n < len - t.given ? n : len - t.given);
			if (rand() % 4 == 0 && chunk_fill_cut(&t.fill, &c)) {
				assert_int_equal(c.len % CHUNK_ALIGN, 0);
				take(&t, &c);
			}
		}
		trial_close(&t);
	}
}

static void cut_gives_memory_back(void **state)
{
	struct chunk_closed c;
	struct trial t;

	(void)state;
	trial_open(&t, 40, DIGEST_SHA256);
	give(&t, 40);
	assert_false(chunk_fill_cut(&t.fill, &c));
	loop_turn(loop, 0);
	assert_int_equal(buf_used(pool), 0);
	assert_int_equal(chunk_fill_pending(&t.fill), 40);
	assert_false(chunk_fill_cut(&t.fill, &c));
	trial_close(&t);
}

/* The body ends right after a block was taken for more of it. */
static void no_empty_block_is_sent(void **state)
{
	struct chunk_closed c;
	struct trial t;

	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		trial_open(&t, BUF_BLOCK, DIGEST_SHA256);
		give(&t, BUF_BLOCK);
		chunk_fill_block(&t.fill, buf_get(pool, BUF_BLOCK));
		assert_true(cut ? chunk_fill_cut(&t.fill, &c) : chunk_fill_close(&t.fill, &c));
		assert_int_equal(c.count, 1);
		take(&t, &c);
		trial_close(&t);
	}
}

/* An upload that goes on in another process: the state is saved between two chunks. */
static void resumed(void **state)
{
	unsigned char saved[HASHER_SAVED_MAX];
	struct chunk_closed c;
	struct hasher h;
	struct trial t;
	size_t n;

	(void)state;
	trial_open(&t, 1000, DIGEST_SHA256);
	give(&t, 333);
	assert_true(chunk_fill_close(&t.fill, &c));
	take(&t, &c);
	n = hasher_save(&t.after, saved);
	chunk_fill_fini(&t.fill);
	assert_int_equal(hasher_load(&h, saved, n), 0);
	chunk_fill_init(&t.fill, &h);
	give(&t, 667);
	trial_close(&t);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_pool, close_pool)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(sizes), CASE(cuts_at_random),
					   CASE(cut_gives_memory_back),
					   CASE(no_empty_block_is_sent), CASE(resumed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
