/*
 * One storage daemon as its client sees it: two links, a heartbeat, windows, latency.
 *
 * A node is up while both links are, its last ping was answered within NODE_SILENCE_MS by the
 * daemon of the expected uuid and cluster, and that daemon says it is ready. When it stops
 * being up all its asks end at once.
 */
#pragma once

#include "proto/wire/link.h"
#include "storage/client/ask.h"
#include "storage/client/client.h"

#define NODE_PING_MS	1000
#define NODE_SILENCE_MS 3000
/* No reply for so long while some are due: nothing of a background copy is sent any more. */
#define NODE_STALL_MS 1000

struct node {
	struct store_client *client;
	struct cluster_node self;
	struct link *control;
	struct link *bulk;
	bool up;
	bool stranger;	/* the last pong came from another daemon or cluster (logged once) */
	unsigned state; /* enum wire_state of the last pong */
	struct call ping;
	int64_t ping_ms;  /* last sent */
	int64_t pong_ms;  /* last answered */
	int64_t heard_ms; /* last reply to an ask */
	/* Of GET replies, as TCP does its round trips: mean and mean deviation. */
	int64_t latency_us;
	int64_t deviation_us;
	int64_t latency_ms; /* when measured last */
	unsigned pieces;    /* GETs under way */
	struct lane lane[LANES];
	TAILQ_HEAD(, ask) asks;
	TAILQ_ENTRY(node) link;
};

/* -EINVAL for an address that is not numeric. */
int node_open(struct store_client *c, const struct cluster_node *self,
	      struct node **out) MUST_CHECK;
/* Its asks end with ERR_PEER_GONE first. Not from a callback of a link. */
void node_close(struct node *n);
/* Ping when due, go down after silence; deaf_ms: for so long nobody listened here. */
void node_tick(struct node *n, int64_t now_ms, int64_t deaf_ms);
bool node_writable(const struct node *n);
bool node_stalled(const struct node *n, int64_t now_ms);
void node_note_latency(struct node *n, int64_t us);
/* 0 when it was not measured lately. */
int64_t node_latency_us(const struct node *n, int64_t now_ms);
/* Most answers come sooner than this. */
int64_t node_hedge_ms(const struct node *n);
