/*
 * One committer, several readers, a checkpoint thread and one for the chores at once, as in the
 * daemon. What this test is for is the thread sanitizer (build kind tsan); it also checks every
 * byte it reads.
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
#include "proto/model/digest.h"
#include "storage/daemon/chores.h"
#include "storage/daemon/store.h"
#include "tests/unit/storage/rng.h"

#define KEYS	400
#define LEN_MAX 70000
#define GROUPS	600
#define READERS 3

static struct store *store;
static atomic_bool stop;
static atomic_int wrong;

static struct chunk_key keys[KEYS];

/* What the chores thread wants to be committed. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct store_op *const *ops;
	size_t count; /* 0: nothing */
	bool ended;
} handed = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static uint32_t fill(uint64_t n, unsigned char *bytes)
{
	uint32_t len = n % 10 == 0 ? LEN_MAX : (uint32_t)(n * 13 % 3000);

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 7 + n);
	return len;
}

static void make_keys(void)
{
	unsigned char *bytes = malloc(LEN_MAX);

	for (uint64_t n = 0; n < KEYS; n++) {
		keys[n].gen = n;
		sha256_of(bytes, fill(n, bytes), keys[n].digest);
	}
	free(bytes);
}

/* Commit what was handed over; with `wait`, until the chores have ended. */
static void take_handed(bool wait)
{
	pthread_mutex_lock(&handed.lock);
	do {
		while (wait && handed.count == 0 && !handed.ended)
			pthread_cond_wait(&handed.change, &handed.lock);
		if (handed.count > 0) {
			store_commit(store, handed.ops, handed.count);
			handed.count = 0;
			pthread_cond_broadcast(&handed.change);
		}
	} while (wait && !handed.ended);
	pthread_mutex_unlock(&handed.lock);
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
						   .key = keys[n],
						   .parts = &parts[i],
						   .part_count = 1,
						   .len = (uint32_t)parts[i].iov_len,
						   .crcs = crcs[i]};
			order[i] = &ops[i];
		}
		store_commit(store, order, 8);
		for (int i = 0; i < 8; i++)
			wrong += ops[i].result != 0;
		take_handed(false);
	}
	stop = true;
	take_handed(true);
	free(bytes);
	return NULL;
}

static void *reader(void *arg)
{
	unsigned char *want = malloc(LEN_MAX), *got = malloc(CHUNK_MAX);
	struct rng r = {(uint64_t)(uintptr_t)arg};

	while (!stop) {
		uint64_t n = rng_below(&r, KEYS);
		struct chunk_key key = keys[n];
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

static void on_commit(void *arg, struct store_op *const ops[], size_t count)
{
	(void)arg;
	pthread_mutex_lock(&handed.lock);
	handed.ops = ops;
	handed.count = count;
	pthread_cond_broadcast(&handed.change);
	while (handed.count > 0)
		pthread_cond_wait(&handed.change, &handed.lock);
	pthread_mutex_unlock(&handed.lock);
}

static bool on_pace(void *arg, uint64_t bytes)
{
	(void)arg;
	(void)bytes;
	return true;
}

static void on_bad(void *arg, const struct chunk_key *key)
{
	(void)arg;
	(void)key;
	wrong++;
}

static struct chores_report report;

static void *cleaner(void *arg)
{
	const struct chores chores = {on_commit, on_pace, on_bad, NULL};
	int64_t now = 1700000000;
	bool last;
	(void)arg;

	/* Once more after all others have ended: on a busy machine it may be the only time. */
	do {
		int rc;

		last = stop;
		rc = store_compact(store, &chores, 80, &report);
		/* A complaint was just being noted. */
		wrong += rc < 0 && rc != -EAGAIN;
		wrong += store_scrub(store, &chores, 100, now += 10, &report) < 0;
	} while (!last);
	pthread_mutex_lock(&handed.lock);
	handed.ended = true;
	pthread_cond_broadcast(&handed.change);
	pthread_mutex_unlock(&handed.lock);
	return NULL;
}

/* How many copies the store lists, each of which can be read. */
static uint64_t listed(void)
{
	struct store_entry *entries = xmalloc(KEYS * sizeof(*entries));
	unsigned char *got = xmalloc(CHUNK_MAX);
	struct store_piece piece;
	size_t count;

	assert_int_equal(store_list(store, 0, PARTITIONS - 1, NULL, entries, KEYS, &count), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
			store_read(store, &entries[i].key, false, 0, CHUNK_MAX, got, &piece),
			0);
	free(got);
	free(entries);
	return count;
}

static void all_threads_at_once(void **state)
{
	static const struct store_options options = {
		.name = "", .segment_size = 1 << 20, .floor = 0, .checkpoint_bytes = 1 << 16};
	char dir[] = "/tmp/packhouse-threads-XXXXXX", command[64];
	pthread_t threads[READERS + 3];
	struct store_stats stats;
	(void)state;

	make_keys();
	assert_non_null(mkdtemp(dir));
	assert_int_equal(store_open_dir(dir, &options, &store), 0);
	pthread_create(&threads[0], NULL, committer, NULL);
	pthread_create(&threads[1], NULL, checkpointer, NULL);
	pthread_create(&threads[2], NULL, cleaner, NULL);
	for (uintptr_t i = 0; i < READERS; i++)
		pthread_create(&threads[3 + i], NULL, reader, (void *)(i + 1));
	for (int i = 0; i < READERS + 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	/* How many are left is the scheduler's choice: readers drop copies. */
	store_stats(store, &stats);
	assert_int_equal(stats.chunks, listed());
	assert_true(report.moved > 0 && report.segments > 0 && report.checked > 0);
	assert_int_equal(report.bad, 0);
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
