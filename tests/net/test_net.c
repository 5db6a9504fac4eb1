/*
 * The storage network against real daemons: each case is a name on the command line.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "proto/base/metrics.h"
#include "tests/net/net.h"

#define MIB (1024u * 1024)

/* Chunks of every interesting size, then ranges over all of them. */
static void await_round_trip(struct net *net)
{
	static const uint32_t sizes[] = {1,	 63,	 65535,	 65536,	  65537,       262143,
					 262144, 262145, 524288, 1048583, 4 * MIB - 1, 4 * MIB};
	struct wire_pair chunks[12];
	uint32_t seeds[12];
	uint64_t total = 0;
	struct net_chunk empty;

	for (uint32_t i = 0; i < 12; i++) {
		struct net_chunk c;
		struct store_put *put;
		uint16_t owed[MAP_REPLICAS_MAX];

		await_net_chunk(net, i, sizes[i], &c);
		CHECK(await_net_put(net, &c, &put) == 0);
		CHECK(await_store_put_rest(put, 5000) == 0);
		CHECK(store_put_acked(put) == 7 && store_put_owed(put, owed) == 0);
		CHECK(store_put_epoch(put) == 1);
		store_put_end(put);
		/* Again: idempotent. */
		CHECK(await_net_put(net, &c, NULL) == 0);
		net_chunk_fini(&c);
		chunks[i] = c.pair;
		seeds[i] = i;
		total += sizes[i];
		CHECK(await_net_read(net, &chunks[i], &seeds[i], 1, 0, sizes[i]) == 0);
	}
	CHECK(await_net_read(net, chunks, seeds, 12, 0, total) == 0);
	for (unsigned i = 0; i < 60; i++) {
		uint64_t offset = (i * 7919ull * 1009) % total;
		uint64_t length = (i * 104729ull * 31) % (total - offset);

		CHECK(await_net_read(net, chunks, seeds, 12, offset, length) == 0);
	}
	CHECK(await_net_read(net, chunks, seeds, 12, total, 0) == 0);

	await_net_chunk(net, 99, 0, &empty);
	CHECK(await_net_put(net, &empty, NULL) == 0);
	CHECK(net->bad == 0 && net->missing == 0);
}

/* One daemon is killed in the middle: nobody notices, and what it lacks is known. */
static void await_kill_one(struct net *net)
{
	struct wire_pair chunks[24];
	uint32_t seeds[24];
	unsigned owed_count = 0;

	for (uint32_t i = 0; i < 24; i++) {
		struct net_chunk c;
		struct store_put *put;
		uint16_t owed[MAP_REPLICAS_MAX];

		await_net_chunk(net, i, i % 2 ? 4 * MIB : 200000, &c);
		if (i == 11) {
			put = store_put_start(net->client, &c.pair, c.blocks, c.count, 20000);
			net_kill(net, 1);
			CHECK(await_store_put(put) == 0);
		} else {
			CHECK(await_net_put(net, &c, &put) == 0);
		}
		CHECK(await_store_put_rest(put, 5000) == 0);
		if (store_put_owed(put, owed) > 0) {
			CHECK(owed[0] == 2 && i >= 11);
			owed_count++;
		}
		store_put_end(put);
		net_chunk_fini(&c);
		chunks[i] = c.pair;
		seeds[i] = i;
		CHECK(await_net_read(net, chunks, seeds, i + 1, 0, 200000) == 0);
	}
	CHECK(owed_count >= 12);
	for (uint32_t i = 0; i < 24; i++)
		CHECK(await_net_read(net, &chunks[i], &seeds[i], 1, 0, chunks[i].len) == 0);

	/* It comes back with what it had; the rest is pulled from a peer. */
	net_start(net, 1);
	while (net->daemons[1].announced == 0)
		CHECK(await_sleep(10) == 0);
	net_set_epoch(net, 1);
	await_net_all_up(net);
	CHECK(await_store_pull(net->client, 2, 1, &chunks[23], 5000) == 0);
	net_kill(net, 0);
	net_kill(net, 2);
	CHECK(await_net_read(net, &chunks[23], &seeds[23], 1, 0, chunks[23].len) == 0);
	CHECK(await_net_read(net, &chunks[3], &seeds[3], 1, 0, chunks[3].len) == 0);
}

