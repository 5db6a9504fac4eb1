/* The bytes of the log: what is written is read back, and anything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "storage/daemon/record.h"

#define SALT 0x1122334455667788u

static struct record example(uint32_t len)
{
	struct record r = {.type = len ? RECORD_PUT : RECORD_DEL,
			   .key = {.gen = 0x0102030405060708},
			   .len = len,
			   .seq = 99,
			   .place = {17, 8192 + 64}};

	for (int i = 0; i < CHUNK_DIGEST_SIZE; i++)
		r.key.digest[i] = (unsigned char)(0xa0 + i);
	return r;
}

static void superblocks_come_back_as_they_went(void **state)
{
	struct superblock s = {"node", 17, SALT, {16, 12288}}, back;
	unsigned char page[LOG_PAGE];
	(void)state;

	superblock_encode(&s, page);
	assert_int_equal(superblock_decode(page, &back), 0);
	assert_memory_equal(&back, &s, sizeof(s));
	for (size_t i = 0; i < LOG_PAGE; i++) {
		page[i] ^= 0x10;
		assert_int_equal(superblock_decode(page, &back), ERR_CORRUPT);
		page[i] ^= 0x10;
	}
}

static void sizes_are_what_the_format_says(void **state)
{
	static const uint32_t lens[] = {0, 1, 65535, 65536, 65537, CHUNK_MAX - 1, CHUNK_MAX};
	static const uint32_t heads[] = {96, 100, 100, 100, 104, 96 + 256, 96 + 256};
	(void)state;

	for (int i = 0; i < 7; i++) {
		assert_int_equal(record_head_size(lens[i]), heads[i]);
		assert_int_equal(record_size(lens[i]) % RECORD_ALIGN, 0);
		assert_in_range(record_size(lens[i]) - heads[i] - lens[i], 0, RECORD_ALIGN - 1);
	}
}

static void records_come_back_as_they_went(void **state)
{
	static const uint32_t lens[] = {0, 1, 65536, 65537, CHUNK_MAX};
	uint32_t crcs[CHUNK_BLOCKS_MAX], back_crcs[CHUNK_BLOCKS_MAX];
	unsigned char head[RECORD_HEAD_MAX];
	(void)state;

	for (uint32_t i = 0; i < CHUNK_BLOCKS_MAX; i++)
		crcs[i] = i * 0x01010101u;
	for (int i = 0; i < 5; i++) {
		struct record r = example(lens[i]), back = {0};
		size_t size = record_encode(&r, SALT, crcs, head);

		assert_int_equal(size, record_head_size(lens[i]));
		assert_int_equal(record_decode(head, SALT, &r.place, &back), 0);
		assert_int_equal(back.type, r.type);
		assert_int_equal(back.len, r.len);
		assert_int_equal(back.seq, r.seq);
		assert_true(chunk_key_equal(&back.key, &r.key));
		assert_true(store_place_equal(&back.place, &r.place));
		assert_int_equal(record_crcs(head, r.len, back_crcs), 0);
		assert_memory_equal(back_crcs, crcs, 4 * chunk_blocks(r.len));
	}
}

static void a_flipped_bit_is_no_record(void **state)
{
	struct record r = example(200000), back;
	uint32_t crcs[CHUNK_BLOCKS_MAX] = {1, 2, 3, 4}, back_crcs[CHUNK_BLOCKS_MAX];
	unsigned char head[RECORD_HEAD_MAX];
	size_t size = record_encode(&r, SALT, crcs, head);
	(void)state;

	for (size_t bit = 0; bit < 8 * size; bit++) {
		head[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (bit < (size_t)8 * RECORD_HEADER)
			assert_int_equal(record_decode(head, SALT, &r.place, &back),
					 ERR_CORRUPT);
		else
			assert_int_equal(record_crcs(head, r.len, back_crcs), ERR_CORRUPT);
		head[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

static void a_record_elsewhere_is_no_record(void **state)
{
	struct record r = example(100), back;
	struct store_place other_offset = {r.place.segment, r.place.offset + 64};
	struct store_place other_segment = {r.place.segment + 1, r.place.offset};
	unsigned char head[RECORD_HEAD_MAX];
	uint32_t crc = 7;
	(void)state;

	record_encode(&r, SALT, &crc, head);
	assert_int_equal(record_decode(head, SALT, &other_offset, &back), ERR_CORRUPT);
	assert_int_equal(record_decode(head, SALT, &other_segment, &back), ERR_CORRUPT);
	assert_int_equal(record_decode(head, SALT + 1, &r.place, &back), ERR_CORRUPT);
	assert_int_equal(record_decode(head, 0, &r.place, &back), ERR_CORRUPT);
}

static void lengths_beyond_the_limit_are_no_record(void **state)
{
	struct record r = example(0), back;
	unsigned char head[RECORD_HEAD_MAX];
	(void)state;

	/* A DEL never has a payload, whatever its checksum says. */
	r.type = RECORD_PUT;
	record_encode(&r, SALT, NULL, head);
	assert_int_equal(record_decode(head, SALT, &r.place, &back), 0);
	assert_int_equal(back.len, 0);
	assert_int_equal(back.type, RECORD_PUT);
	r.type = 3;
	record_encode(&r, SALT, NULL, head);
	assert_int_equal(record_decode(head, SALT, &r.place, &back), ERR_CORRUPT);
}

