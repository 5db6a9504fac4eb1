/*
 * Daemons get PR_SET_PDEATHSIG, so that a failed CHECK leaves none behind. Node ids are 1…3 in
 * order of the daemons' names.
 */
#include "tests/net/net.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/zsock.h"
#include "proto/model/digest.h"
#include "proto/wire/frame.h"

#define POOL_BUDGET ((size_t)256 << 20)

static void on_announce(void *arg, struct zmsg *msg)
{
	struct net *net = arg;
	struct arena *a = arena_new();
	struct wire_request req;
	struct wire_reply reply = {.op = WIRE_ANNOUNCE, .epoch = net->epoch};
	struct zmsg out = {.peer = msg->peer};
	struct net_daemon *d;
	int rc;

	CHECK(frame_decode_request(a, msg->head, msg->head_len, &req) == 0);
	CHECK(req.op == WIRE_ANNOUNCE && strncmp(req.announce.name, "storage-", 8) == 0);
	d = &net->daemons[strtol(req.announce.name + 8, NULL, 10) - 1];
	if (d->incarnation != req.announce.incarnation)
		d->announced = 0;
	d->incarnation = req.announce.incarnation;
	d->announced++;
	memcpy(d->node.uuid, req.announce.uuid, sizeof(d->node.uuid));
	memcpy(d->node.control, req.announce.control, sizeof(d->node.control));
	memcpy(d->node.bulk, req.announce.bulk, sizeof(d->node.bulk));
	reply.id = req.id;
	memcpy(reply.announced.cluster_uuid, net->cluster_uuid, sizeof(net->cluster_uuid));
	reply.announced.node_id = d->node.id;
	out.head = frame_encode_reply(a, &reply, &out.head_len);
	rc = zsock_send(net->keeper, &out);
	CHECK(rc == 0 || rc == ERR_PEER_GONE); /* it was killed meanwhile */
	arena_free(a);
}

static void on_stale(void *arg, int64_t epoch)
{
	struct net *net = arg;

	net->stale_calls++;
	if (net->adopt_stale)
		net_set_epoch(net, epoch);
}

static void on_trouble(void *arg, enum store_trouble what, uint16_t node,
		       const struct wire_pair *chunk)
{
	struct net *net = arg;

	(void)node;
	(void)chunk;
	if (what == STORE_COPY_BAD)
		net->bad++;
	else
		net->missing++;
}

void net_start(struct net *net, int i)
{
	struct net_daemon *d = &net->daemons[i];
	char name[64], dir[300], keeper[128];

	d->announced = 0;
	d->pid = fork();
	CHECK(d->pid >= 0);
	if (d->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof(name), "--storage.name=storage-%d", i + 1);
	snprintf(dir, sizeof(dir), "--storage.dir=%s", d->dir);
	snprintf(keeper, sizeof(keeper), "--keeper.announce=127.0.0.1:%s",
		 strrchr(zsock_endpoint(net->keeper), ':') + 1);
	execl(PACKHOUSE_STORAGE, "packhouse-storage", name, dir, keeper,
	      "--storage.segment_size=16M", "--storage.floor=0", "--log.level=warn",
	      (char *)NULL);
	_exit(127);
}

void net_signal(struct net *net, int i, int signo)
{
	CHECK(kill(net->daemons[i].pid, signo) == 0);
}

void net_kill(struct net *net, int i)
{
	int status;

	net_signal(net, i, SIGKILL);
	CHECK(waitpid(net->daemons[i].pid, &status, 0) == net->daemons[i].pid);
	net->daemons[i].pid = 0;
}

void net_set_epoch(struct net *net, int64_t epoch)
{
	struct map_node nodes[NET_DAEMONS] = {{0}};
	struct cluster_node list[NET_DAEMONS];

	for (int i = 0; i < NET_DAEMONS; i++) {
		nodes[i].id = net->daemons[i].node.id;
		nodes[i].weight = 1;
		memcpy(nodes[i].uuid, net->daemons[i].node.uuid, sizeof(nodes[i].uuid));
		snprintf(nodes[i].zone, sizeof(nodes[i].zone), "zone-%d", i);
		list[i] = net->daemons[i].node;
	}
	map_fini(&net->map);
	CHECK(map_compute(nodes, NET_DAEMONS, 3, epoch, &net->map) == 0);
	store_client_set_map(net->client, net->cluster_uuid, &net->map, list, NET_DAEMONS);
}

void await_net_node(struct net *net, int i, bool up)
{
	for (int n = 0; n < 1000; n++) {
		if (store_node_up(net->client, net->daemons[i].node.id) == up)
			return;
		CHECK(await_sleep(10) == 0);
	}
	CHECK(!"the node is as it should be");
}

void await_net_all_up(struct net *net)
{
	for (int i = 0; i < NET_DAEMONS; i++)
		await_net_node(net, i, true);
}

uint64_t net_segment_bytes(const struct net *net, int i)
{
	char path[300];
	struct dirent *entry;
	uint64_t bytes = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/segments", net->daemons[i].dir);
	dir = opendir(path);
	CHECK(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	}
	closedir(dir);
	return bytes;
}