/*
 * A stopped daemon: its connections stand, but nothing comes. Reads go on by asking
 * another one, before its silence tells. After some seconds without reads nobody is
 * known to be quicker than another, and the first one is asked first.
 */
static void await_stop_one(struct net *net)
{
	struct wire_pair chunks[16];
	uint32_t seeds[16];
	int64_t hedged = metric_value(M_STORE_GET_HEDGED);

	for (uint32_t i = 0; i < 16; i++) {
		struct net_chunk c;
		struct store_put *put;

		await_net_chunk(net, i, 300000, &c);
		CHECK(await_net_put(net, &c, &put) == 0);
		CHECK(await_store_put_rest(put, 5000) == 0);
		store_put_end(put);
		net_chunk_fini(&c);
		chunks[i] = c.pair;
		seeds[i] = i;
	}
	CHECK(await_sleep(5500) == 0);
	net_signal(net, 0, SIGSTOP);
	for (uint32_t i = 0; i < 16; i++) {
		struct net_chunk c;

		CHECK(await_net_read(net, &chunks[i], &seeds[i], 1, 0, 300000) == 0);
		await_net_chunk(net, 100 + i, 2 * MIB, &c);
		CHECK(await_net_put(net, &c, NULL) == 0);
		net_chunk_fini(&c);
	}
	CHECK(metric_value(M_STORE_GET_HEDGED) > hedged);
	await_net_node(net, 0, false);
	CHECK(await_net_read(net, chunks, seeds, 16, 0, 16 * 300000) == 0);
	net_signal(net, 0, SIGCONT);
	await_net_node(net, 0, true);
}

static void await_wrong_digest(struct net *net)
{
	for (uint32_t len = 1000; len <= 4 * MIB; len = len == 1000 ? 4 * MIB : len + 1) {
		struct store_put *put;
		struct net_chunk c;

		await_net_chunk(net, 5, len, &c);
		c.pair.digest[7] ^= 1;
		CHECK(await_net_put(net, &c, &put) == ERR_BAD_DIGEST);
		CHECK(store_put_acked(put) == 0);
		store_put_end(put);
		net_chunk_fini(&c);
	}
}

static void await_epoch(struct net *net, int64_t epoch)
{
	int seen[NET_DAEMONS];

	net->epoch = epoch;
	for (int i = 0; i < NET_DAEMONS; i++)
		seen[i] = net->daemons[i].announced;
	for (int i = 0; i < NET_DAEMONS; i++)
		while (net->daemons[i].announced < seen[i] + 2)
			CHECK(await_sleep(10) == 0);
}

/* Writes under an old map are refused, reads are not; with the new map the same write goes on.
 */
static void await_stale_epoch(struct net *net)
{
	struct net_chunk c;
	struct store_put *put;
	uint32_t seed = 1;

	await_net_chunk(net, 1, 3 * MIB, &c);
	CHECK(await_net_put(net, &c, NULL) == 0);
	/* The pings must not tell the client before the write does. */
	net->adopt_stale = false;
	await_epoch(net, 2);
	put = store_put_start(net->client, &c.pair, c.blocks, c.count, 2000);
	CHECK(await_store_put(put) == ERR_UNAVAILABLE);
	store_put_end(put);
	CHECK(net->stale_calls > 0);
	CHECK(await_net_read(net, &c.pair, &seed, 1, 0, c.pair.len) == 0);

	put = store_put_start(net->client, &c.pair, c.blocks, c.count, 10000);
	CHECK(await_sleep(200) == 0);
	CHECK(store_put_result(put) == 1);
	net_set_epoch(net, 2);
	CHECK(await_store_put(put) == 0);
	CHECK(store_put_epoch(put) == 2);
	store_put_end(put);

	/* And by itself, through the owner's callback. */
	net->adopt_stale = true;
	await_epoch(net, 3);
	CHECK(await_net_put(net, &c, &put) == 0);
	CHECK(store_put_epoch(put) == 3);
	store_put_end(put);
	net_chunk_fini(&c);
}

