/* Header frames: what is encoded comes back, what is out of range does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/wire/frame.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct wire_request request_of(enum wire_op op)
{
	struct wire_request req;

	memset(&req, 0, sizeof(req));
	req.op = op;
	req.id = 0x1122334455667788;
	req.epoch = 42;
	req.deadline_ms = 5000;
	snprintf(req.rq, sizeof(req.rq), "4f1c-7");
	return req;
}

static struct wire_pair pair_of(unsigned char first, uint64_t gen, uint32_t len)
{
	struct wire_pair pair = {.gen = gen, .len = len};

	for (unsigned i = 0; i < 32; i++)
		pair.digest[i] = (unsigned char)(first + i);
	return pair;
}

static void assert_pair(const struct wire_pair *a, const struct wire_pair *b)
{
	assert_memory_equal(a->digest, b->digest, 32);
	assert_int_equal(a->gen, b->gen);
	assert_int_equal(a->len, b->len);
}

static int there_and_back(const struct wire_request *req, struct wire_request *out)
{
	size_t len;
	void *bytes = frame_encode_request(arena, req, &len);

	return frame_decode_request(arena, bytes, len, out);
}

static int reply_there_and_back(const struct wire_reply *m, struct wire_reply *out)
{
	size_t len;
	void *bytes = frame_encode_reply(arena, m, &len);

	return frame_decode_reply(arena, bytes, len, out);
}

static void test_every_request_comes_back(void **state)
{
	struct wire_pair pair = pair_of(3, 1ull << 63, WIRE_CHUNK_MAX);
	unsigned char packed[2 * WIRE_PAIR_BYTES];
	struct wire_request req, out;

	(void)state;
	req = request_of(WIRE_PUT);
	req.put = (struct wire_put){.pair = pair, .ticket = 99};
	assert_int_equal(there_and_back(&req, &out), 0);
	assert_int_equal(out.op, WIRE_PUT);
	assert_int_equal(out.id, req.id);
	assert_int_equal(out.epoch, 42);
	assert_int_equal(out.deadline_ms, 5000);
	assert_string_equal(out.rq, "4f1c-7");
	assert_pair(&out.put.pair, &pair);
	assert_int_equal(out.put.ticket, 99);

	req = request_of(WIRE_GET);
	req.get = (struct wire_get){pair, 3 * WIRE_BLOCK, WIRE_PIECE_MAX};
	assert_int_equal(there_and_back(&req, &out), 0);
	assert_int_equal(out.get.offset, 3 * WIRE_BLOCK);
	assert_int_equal(out.get.length, WIRE_PIECE_MAX);

	wire_pair_pack(packed, 0, &pair);
	pair = pair_of(200, 7, 1);
	wire_pair_pack(packed, 1, &pair);
	req = request_of(WIRE_DEL);
	req.del.pairs = (struct wire_pairs){packed, 2};
	assert_int_equal(there_and_back(&req, &out), 0);
	assert_int_equal(out.del.pairs.count, 2);
	pair = wire_pair_at(&out.del.pairs, 0);
	assert_int_equal(pair.gen, 1ull << 63);
	pair = wire_pair_at(&out.del.pairs, 1);
	assert_int_equal(pair.len, 1);

	req = request_of(WIRE_PULL);
	req.pull.pair = pair;
	snprintf(req.pull.bulk, sizeof(req.pull.bulk), "[::1]:7001");
	assert_int_equal(there_and_back(&req, &out), 0);
	assert_string_equal(out.pull.bulk, "[::1]:7001");

	req = request_of(WIRE_ANNOUNCE);
	snprintf(req.announce.uuid, sizeof(req.announce.uuid),
		 "0b1c2d3e-0000-4000-8000-000000000001");
	snprintf(req.announce.name, sizeof(req.announce.name), "storage-1");
	snprintf(req.announce.zone, sizeof(req.announce.zone), "a");
	req.announce.incarnation = 17;
	req.announce.state = WIRE_READY | WIRE_FULL;
	req.announce.total = 1ull << 50;
	req.announce.mark = (struct wire_mark){2, INT64_MAX, 1ll << 60};
	assert_int_equal(there_and_back(&req, &out), 0);
	assert_memory_equal(&out.announce.mark, &req.announce.mark, sizeof(out.announce.mark));
	assert_string_equal(out.announce.name, "storage-1");
	assert_int_equal(out.announce.state, WIRE_READY | WIRE_FULL);
	assert_int_equal(out.announce.total, 1ull << 50);
}

static void test_marks(void **state)
{
	struct wire_mark seen = {2, 100, 7};
	struct wire_reply m = {.op = WIRE_ANNOUNCE, .announced = {.mark = {3, 50, 9}}}, reply;
	struct wire_request req = request_of(WIRE_ANNOUNCE), out;
	unsigned char *bytes;
	size_t len;

	(void)state;
	assert_int_equal(reply_there_and_back(&m, &reply), 0);
	assert_memory_equal(&reply.announced.mark, &m.announced.mark, sizeof(seen));
	/* A daemon one version older sends none: an empty field 13 at the end of field 22. */
	bytes = frame_encode_request(arena, &req, &len);
	assert_memory_equal(bytes + len - 5, "\xb2\x01\x02\x6a\x00", 5);
	bytes[len - 3] = 0;
	assert_int_equal(frame_decode_request(arena, bytes, len - 2, &out), 0);
	assert_int_equal(out.announce.mark.adoption, 0);
	req.announce.mark.place = -1;
	assert_int_equal(there_and_back(&req, &out), ERR_PROTOCOL);

	assert_false(wire_mark_raise(&seen, &(struct wire_mark){1, 200, 7}));
	assert_false(wire_mark_raise(&seen, &(struct wire_mark){2, 100, 0}));
	assert_true(wire_mark_raise(&seen, &(struct wire_mark){2, 101, 0}));
	assert_true(wire_mark_raise(&seen, &(struct wire_mark){3, 1, 6}));
	assert_true(wire_mark_raise(&seen, &(struct wire_mark){0, 0, 8}));
	assert_memory_equal(&seen, (&(struct wire_mark){3, 1, 8}), sizeof(seen));
}

