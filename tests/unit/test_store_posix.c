/* The store on a real folder with LMDB: what the virtual disk of the other tests stands for. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/base/log.h"
#include "proto/model/cluster.h"
#include "proto/model/digest.h"
#include "storage/daemon/chores.h"
#include "storage/daemon/disk.h"
#include "storage/daemon/disk_direct.h"
#include "storage/daemon/mark.h"
#include "storage/daemon/store.h"

#define SEGMENT ((uint64_t)1 << 20)

static const struct store_options options = {
	.name = "storage-1", .segment_size = SEGMENT, .floor = 0, .checkpoint_bytes = SEGMENT};
static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/packhouse-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct chunk_key key_of(int n)
{
	struct chunk_key key = {.gen = (uint64_t)n};

	for (int i = 0; i < CHUNK_DIGEST_SIZE; i++)
		key.digest[i] = (unsigned char)(n * 37 + i * 11);
	return key;
}

static void fill(unsigned char *bytes, uint32_t len, int n)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)((i * 2654435761u + (uint32_t)n * 40503u) >> 13);
}

static int put(struct store *s, int n, uint32_t len)
{
	unsigned char *bytes = malloc(len + 1);
	struct iovec part = {bytes, len};
	uint32_t crcs[CHUNK_BLOCKS_MAX];
	struct store_op op = {.kind = STORE_PUT,
			      .key = key_of(n),
			      .parts = &part,
			      .part_count = 1,
			      .len = len,
			      .crcs = crcs},
			*ops = &op;

	fill(bytes, len, n);
	store_block_crcs(&part, 1, crcs);
	store_commit(s, &ops, 1);
	free(bytes);
	return op.result;
}

static int delete (struct store *s, int n)
{
	struct store_op op = {.kind = STORE_DEL, .key = key_of(n)}, *ops = &op;

	store_commit(s, &ops, 1);
	return op.result;
}

static void check(struct store *s, int n, uint32_t len)
{
	unsigned char *want = malloc(len + 1), *got = malloc(CHUNK_MAX);
	struct chunk_key key = key_of(n);
	struct store_piece piece;

	fill(want, len, n);
	assert_int_equal(store_read(s, &key, false, 0, CHUNK_MAX, got, &piece), 0);
	assert_int_equal(piece.len, len);
	assert_int_equal(piece.chunk_len, len);
	assert_memory_equal(got, want, len);
	free(want);
	free(got);
}

/* Write `len` bytes in parts of odd sizes, past the cache where that is possible, and read them
 * back through it and past it. */
static void check_write(struct disk_file *f, size_t len, uint64_t offset)
{
	const struct disk_ops *ops = f->disk->ops;
	unsigned char *want = malloc(len), *got = aligned_alloc(DISK_PAGE, len);
	struct iovec parts[400], whole = {got, len};
	size_t count = 0;

	fill(want, (uint32_t)len, (int)offset);
	for (size_t at = 0; at < len; count++) {
		size_t n = count % 7 == 3 ? 0 : 96 + count * 131;

		n = n < len - at && count < 399 ? n : len - at;
		parts[count] = (struct iovec){want + at, n};
		at += n;
	}
	assert_int_equal(ops->write(f, parts, count, offset), 0);
	assert_int_equal(ops->read(f, &whole, 1, offset), 0);
	assert_memory_equal(got, want, len);
	assert_int_equal(ops->sync(f), 0);
	memset(got, 0, len);
	assert_int_equal(ops->read_medium(f, got, len, offset), 0);
	assert_memory_equal(got, want, len);
	free(want);
	free(got);
}

static void writes_of_all_sizes_arrive(void **state)
{
	static const size_t sizes[] = {
		DISK_PAGE,	 DIRECT_MIN - DISK_PAGE,	DIRECT_MIN,
		(size_t)4 << 20, ((size_t)4 << 20) + DISK_PAGE, (size_t)9 << 20};
	struct disk_file *f;
	uint64_t offset = 2 * DISK_PAGE;
	struct disk *d;
	(void)state;

	assert_int_equal(disk_posix_open(dir, &d), 0);
	assert_int_equal(d->ops->create(d, 1, (uint64_t)24 << 20, &f), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_write(f, sizes[i], offset);
		offset += sizes[i];
	}
	d->ops->close(f);
	d->ops->free(d);
}

static void writes_arrive_where_nothing_goes_past_the_cache(void **state)
{
	char elsewhere[sizeof(dir)];

	memcpy(elsewhere, dir, sizeof(dir));
	snprintf(dir, sizeof(dir), "/dev/shm/packhouse-store-XXXXXX");
	if (mkdtemp(dir) != NULL) {
		writes_of_all_sizes_arrive(state);
		assert_int_equal(remove_dir(state), 0);
	}
	memcpy(dir, elsewhere, sizeof(dir));
}

