/*
 * A storage cluster in a test program: real daemons as child processes on loopback, and in this
 * process a keeper that does nothing but answer announcements, a buffer pool and a client.
 *
 * A case is a function that runs as a task. CHECK() ends the program when it does not hold; the
 * daemons die with it.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "proto/base/task.h"
#include "storage/client/admin.h"
#include "storage/client/client.h"
#include "storage/client/get.h"
#include "storage/client/put.h"
#include "storage/client/reader.h"

#define NET_DAEMONS 3

#define CHECK(condition)                                                           \
	do {                                                                       \
		if (!(condition)) {                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
				#condition);                                       \
			exit(1);                                                   \
		}                                                                  \
	} while (0)

struct net_daemon {
	pid_t pid;
	char dir[256];
	struct cluster_node node;
	uint64_t incarnation;
	int announced; /* messages in this life */
};

struct net {
	struct loop *loop;
	struct buf_pool *pool;
	struct store_client *client;
	struct zsock *keeper;
	char dir[200];
	char cluster_uuid[WIRE_UUID_MAX];
	int64_t epoch; /* what the keeper tells */
	struct net_daemon daemons[NET_DAEMONS];
	struct cluster_map map;
	bool adopt_stale; /* on_stale gives the client the new map */
	unsigned stale_calls;
	unsigned bad, missing;
};

/* Runs the case with all daemons up and the client knowing the map of epoch 1; returns 0. */
int net_run(const char *name, void (*fn)(struct net *));

/* Start daemon i (on the disk it has), kill it (waits for its end), signal it. */
void net_start(struct net *net, int i);
void net_kill(struct net *net, int i);
void net_signal(struct net *net, int i, int signo);
/* From a task: until the client sees the node up or down, 10 s at most. */
void await_net_node(struct net *net, int i, bool up);
void await_net_all_up(struct net *net);
/* The map of that epoch (all nodes, R = 3) to the client. */
void net_set_epoch(struct net *net, int64_t epoch);
/* Anonymous resident memory of a daemon. */
size_t net_anonymous_bytes(const struct net *net, int i);
/* Bytes of a daemon's log on its disk. */
uint64_t net_segment_bytes(const struct net *net, int i);

/* A chunk whose bytes follow from seed; references to its blocks are the caller's. */
struct net_chunk {
	struct wire_pair pair;
	struct buf *blocks[16];
	unsigned count;
};
void await_net_chunk(struct net *net, uint32_t seed, uint32_t len, struct net_chunk *out);
void net_chunk_fini(struct net_chunk *c);
/* Put it and wait for the quorum; the handle stays open in *put when that is not NULL. */
int await_net_put(struct net *net, const struct net_chunk *c, struct store_put **put);
/* Read a range of the chunks and compare it with what their seeds say. */
int await_net_read(struct net *net, const struct wire_pair *chunks, const uint32_t *seeds,
		   size_t count, uint64_t offset, uint64_t length);
unsigned char net_byte(uint32_t seed, uint32_t offset);

/* copies.c: flip a bit in the middle of the payload, wherever that lies in the daemon's
 * segments. */
bool net_flip_bit(const char *daemon_dir, uint32_t seed);
/* Does the node list this pair? */
bool await_net_has(struct net *net, uint16_t node, const struct wire_pair *pair);
/* All partitions in pages of 100, in order; how many of these are among them. */
size_t await_net_count(struct net *net, uint16_t node, const struct wire_pair *pairs, size_t n);
