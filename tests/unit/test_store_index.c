/*
 * The index: LMDB and the one in memory that the other tests use do the same, and the deltas
 * over them show what was set, whatever a checkpoint is doing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/log.h"
#include "tests/unit/storage/rng.h"
#include "tests/unit/storage/tindex.h"

#define KEYS 300

static char dir[64];
static struct tindex *memory;
static struct index *real, *model;
static const unsigned char node[STORE_UUID_SIZE] = "a node";

static struct index *open_real(void)
{
	struct index_base *base;

	assert_int_equal(index_lmdb_open(dir, &base), 0);
	return index_new(base);
}

static int setup(void **state)
{
	struct index_base *base;
	(void)state;

	snprintf(dir, sizeof(dir), "/tmp/packhouse-index-XXXXXX");
	if (!mkdtemp(dir) || index_lmdb_open(dir, &base) < 0 ||
	    base->ops->reset(base, node) < 0)
		return -1;
	real = index_new(base);
	memory = tindex_new();
	base = tindex_attach(memory);
	if (base->ops->reset(base, node) < 0)
		return -1;
	model = index_new(base);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	index_free(real);
	index_free(model);
	tindex_free(memory);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct chunk_key key_of(uint64_t n)
{
	struct rng r = {n / 3};
	struct chunk_key key = {.gen = n % 3};

	for (int i = 0; i < CHUNK_DIGEST_SIZE; i++)
		key.digest[i] = (unsigned char)rng_next(&r);
	return key;
}

static void set_both(const struct index_entry *e, uint64_t at)
{
	struct watermark mark = {{1, at}, at};
	struct index_entry old_real, old_model;
	bool had;

	index_begin(real);
	index_begin(model);
	had = index_set(real, e, &old_real);
	assert_int_equal(had, index_set(model, e, &old_model));
	if (had) {
		assert_int_equal(old_real.state, old_model.state);
		assert_true(store_place_equal(&old_real.place, &old_model.place));
	}
	index_end(real, &mark);
	index_end(model, &mark);
}

static void compare_entries(const struct index_entry *a, const struct index_entry *b)
{
	assert_true(chunk_key_equal(&a->key, &b->key));
	assert_true(store_place_equal(&a->place, &b->place));
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->state, b->state);
}

static void compare_range(struct rng *r)
{
	struct index_entry a[KEYS], b[KEYS];
	struct chunk_key from = key_of(rng_below(r, KEYS)), to = key_of(rng_below(r, KEYS));
	size_t max = 1 + rng_below(r, KEYS), na, nb;

	assert_int_equal(index_list(real, &from, &to, a, max, &na), 0);
	assert_int_equal(index_list(model, &from, &to, b, max, &nb), 0);
	assert_int_equal(na, nb);
	for (size_t i = 0; i < na; i++)
		compare_entries(&a[i], &b[i]);
	from = key_of(rng_below(r, KEYS));
	nb = (size_t)index_get(model, &from, b);
	assert_int_equal(index_get(real, &from, a), (int)nb);
	if (nb == 0)
		compare_entries(a, b);
}

static void lmdb_does_what_the_model_does(void **state)
{
	struct rng r = {5};
	struct watermark done;
	(void)state;

	for (uint64_t i = 1; i < 6000; i++) {
		struct index_entry e = {key_of(rng_below(&r, KEYS)),
					{1 + rng_below(&r, 3), i * 64},
					(uint32_t)rng_below(&r, CHUNK_MAX),
					rng_percent(&r, 65) ? INDEX_GOOD : INDEX_GONE};
		bool marked;

		set_both(&e, i);
		if (rng_percent(&r, 10)) {
			marked = index_mark_bad(model, &e.key, &e.place, &e);
			assert_int_equal(index_mark_bad(real, &e.key, &e.place, &e), marked);
		}
		if (rng_percent(&r, 30))
			compare_range(&r);
		if (rng_percent(&r, 2)) {
			assert_int_equal(index_checkpoint(model, &done), 0);
			assert_int_equal(index_checkpoint(real, &done), 0);
			assert_int_equal(done.seq, i);
		} else if (rng_percent(&r, 1)) {
			tindex_fail(memory, true);
			assert_int_equal(index_checkpoint(model, &done), -EIO);
			tindex_fail(memory, false);
		}
	}
}

static void lmdb_keeps_what_was_checkpointed(void **state)
{
	struct watermark done, mark;
	struct index_entry e = {key_of(1), {7, 8192}, 5, INDEX_GOOD}, got;
	struct index_base *base;
	(void)state;

	set_both(&e, 1);
	assert_int_equal(index_checkpoint(real, &done), 0);
	e.key = key_of(2);
	set_both(&e, 2);
	index_free(real);
	assert_int_equal(index_lmdb_open(dir, &base), 0);
	assert_int_equal(base->ops->load(base, node, &mark), 0);
	assert_int_equal(mark.seq, 1);
	assert_int_equal(base->ops->load(base, (const unsigned char *)"another's  disk", &mark),
			 ERR_NOT_FOUND);
	real = index_new(base);
	e.key = key_of(1);
	assert_int_equal(index_get(real, &e.key, &got), 0);
	compare_entries(&got, &e);
	e.key = key_of(2);
	assert_int_equal(index_get(real, &e.key, &got), ERR_NOT_FOUND);
}

static void a_damaged_lmdb_is_made_anew(void **state)
{
	struct watermark mark;
	struct index_base *base;
	char command[160];
	(void)state;

	index_free(real);
	real = NULL;
	snprintf(command, sizeof(command), "head -c 9000 /dev/urandom > %s/data.mdb", dir);
	assert_int_equal(system(command), 0);
	assert_int_equal(index_lmdb_open(dir, &base), 0);
	assert_int_equal(base->ops->load(base, node, &mark), ERR_NOT_FOUND);
	assert_int_equal(base->ops->reset(base, node), 0);
	assert_int_equal(base->ops->load(base, node, &mark), 0);
	assert_int_equal(mark.seq, 0);
	base->ops->free(base);
	real = open_real();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lmdb_does_what_the_model_does, setup, teardown),
		cmocka_unit_test_setup_teardown(lmdb_keeps_what_was_checkpointed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_damaged_lmdb_is_made_anew, setup, teardown),
	};

	log_open("test", LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