static struct store *open_store(void)
{
	struct store *s = NULL;

	assert_int_equal(store_open_dir(dir, &options, &s), 0);
	return s;
}

static void chunks_survive_a_clean_stop(void **state)
{
	static const uint32_t sizes[] = {0, 1, 4096, 65537, CHUNK_MAX - 1, CHUNK_MAX};
	struct store *s = open_store();
	struct store_entry all[16];
	struct store_stats stats;
	size_t count;
	(void)state;

	for (int i = 0; i < 6; i++)
		assert_int_equal(put(s, i, sizes[i]), 0);
	assert_int_equal(delete (s, 1), 0);
	assert_int_equal(store_close(s), 0);
	s = open_store();
	store_stats(s, &stats);
	assert_true(stats.stopped_clean);
	assert_int_equal(stats.chunks, 5);
	for (int i = 0; i < 6; i++) {
		struct chunk_key key = key_of(i);

		assert_int_equal(store_has(s, &key, NULL), i != 1);
		if (i != 1)
			check(s, i, sizes[i]);
	}
	assert_int_equal(store_list(s, 0, PARTITIONS - 1, NULL, all, 16, &count), 0);
	assert_int_equal(count, 5);
	assert_int_equal(store_close(s), 0);
}

static void assert_mark(int64_t adoption, int64_t place, int64_t gen)
{
	struct store *s = open_store();
	struct store_mark mark;

	store_mark_load(s, &mark);
	assert_int_equal(mark.adoption, adoption);
	assert_int_equal(mark.place, place);
	assert_int_equal(mark.gen, gen);
	assert_int_equal(store_close(s), 0);
}

static void a_mark_stays(void **state)
{
	static const struct store_mark low = {1, 2, 3},
				       high = {INT64_MAX, INT64_MAX, INT64_MAX};
	struct store *s;
	char command[160];
	(void)state;

	assert_mark(0, 0, 0);
	s = open_store();
	assert_int_equal(store_mark_save(s, &low), 0);
	assert_int_equal(store_mark_save(s, &high), 0);
	assert_int_equal(store_close(s), 0);
	assert_mark(high.adoption, high.place, high.gen);
	/* A digit that rotted makes it no mark, instead of a wrong one. */
	snprintf(command, sizeof(command), "sed -i 's/mark 1 9/mark 1 8/' %s/mark", dir);
	assert_int_equal(system(command), 0);
	assert_mark(0, 0, 0);
}