/* A rotten copy is never served, leaves the index, and a new PUT really writes it anew. */
static void await_bit_flip(struct net *net)
{
	struct net_chunk c;
	struct store_put *put;
	uint32_t seed = 77;

	await_net_chunk(net, seed, MIB, &c);
	CHECK(await_net_put(net, &c, &put) == 0);
	CHECK(await_store_put_rest(put, 5000) == 0);
	CHECK(store_put_acked(put) == 7);
	store_put_end(put);
	CHECK(net_flip_bit(net->daemons[0].dir, seed));
	CHECK(net_flip_bit(net->daemons[1].dir, seed));
	for (int i = 0; i < 30; i++)
		CHECK(await_net_read(net, &c.pair, &seed, 1, 0, c.pair.len) == 0);
	printf("bad %u missing %u\n", net->bad, net->missing);
	CHECK(net->bad > 0);

	/* Whoever was not read is made to look. */
	for (uint16_t node = 1; node <= 2; node++) {
		bool dropped;
		int rc = await_store_verify(net->client, node, &c.pair, 5000, &dropped);

		CHECK(rc == ERR_NOT_FOUND || (rc == 0 && dropped));
		CHECK(!await_net_has(net, node, &c.pair));
	}
	CHECK(await_net_has(net, 3, &c.pair));
	CHECK(await_net_put(net, &c, &put) == 0);
	CHECK(await_store_put_rest(put, 5000) == 0);
	CHECK(store_put_acked(put) == 7);
	store_put_end(put);
	for (uint16_t node = 1; node <= 3; node++)
		CHECK(await_net_has(net, node, &c.pair));
	net_kill(net, 2);
	CHECK(await_net_read(net, &c.pair, &seed, 1, 0, c.pair.len) == 0);
	net_chunk_fini(&c);
}

/* Two of three are gone: writes fail fast, reads go on; nobody has it is told from not sure. */
static void await_no_quorum(struct net *net)
{
	struct wire_pair unknown = {.digest = {1, 2, 3}, .gen = 7, .len = 100000};
	struct net_chunk c;
	struct buf *piece;
	uint32_t seed = 3;
	bool dropped = true;

	await_net_chunk(net, seed, 2 * MIB, &c);
	CHECK(await_net_put(net, &c, NULL) == 0);
	CHECK(await_store_get(net->client, &unknown, 0, 100000, 5000, &piece) == ERR_NOT_FOUND);
	CHECK(net->missing == 3);
	CHECK(await_store_verify(net->client, 1, &unknown, 5000, &dropped) == ERR_NOT_FOUND);
	CHECK(store_client_writable(net->client));
	CHECK(await_sleep(300) == 0);
	net_kill(net, 0);
	net_kill(net, 1);
	await_net_node(net, 0, false);
	await_net_node(net, 1, false);
	CHECK(!store_client_writable(net->client));
	CHECK(await_net_put(net, &c, NULL) == ERR_UNAVAILABLE);
	CHECK(await_store_get(net->client, &unknown, 0, 100000, 5000, &piece) ==
	      ERR_UNAVAILABLE);
	CHECK(await_net_read(net, &c.pair, &seed, 1, 0, c.pair.len) == 0);
	net_chunk_fini(&c);
}

static void await_delete(struct net *net)
{
	struct wire_pair pairs[300];
	struct buf *piece;

	for (uint32_t i = 0; i < 300; i++) {
		struct net_chunk c;
		struct store_put *put;

		await_net_chunk(net, i, 1000, &c);
		CHECK(await_net_put(net, &c, &put) == 0);
		CHECK(await_store_put_rest(put, 5000) == 0);
		store_put_end(put);
		pairs[i] = c.pair;
		net_chunk_fini(&c);
	}
	for (uint16_t node = 1; node <= 3; node++) {
		CHECK(await_net_has(net, node, &pairs[5]));
		CHECK(await_net_count(net, node, pairs, 300) == 300);
		CHECK(await_store_del(net->client, node, pairs, 300, 5000) == 0);
		CHECK(await_store_del(net->client, node, pairs, 300, 5000) == 0);
		CHECK(!await_net_has(net, node, &pairs[5]));
	}
	CHECK(await_store_get(net->client, &pairs[9], 0, 1000, 5000, &piece) == ERR_NOT_FOUND);
	/* From a peer that has not got it either. */
	CHECK(await_store_pull(net->client, 1, 2, &pairs[9], 5000) == ERR_NOT_FOUND);
}