size_t net_anonymous_bytes(const struct net *net, int i)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)net->daemons[i].pid);
	f = fopen(path, "r");
	CHECK(f != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "RssAnon: %lu kB", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

unsigned char net_byte(uint32_t seed, uint32_t offset)
{
	uint32_t x = seed * 2654435761u + (offset >> 2) * 2246822519u;

	x ^= x >> 15;
	return (unsigned char)(x >> (8 * (offset & 3)));
}

void await_net_chunk(struct net *net, uint32_t seed, uint32_t len, struct net_chunk *out)
{
	struct hasher hasher;
	struct digest digest;

	memset(out, 0, sizeof(*out));
	hasher_init(&hasher, DIGEST_SHA256);
	for (uint32_t done = 0; done < len;) {
		struct buf *b;

		CHECK(await_buf(net->pool, BUF_BLOCK, 60000, &b) == 0);
		while (b->len < BUF_BLOCK && done < len)
			b->data[b->len++] = net_byte(seed, done++);
		hasher_add(&hasher, b->data, b->len);
		out->blocks[out->count++] = b;
	}
	hasher_digest(&hasher, &digest);
	memcpy(out->pair.digest, digest.bytes, 32);
	out->pair.gen = 1000 + seed;
	out->pair.len = len;
}

void net_chunk_fini(struct net_chunk *c)
{
	while (c->count > 0)
		buf_unref(c->blocks[--c->count]);
}

int await_net_put(struct net *net, const struct net_chunk *c, struct store_put **put)
{
	struct store_put *p =
		store_put_start(net->client, &c->pair, c->blocks, c->count, 20000);
	int rc = await_store_put(p);

	if (put != NULL)
		*put = p;
	else
		store_put_end(p);
	return rc;
}

int await_net_read(struct net *net, const struct wire_pair *chunks, const uint32_t *seeds,
		   size_t count, uint64_t offset, uint64_t length)
{
	struct store_reader *r =
		store_reader_start(net->client, chunks, count, offset, length, 20000);
	struct store_bytes piece;
	uint64_t at = offset, start = 0;
	size_t chunk = 0;
	int rc;

	while ((rc = await_store_read(r, &piece)) == 0 && piece.len > 0) {
		for (size_t i = 0; i < piece.len; i++, at++) {
			while (at - start >= chunks[chunk].len)
				start += chunks[chunk++].len;
			CHECK(piece.buf->data[piece.offset + i] ==
			      net_byte(seeds[chunk], (uint32_t)(at - start)));
		}
		buf_unref(piece.buf);
	}
	store_reader_end(r);
	if (rc == 0)
		CHECK(at == offset + length);
	return rc;
}

struct runner {
	struct net *net;
	void (*fn)(struct net *);
};

TASK_ENTRY static void case_main(void *arg)
{
	struct runner *r = arg;
	struct net *net = r->net;

	for (int i = 0; i < NET_DAEMONS; i++) {
		for (int n = 0; net->daemons[i].announced < 2; n++) {
			CHECK(n < 1000);
			CHECK(await_sleep(10) == 0);
		}
	}
	net_set_epoch(net, 1);
	await_net_all_up(net);
	r->fn(net);
	loop_stop(net->loop);
}

static void net_open(struct net *net)
{
	struct zsock_options options = {.send_hwm = 64, .recv_hwm = 64, .max_frame = 1 << 18};
	struct zsock_handler handler = {.on_message = on_announce};
	struct store_hooks hooks = {on_stale, on_trouble, net};

	snprintf(net->dir, sizeof(net->dir), "%s/packhouse-net-XXXXXX",
		 getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	CHECK(mkdtemp(net->dir) != NULL);
	net->epoch = 1;
	net->adopt_stale = true;
	snprintf(net->cluster_uuid, sizeof(net->cluster_uuid),
		 "11111111-2222-4333-8444-555555555555");
	net->loop = loop_new();
	net->pool = buf_pool_new(net->loop, POOL_BUDGET);
	zsock_setup(1);
	CHECK(zsock_router(net->loop, net->pool, "127.0.0.1:0", &options, &handler, net,
			   &net->keeper) == 0);
	net->client = store_client_new(net->loop, net->pool, "net-test", &hooks);
	for (int i = 0; i < NET_DAEMONS; i++) {
		struct net_daemon *d = &net->daemons[i];

		d->node.id = (uint16_t)(i + 1);
		snprintf(d->dir, sizeof(d->dir), "%s/storage-%d", net->dir, i + 1);
		net_start(net, i);
	}
}

/* Daemons that are stopped cleanly must end with 0. */
static void net_close(struct net *net)
{
	char command[300];
	int status;

	store_client_free(net->client);
	for (int i = 0; i < NET_DAEMONS; i++) {
		if (net->daemons[i].pid == 0)
			continue;
		net_signal(net, i, SIGTERM);
		CHECK(waitpid(net->daemons[i].pid, &status, 0) == net->daemons[i].pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	zsock_close(net->keeper);
	zsock_teardown();
	buf_pool_free(net->pool);
	map_fini(&net->map);
	task_shutdown();
	loop_free(net->loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", net->dir);
	CHECK(system(command) == 0);
}

int net_run(const char *name, void (*fn)(struct net *))
{
	struct net net = {.loop = NULL};
	struct runner runner = {&net, fn};
	int64_t start;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open("net-test", LOG_WARN);
	metrics_setup(1);
	net_open(&net);
	start = clock_now_ms();
	CHECK(task_spawn(net.loop, name, name, case_main, &runner) != NULL);
	loop_run(net.loop);
	printf("%s: %lld ms\n", name, (long long)(clock_now_ms() - start));
	net_close(&net);
	return 0;
}