static void crcs_do_not_depend_on_the_parts(void **state)
{
	enum { LEN = 300001 };
	unsigned char *bytes = malloc(LEN);
	struct iovec whole = {bytes, LEN}, parts[STORE_PARTS_MAX];
	uint32_t want[CHUNK_BLOCKS_MAX], got[CHUNK_BLOCKS_MAX];
	(void)state;

	for (uint32_t i = 0; i < LEN; i++)
		bytes[i] = (unsigned char)(i * 2654435761u >> 21);
	assert_int_equal(store_block_crcs(&whole, 1, want), 5);
	assert_int_equal(store_block_crcs(&whole, 0, got), 0);
	for (size_t cut = 1; cut < LEN / 3; cut = cut * 2 + 1) {
		parts[0] = (struct iovec){bytes, cut};
		parts[1] = (struct iovec){bytes + cut, 0};
		parts[2] = (struct iovec){bytes + cut, 2 * cut};
		parts[3] = (struct iovec){bytes + 3 * cut, LEN - 3 * cut};
		assert_int_equal(store_block_crcs(parts, 4, got), 5);
		assert_memory_equal(got, want, 5 * sizeof(want[0]));
	}
	free(bytes);
}

static void keys_have_an_order(void **state)
{
	struct chunk_key a = {.gen = 1}, b = {.gen = 2}, last;
	(void)state;

	assert_true(chunk_key_compare(&a, &b) < 0);
	assert_true(chunk_key_next(&a));
	assert_true(chunk_key_equal(&a, &b));
	a.gen = UINT64_MAX;
	a.digest[CHUNK_DIGEST_SIZE - 1] = 0xff;
	assert_true(chunk_key_next(&a));
	assert_int_equal(a.gen, 0);
	assert_int_equal(a.digest[CHUNK_DIGEST_SIZE - 1], 0);
	assert_int_equal(a.digest[CHUNK_DIGEST_SIZE - 2], 1);
	assert_true(chunk_key_compare(&b, &a) < 0);
	memset(&last, 0xff, sizeof(last));
	assert_false(chunk_key_next(&last));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(superblocks_come_back_as_they_went),
		cmocka_unit_test(sizes_are_what_the_format_says),
		cmocka_unit_test(records_come_back_as_they_went),
		cmocka_unit_test(a_flipped_bit_is_no_record),
		cmocka_unit_test(a_record_elsewhere_is_no_record),
		cmocka_unit_test(lengths_beyond_the_limit_are_no_record),
		cmocka_unit_test(crcs_do_not_depend_on_the_parts),
		cmocka_unit_test(keys_have_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