/* What is deleted gives its room back; what stays can be read while that goes on. */
static void await_room(struct net *net)
{
	enum { CHUNKS = 24, STAYS = 3 };
	struct wire_pair pairs[CHUNKS], stays;
	uint32_t seed = STAYS;

	for (uint32_t i = 0; i < CHUNKS; i++) {
		struct net_chunk c;
		struct store_put *put;

		await_net_chunk(net, i, 4 * MIB, &c);
		CHECK(await_net_put(net, &c, &put) == 0);
		CHECK(await_store_put_rest(put, 10000) == 0);
		store_put_end(put);
		pairs[i] = c.pair;
		net_chunk_fini(&c);
	}
	stays = pairs[STAYS];
	pairs[STAYS] = pairs[0];
	for (uint16_t node = 1; node <= 3; node++)
		CHECK(await_store_del(net->client, node, pairs, CHUNKS, 5000) == 0);
	for (int i = 0; i < NET_DAEMONS; i++) {
		for (int rounds = 0; net_segment_bytes(net, i) > 48ull * MIB; rounds++) {
			CHECK(rounds < 600);
			CHECK(await_sleep(100) == 0);
			CHECK(await_net_read(net, &stays, &seed, 1, 0, stays.len) == 0);
		}
	}
	net_kill(net, 1);
	net_start(net, 1);
	while (net->daemons[1].announced == 0)
		CHECK(await_sleep(10) == 0);
	net_set_epoch(net, 1);
	await_net_all_up(net);
	CHECK(await_net_has(net, 2, &stays) && !await_net_has(net, 2, &pairs[5]));
}

struct crowd {
	struct net *net;
	uint32_t seed;
	int left;
	int running;
};

TASK_ENTRY static void put_some(void *arg)
{
	struct crowd *crowd = arg;

	while (crowd->left-- > 0) {
		struct net_chunk c;

		await_net_chunk(crowd->net, crowd->seed++, 4 * MIB, &c);
		CHECK(await_net_put(crowd->net, &c, NULL) == 0);
		net_chunk_fini(&c);
	}
	crowd->running--;
}

/* 40 writers of 4 MiB at once: the daemons stay within their budgets. */
static void await_memory(struct net *net)
{
	struct crowd crowd = {.net = net, .left = 200, .running = 40};
	size_t most[NET_DAEMONS] = {0};
	int64_t start = clock_now_ms();

	for (int i = 0; i < 40; i++)
		CHECK(task_spawn(net->loop, "writer", "crowd", put_some, &crowd) != NULL);
	while (crowd.running > 0) {
		CHECK(await_sleep(20) == 0);
		for (int i = 0; i < NET_DAEMONS; i++) {
			size_t now = net_anonymous_bytes(net, i);

			most[i] = now > most[i] ? now : most[i];
		}
	}
	printf("200 chunks of 4 MiB in %lld ms; most anonymous memory %zu %zu %zu KiB\n",
	       (long long)(clock_now_ms() - start), most[0] / 1024, most[1] / 1024,
	       most[2] / 1024);
	for (int i = 0; i < NET_DAEMONS; i++)
		CHECK(most[i] < 128 * (size_t)MIB);
}

TASK_ENTRY static void put_one(void *arg)
{
	struct crowd *crowd = arg;
	struct net_chunk c;
	struct store_put *put;

	await_net_chunk(crowd->net, crowd->seed++, 2000, &c);
	CHECK(await_net_put(crowd->net, &c, &put) == 0);
	CHECK(await_store_put_rest(put, 10000) == 0);
	CHECK(store_put_acked(put) == 7);
	store_put_end(put);
	net_chunk_fini(&c);
	crowd->running--;
}

/* 800 small chunks at once: no answer is lost on the way back from a group commit. */
static void await_many_small(struct net *net)
{
	struct crowd crowd = {.net = net, .running = 800};
	int64_t start = clock_now_ms();

	for (int i = 0; i < 800; i++)
		CHECK(task_spawn(net->loop, "writer", "crowd", put_one, &crowd) != NULL);
	while (crowd.running > 0)
		CHECK(await_sleep(10) == 0);
	printf("800 chunks of 2000 bytes in %lld ms\n", (long long)(clock_now_ms() - start));
}

