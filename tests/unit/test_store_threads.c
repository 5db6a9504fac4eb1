/*
 * One committer, several readers and a checkpoint thread at once, as in the daemon. What this
 * test is for is the thread sanitizer (build kind tsan); it also checks every byte it reads.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/log.h"
#include "proto/model/cluster.h"
#include "storage/daemon/store.h"
#include "tests/unit/storage/rng.h"

#define KEYS	400
#define LEN_MAX 70000
#define GROUPS	600
#define READERS 3

static struct store *store;
static atomic_bool stop;
static atomic_int wrong;

static struct chunk_key key_of(uint64_t n)
{
	struct rng r = {n};
	struct chunk_key key = {.gen = n};

	for (int i = 0; i < CHUNK_DIGEST_SIZE; i++)
		key.digest[i] = (unsigned char)rng_next(&r);
	return key;
}

static uint32_t fill(uint64_t n, unsigned char *bytes)
{
	uint32_t len = n % 10 == 0 ? LEN_MAX : (uint32_t)(n * 13 % 3000);

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 7 + n);
	return len;
}

/* Keys are put and deleted in turn, so that a reader may find either. */
static void *committer(void *arg)
{
	unsigned char *bytes = malloc(8 * LEN_MAX);
	struct rng r = {7};
	(void)arg;

	for (int group = 0; group < GROUPS; group++) {
		uint32_t crcs[8][CHUNK_BLOCKS_MAX];
		struct store_op ops[8], *order[8];
		struct iovec parts[8];

		for (int i = 0; i < 8; i++) {
			uint64_t n = rng_below(&r, KEYS);

			parts[i].iov_base = bytes + (size_t)i * LEN_MAX;
			parts[i].iov_len = fill(n, parts[i].iov_base);
			store_block_crcs(&parts[i], 1, crcs[i]);
			ops[i] = (struct store_op){.kind = rng_percent(&r, 70) ? STORE_PUT
									       : STORE_DEL,
						   .key = key_of(n),
						   .parts = &parts[i],
						   .part_count = 1,
						   .len = (uint32_t)parts[i].iov_len,
						   .crcs = crcs[i]};
			order[i] = &ops[i];
		}
		store_commit(store, order, 8);
		for (int i = 0; i < 8; i++)
			wrong += ops[i].result != 0;
	}
	stop = true;
	free(bytes);
	return NULL;
}

static void *reader(void *arg)
{
	unsigned char *want = malloc(LEN_MAX), *got = malloc(CHUNK_MAX);
	struct rng r = {(uint64_t)(uintptr_t)arg};

	while (!stop) {
		uint64_t n = rng_below(&r, KEYS);
		struct chunk_key key = key_of(n);
		uint32_t len = fill(n, want);
		struct store_entry entries[50];
		struct store_piece piece;
		struct store_stats stats;
		size_t count;
		int rc =
			store_read(store, &key, rng_percent(&r, 20), 0, CHUNK_MAX, got, &piece);

		wrong += rc != 0 && rc != ERR_NOT_FOUND;
		wrong += rc == 0 && (piece.len != len || memcmp(got, want, len) != 0);
		/* A complaint that turns out wrong must not hurt anybody else. */
		if (rc == 0 && rng_percent(&r, 1))
			store_drop_bad(store, &piece.key, &piece.place);
		if (rng_percent(&r, 5)) {
			wrong += store_list(store, 0, PARTITIONS - 1, &key, entries, 50,
					    &count) != 0;
			store_stats(store, &stats);
		}
	}
	free(want);
	free(got);
	return NULL;
}

static void *checkpointer(void *arg)
{
	(void)arg;
	while (!stop) {
		if (store_checkpoint_due(store))
			wrong += store_checkpoint(store) != 0;
		sched_yield();
	}
	return NULL;
}

static void all_threads_at_once(void **state)
{
	static const struct store_options options = {
		.name = "", .segment_size = 1 << 20, .floor = 0, .checkpoint_bytes = 1 << 16};
	char dir[] = "/tmp/packhouse-threads-XXXXXX", command[64];
	pthread_t threads[READERS + 2];
	struct store_stats stats;
	(void)state;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(store_open_dir(dir, &options, &store), 0);
	pthread_create(&threads[0], NULL, committer, NULL);
	pthread_create(&threads[1], NULL, checkpointer, NULL);
	for (uintptr_t i = 0; i < READERS; i++)
		pthread_create(&threads[2 + i], NULL, reader, (void *)(i + 1));
	for (int i = 0; i < READERS + 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	store_stats(store, &stats);
	assert_true(stats.chunks > KEYS / 4);
	assert_int_equal(store_close(store), 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_threads_at_once),
	};

	log_open("test", LOG_ERROR + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