/* Die without closing, as kill -9 does. */
static void run_and_die(void)
{
	pid_t child = fork();

	if (child == 0) {
		struct store *s;
		bool ok = store_open_dir(dir, &options, &s) == 0;

		for (int i = 0; ok && i < 20; i++) {
			ok = put(s, i, 70000) == 0;
			if (i == 9)
				ok = ok && store_checkpoint(s) == 0;
		}
		_exit(ok && delete (s, 3) == 0 ? 0 : 1);
	}
	int status = -1;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void check_after_death(uint64_t replayed)
{
	struct store *s = open_store();
	struct store_stats stats;

	store_stats(s, &stats);
	assert_int_equal(stats.chunks, 19);
	assert_int_equal(stats.replayed, replayed);
	assert_int_equal(stats.replayed_gaps, 0);
	for (int i = 0; i < 20; i++) {
		if (i != 3)
			check(s, i, 70000);
	}
	assert_int_equal(store_close(s), 0);
}

static void chunks_survive_a_kill(void **state)
{
	(void)state;
	run_and_die();
	check_after_death(11);
	check_after_death(0);
}

static void a_lost_or_damaged_index_is_built_anew(void **state)
{
	char command[160];
	(void)state;

	run_and_die();
	snprintf(command, sizeof(command), "rm -r %s/index", dir);
	assert_int_equal(system(command), 0);
	check_after_death(21);
	snprintf(command, sizeof(command), "head -c 20000 /dev/urandom > %s/index/data.mdb",
		 dir);
	assert_int_equal(system(command), 0);
	check_after_death(21);
}

static void note_deaths(const char *deaths)
{
	char command[160];

	snprintf(command, sizeof(command), "printf '%s' > %s/index/opening", deaths, dir);
	assert_int_equal(system(command), 0);
}

/* Who starts in a child: 0, or the signal that ended it. */
static int start_in_child(void)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		struct store *s;

		/* The test's library has handlers of its own. */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		_exit(store_open_dir(dir, &options, &s) == 0 && store_close(s) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	assert_int_equal(status, 0);
	return 0;
}

static void an_index_that_kills_is_made_anew(void **state)
{
	unsigned char page[4096];
	char path[128];
	struct store *s;
	int deaths = 0;
	struct stat st;
	FILE *f;
	(void)state;

	run_and_die();
	/* Once may have been a kill -9, twice is the index. */
	note_deaths("x");
	check_after_death(11);
	note_deaths("xx");
	check_after_death(21);
	/* A start that did no harm leaves nothing behind, however it ends. */
	s = open_store();
	snprintf(path, sizeof(path), "%s/index/opening", dir);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(store_close(s), 0);
	/* Real rot: every pointer in every page but the first two leads outside. */
	snprintf(path, sizeof(path), "%s/index/data.mdb", dir);
	f = fopen(path, "r+");
	assert_non_null(f);
	for (long at = 2 * 4096; fseek(f, at, SEEK_SET) == 0 && fread(page, 4096, 1, f) == 1;
	     at += 4096) {
		for (int i = 16; i < 64; i++)
			page[i] = 0xff;
		assert_int_equal(fseek(f, at, SEEK_SET), 0);
		assert_int_equal(fwrite(page, 4096, 1, f), 1);
	}
	assert_int_equal(fclose(f), 0);
	while (start_in_child() != 0)
		assert_true(++deaths <= 2);
	assert_int_equal(deaths, 2);
	check_after_death(0);
}

static void a_lost_identity_is_found_in_the_segments(void **state)
{
	struct store *s = open_store();
	struct store_identity before, after;
	char command[160];
	(void)state;

	store_identity(s, &before);
	assert_int_equal(put(s, 1, 100), 0);
	assert_int_equal(store_close(s), 0);
	snprintf(command, sizeof(command), "echo nonsense > %s/identity", dir);
	assert_int_equal(system(command), 0);
	s = open_store();
	store_identity(s, &after);
	assert_memory_equal(before.node, after.node, STORE_UUID_SIZE);
	check(s, 1, 100);
	assert_int_equal(store_close(s), 0);
}

static void one_process_one_cluster_one_name(void **state)
{
	unsigned char one[STORE_UUID_SIZE] = "cluster one",
		      two[STORE_UUID_SIZE] = "cluster two";
	struct store_options other = options;
	struct store *s = open_store(), *again;
	(void)state;

	assert_int_equal(store_open_dir(dir, &options, &again), -EBUSY);
	assert_int_equal(store_adopt_cluster(s, one), 0);
	assert_int_equal(store_adopt_cluster(s, two), ERR_CONFLICT);
	assert_int_equal(store_close(s), 0);
	other.name = "storage-2";
	assert_int_equal(store_open_dir(dir, &other, &again), ERR_CONFLICT);
	s = open_store();
	assert_int_equal(store_adopt_cluster(s, one), 0);
	assert_int_equal(store_adopt_cluster(s, two), ERR_CONFLICT);
	assert_int_equal(store_close(s), 0);
}

static void commit_at_once(void *arg, struct store_op *const ops[], size_t count)
{
	store_commit(arg, ops, count);
}

static bool no_rate(void *arg, uint64_t bytes)
{
	(void)arg;
	(void)bytes;
	return true;
}

/* One put under its true digest. */
static struct chunk_key put_true(struct store *s, int n, uint32_t len)
{
	unsigned char *bytes = malloc(len + 1);
	struct iovec part = {bytes, len};
	uint32_t crcs[CHUNK_BLOCKS_MAX];
	struct store_op op = {.kind = STORE_PUT,
			      .key = {.gen = (uint64_t)n},
			      .parts = &part,
			      .part_count = 1,
			      .len = len,
			      .crcs = crcs},
			*ops = &op;

	fill(bytes, len, n);
	sha256_of(bytes, len, op.key.digest);
	store_block_crcs(&part, 1, crcs);
	store_commit(s, &ops, 1);
	assert_int_equal(op.result, 0);
	free(bytes);
	return op.key;
}

static uint64_t segment_bytes(struct store *s)
{
	struct store_stats stats;

	store_stats(s, &stats);
	return stats.segment_bytes;
}

/* 40 chunks of 300 kB; all but one go, and with them their segments, as soon as may be. */
static void the_room_comes_back(void **state)
{
	struct store *s = open_store();
	struct chores chores = {commit_at_once, no_rate, NULL, s};
	struct chores_report report = {0};
	struct chunk_key keys[40];
	struct store_piece piece;
	unsigned char *bytes = malloc(CHUNK_MAX);
	int rc = 1;
	(void)state;

	for (int i = 0; i < 40; i++)
		keys[i] = put_true(s, i, 300000);
	assert_true(segment_bytes(s) > 12 * SEGMENT);
	for (int i = 0; i < 40; i++) {
		struct store_op op = {.kind = STORE_DEL, .key = keys[i]}, *ops = &op;

		if (i != 7)
			store_commit(s, &ops, 1);
	}
	while (rc > 0)
		rc = store_compact(s, &chores, 60, &report);
	assert_int_equal(rc, 0);
	assert_int_equal(report.bad, 0);
	assert_true(segment_bytes(s) <= 2 * SEGMENT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_read(s, &keys[7], false, 0, CHUNK_MAX, bytes, &piece),
				 0);
		while ((rc = store_scrub(s, &chores, 1000, 1700000000 + i * 10000, &report)) >
		       0)
			;
		assert_int_equal(rc, 0);
		assert_int_equal(store_close(s), 0);
		s = open_store();
		chores.arg = s;
	}
	assert_true(report.checked >= 2);
	assert_int_equal(store_close(s), 0);
	free(bytes);
}