TASK_ENTRY static void put_until_cancelled(void *arg)
{
	struct crowd *crowd = arg;
	struct store_put *put;
	struct net_chunk c;
	int rc;

	await_net_chunk(crowd->net, crowd->seed++, 4 * MIB, &c);
	rc = await_net_put(crowd->net, &c, &put);
	CHECK(rc == 0 || rc == -ECANCELED);
	store_put_end(put);
	net_chunk_fini(&c);
	crowd->running--;
}

/* What is ended midway leaves nothing behind: no buffer, no call, no reservation for long. */
static void await_cut_short(struct net *net)
{
	struct crowd crowd = {.net = net, .running = 8, .seed = 50};
	struct task *tasks[8];
	struct net_chunk c;
	uint32_t seed = 1;

	await_net_chunk(net, seed, 4 * MIB, &c);
	CHECK(await_net_put(net, &c, NULL) == 0);
	for (int i = 0; i < 20; i++) {
		struct store_reader *r =
			store_reader_start(net->client, &c.pair, 1, 1000, 3 * MIB, 5000);
		struct store_put *put =
			store_put_start(net->client, &c.pair, c.blocks, c.count, 5000);
		struct store_bytes piece;

		if (i % 2) {
			CHECK(await_store_read(r, &piece) == 0 && piece.len > 0);
			buf_unref(piece.buf);
		}
		if (i % 3 == 0)
			CHECK(await_sleep(i) == 0);
		store_put_end(put);
		store_reader_end(r);
	}
	net_chunk_fini(&c);
	for (int i = 0; i < 8; i++) {
		tasks[i] = task_spawn(net->loop, "writer", "cut", put_until_cancelled, &crowd);
		CHECK(tasks[i] != NULL);
	}
	CHECK(await_sleep(60) == 0);
	for (int i = 0; i < 8 && crowd.running == 8; i++)
		task_cancel(tasks[i]);
	while (crowd.running > 0)
		CHECK(await_sleep(10) == 0);
	for (int i = 0; buf_used(net->pool) > 0; i++) {
		CHECK(i < 1000);
		CHECK(await_sleep(10) == 0);
	}
}

/* A keeper of another cluster: the daemons serve nobody, and again once it is corrected. */
static void await_foreign_keeper(struct net *net)
{
	char right[WIRE_UUID_MAX];
	struct net_chunk c;

	memcpy(right, net->cluster_uuid, sizeof(right));
	net->cluster_uuid[0] = '9';
	await_net_node(net, 0, false);
	await_net_node(net, 1, false);
	await_net_node(net, 2, false);
	await_net_chunk(net, 1, 1000, &c);
	CHECK(await_net_put(net, &c, NULL) == ERR_UNAVAILABLE);
	memcpy(net->cluster_uuid, right, sizeof(right));
	await_net_all_up(net);
	CHECK(await_net_put(net, &c, NULL) == 0);
	net_chunk_fini(&c);

	/* The disk remembers its cluster. */
	net_kill(net, 0);
	net->cluster_uuid[0] = '9';
	net_start(net, 0);
	while (net->daemons[0].announced < 2)
		CHECK(await_sleep(10) == 0);
	memcpy(net->cluster_uuid, right, sizeof(right));
	net_set_epoch(net, 1);
	await_net_all_up(net);
}

static const struct {
	const char *name;
	void (*fn)(struct net *);
} cases[] = {
	{"round_trip", await_round_trip},
	{"kill_one", await_kill_one},
	{"stop_one", await_stop_one},
	{"wrong_digest", await_wrong_digest},
	{"stale_epoch", await_stale_epoch},
	{"bit_flip", await_bit_flip},
	{"no_quorum", await_no_quorum},
	{"delete", await_delete},
	{"memory", await_memory},
	{"many_small", await_many_small},
	{"cut_short", await_cut_short},
	{"foreign_keeper", await_foreign_keeper},
	{"room", await_room},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0)
			return net_run(cases[i].name, cases[i].fn);
	fprintf(stderr, "usage: test_net CASE\n");
	return 2;
}