static void test_lists_of_several_partitions(void **state)
{
	struct wire_pair pair = pair_of(1, 1, 1);
	struct wire_request req, out;

	(void)state;
	req = request_of(WIRE_LIST);
	req.list = (struct wire_list){
		.partition = 16381, .partitions = 3, .limit = WIRE_PAIRS_MAX, .after = pair};
	assert_int_equal(there_and_back(&req, &out), 0);
	assert_int_equal(out.list.partition, 16381);
	assert_int_equal(out.list.partitions, 3);
	assert_pair(&out.list.after, &pair);
	req.list.partitions = 0; /* as an older keeper asks */
	assert_int_equal(there_and_back(&req, &out), 0);
	assert_int_equal(out.list.partitions, 1);
}

static void test_every_reply_comes_back(void **state)
{
	struct wire_reply m = {.op = WIRE_GET, .id = 5, .epoch = 9}, out;

	(void)state;
	m.got = (struct wire_got){.gen = 8, .total = 70000, .crc = {1, 0xffffffff}, .crcs = 2};
	assert_int_equal(reply_there_and_back(&m, &out), 0);
	assert_int_equal(out.op, WIRE_GET);
	assert_int_equal(out.epoch, 9);
	assert_int_equal(out.got.crcs, 2);
	assert_int_equal(out.got.crc[1], 0xffffffff);
	assert_int_equal(out.got.total, 70000);

	m = (struct wire_reply){.op = WIRE_RESERVE, .reserved = {.ticket = 3}};
	assert_int_equal(reply_there_and_back(&m, &out), 0);
	assert_int_equal(out.reserved.ticket, 3);

	m = (struct wire_reply){.op = WIRE_PUT};
	assert_int_equal(reply_there_and_back(&m, &out), 0);
	assert_int_equal(out.status, 0);

	m = (struct wire_reply){.op = WIRE_LIST, .listed = {.partitions = 16, .more = true}};
	assert_int_equal(reply_there_and_back(&m, &out), 0);
	assert_int_equal(out.listed.partitions, 16);
	m.listed.partitions = 0; /* as an older daemon answers */
	assert_int_equal(reply_there_and_back(&m, &out), 0);
	assert_int_equal(out.listed.partitions, 1);

	/* A failure has a status and a text, cleaned, and nothing else. */
	m = (struct wire_reply){.op = WIRE_LIST, .status = ERR_STALE_EPOCH, .epoch = 12};
	snprintf(m.text, sizeof(m.text), "a \"new\"\nmap");
	assert_int_equal(reply_there_and_back(&m, &out), 0);
	assert_int_equal(out.status, ERR_STALE_EPOCH);
	assert_string_equal(out.text, "a ?new??map");
	assert_int_equal(out.listed.pairs.count, 0);
}

static void assert_refused(const struct wire_request *req)
{
	struct wire_request out;

	assert_int_equal(there_and_back(req, &out), ERR_PROTOCOL);
}