static void the_disk_keeps_its_contract(void **state)
{
	struct disk *d;
	struct disk_file *f;
	uint64_t *ids, size;
	size_t count, len;
	char text[16];
	unsigned char *page = NULL, *parts_bytes = calloc(200, 100);
	struct iovec parts[200];
	(void)state;

	assert_int_equal(disk_posix_open(dir, &d), 0);
	assert_int_equal(d->ops->create(d, 0x1f, 1 << 20, &f), 0);
	assert_int_equal(d->ops->create(d, 0x1f, 1 << 20, &f), -EEXIST);
	/* More parts than the disk hands to the kernel at once, empty ones among them. */
	for (int i = 0; i < 200; i++) {
		parts[i] = (struct iovec){parts_bytes + i * 100, i % 3 == 0 ? 0 : 100};
		memset(parts[i].iov_base, i, 100);
	}
	assert_int_equal(d->ops->write(f, parts, 200, 4096), 0);
	assert_int_equal(d->ops->sync(f), 0);
	assert_int_equal(posix_memalign((void **)&page, DISK_PAGE, DISK_PAGE), 0);
	assert_int_equal(d->ops->read_medium(f, page, DISK_PAGE, 4096), 0);
	assert_memory_equal(page, parts[1].iov_base, 100);
	assert_memory_equal(page + 100, parts[2].iov_base, 100);
	assert_memory_equal(page + 200, parts[4].iov_base, 100);
	memset(parts_bytes, 0, 200 * 100);
	assert_int_equal(d->ops->read(f, parts, 200, 4096), 0);
	assert_int_equal(parts_bytes[199 * 100], 199);
	assert_int_equal(d->ops->truncate(f, 8192), 0);
	assert_int_equal(d->ops->read(f, parts, 200, 4096), -EIO);
	d->ops->close(f);
	assert_int_equal(d->ops->open(d, 0x1f, &f, &size), 0);
	assert_int_equal(size, 8192);
	d->ops->close(f);
	assert_int_equal(d->ops->list(d, &ids, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(ids[0], 0x1f);
	free(ids);
	assert_int_equal(d->ops->unlink(d, 0x1f), 0);
	assert_int_equal(d->ops->sync_names(d), 0);
	assert_int_equal(d->ops->load(d, "small", text, sizeof(text), &len), -ENOENT);
	assert_int_equal(d->ops->save(d, "small", "0123456789abcdef", 16), 0);
	assert_int_equal(d->ops->load(d, "small", text, sizeof(text), &len), 0);
	assert_int_equal(len, 16);
	assert_int_equal(d->ops->load(d, "small", text, 8, &len), -EFBIG);
	d->ops->free(d);
	free(page);
	free(parts_bytes);
}

#define on_folder(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_folder(writes_of_all_sizes_arrive),
		on_folder(writes_arrive_where_nothing_goes_past_the_cache),
		on_folder(chunks_survive_a_clean_stop),
		on_folder(a_mark_stays),
		on_folder(chunks_survive_a_kill),
		on_folder(a_lost_or_damaged_index_is_built_anew),
		on_folder(an_index_that_kills_is_made_anew),
		on_folder(a_lost_identity_is_found_in_the_segments),
		on_folder(one_process_one_cluster_one_name),
		on_folder(the_room_comes_back),
		on_folder(the_disk_keeps_its_contract),
	};

	log_open("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