static void test_ranges_are_checked(void **state)
{
	struct wire_pair pair = pair_of(1, 1, WIRE_CHUNK_MAX + 1);
	struct wire_request req, out;
	struct wire_reply m;

	(void)state;
	req = request_of(WIRE_VERIFY);
	req.verify.pair = pair;
	assert_refused(&req);
	pair.len = WIRE_INLINE_MAX + 1;
	req = request_of(WIRE_PUT);
	req.put.pair = pair; /* too long to be without a ticket */
	assert_refused(&req);
	req = request_of(WIRE_GET);
	req.get = (struct wire_get){pair, 1, 1000};
	assert_refused(&req);
	req.get = (struct wire_get){pair, 0, WIRE_PIECE_MAX + 1};
	assert_refused(&req);
	req.get = (struct wire_get){pair, WIRE_CHUNK_MAX, 1};
	assert_refused(&req);
	req.get = (struct wire_get){pair, 0xffff0000u, WIRE_PIECE_MAX};
	assert_refused(&req);
	req = request_of(WIRE_LIST);
	req.list = (struct wire_list){.partition = 16384, .limit = 1};
	assert_refused(&req);
	req.list = (struct wire_list){.partition = 16383, .partitions = 2, .limit = 1};
	assert_refused(&req);
	req.list.partitions = UINT32_MAX;
	assert_refused(&req);
	req.list = (struct wire_list){.partition = 1, .limit = 0};
	assert_refused(&req);
	req.list = (struct wire_list){.partition = 1, .limit = WIRE_PAIRS_MAX + 1};
	assert_refused(&req);
	req = request_of(WIRE_RESERVE);
	req.reserve.len = WIRE_CHUNK_MAX + 1;
	assert_refused(&req);
	req = request_of(WIRE_PING);
	snprintf(req.rq, sizeof(req.rq), "a b");
	assert_refused(&req);
	req = request_of(WIRE_PING);
	req.epoch = -1;
	assert_refused(&req);

	m = (struct wire_reply){.op = WIRE_RESERVE}; /* no ticket */
	assert_int_equal(reply_there_and_back(&m, &(struct wire_reply){0}), ERR_PROTOCOL);
	m = (struct wire_reply){.op = WIRE_GET, .got = {.total = WIRE_CHUNK_MAX + 1}};
	assert_int_equal(reply_there_and_back(&m, &(struct wire_reply){0}), ERR_PROTOCOL);
	assert_int_equal(frame_decode_request(arena, "", 0, &out), ERR_PROTOCOL);
}

/* Version is the first field: tag 0x08. */
static void test_versions(void **state)
{
	struct wire_request req = request_of(WIRE_PING), out;
	unsigned char *bytes;
	size_t len;

	(void)state;
	bytes = frame_encode_request(arena, &req, &len);
	assert_int_equal(bytes[0], 0x08);
	assert_int_equal(bytes[1], WIRE_VERSION);
	bytes[1] = WIRE_VERSION + 1;
	assert_int_equal(frame_decode_request(arena, bytes, len, &out), 0);
	bytes[1] = WIRE_VERSION + 2;
	assert_int_equal(frame_decode_request(arena, bytes, len, &out), ERR_PROTOCOL);
	bytes[1] = WIRE_VERSION_MIN - 1;
	assert_int_equal(frame_decode_request(arena, bytes, len, &out), ERR_PROTOCOL);
}

/* A newer peer's unknown field (number 100, varint) is skipped. */
static void test_unknown_fields(void **state)
{
	struct wire_request req = request_of(WIRE_RESERVE), out;
	static const unsigned char more[] = {0xa0, 0x06, 0x01};
	unsigned char bytes[512];
	void *encoded;
	size_t len;

	(void)state;
	req.reserve.len = 1234;
	encoded = frame_encode_request(arena, &req, &len);
	memcpy(bytes, encoded, len);
	memcpy(bytes + len, more, sizeof(more));
	assert_int_equal(frame_decode_request(arena, bytes, len + sizeof(more), &out), 0);
	assert_int_equal(out.reserve.len, 1234);
}

/* Every cut and every flipped byte of a message either decodes within ranges or is refused. */
static void test_damage(void **state)
{
	struct wire_request req = request_of(WIRE_PUT), out;
	unsigned char bytes[512];
	void *encoded;
	size_t len;

	(void)state;
	req.put = (struct wire_put){.pair = pair_of(9, 9, 100)};
	encoded = frame_encode_request(arena, &req, &len);
	for (size_t cut = 0; cut < len; cut++)
		(void)!frame_decode_request(arena, encoded, cut, &out);
	for (size_t at = 0; at < len; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bytes, encoded, len);
			bytes[at] ^= (unsigned char)(1u << bit);
			if (frame_decode_request(arena, bytes, len, &out) == 0 &&
			    out.op == WIRE_PUT)
				assert_true(out.put.pair.len <= WIRE_CHUNK_MAX);
		}
	}
}

static void test_statuses(void **state)
{
	static const int codes[] = {0,		 ERR_UNAVAILABLE, ERR_NOT_FOUND,
				    ERR_CORRUPT, ERR_BAD_DIGEST,  ERR_STALE_EPOCH,
				    ERR_FULL,	 ERR_POISONED,	  ERR_PROTOCOL,
				    -ETIMEDOUT};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_int_equal(wire_status_decode(wire_status_encode(codes[i])), codes[i]);
	assert_int_equal(wire_status_decode(wire_status_encode(-ENOENT)), ERR_UNAVAILABLE);
	assert_int_equal(wire_status_decode(9999), ERR_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_request_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_reply_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lists_of_several_partitions, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_ranges_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test(test_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
