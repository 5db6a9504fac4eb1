/*
 * How much a client of HTTP/2 may do that brings nobody anything: a purse of tokens a
 * connection. Pure; any thread.
 *
 * Every frame costs one token, also an unknown one, which the library reads past without a
 * word. A stream that was reset, by the client or because of its mistakes, costs many. Time,
 * answered requests and body bytes, either way, give tokens back: a frame of DATA that brings
 * something pays for itself, however small it is. So floods of any kind of frame end, and who
 * pushes or pulls never notices: even a client that gives the windows back for every 4 KiB
 * spends half of what the bytes earn.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALM_MOST	2000 /* tokens in a full purse */
#define CALM_PER_SECOND 100
#define CALM_FRAME	1
#define CALM_RESET	10
#define CALM_ANSWERED	2    /* earned */
#define CALM_EARNING	1024 /* body bytes that earn one */

struct calm {
	int64_t left; /* tokens; below 0: too much */
	int64_t at_ms;
	size_t bytes; /* moved, and not made a token yet */
	size_t skip;  /* of what comes: the preface, a frame's payload */
	unsigned head_len;
	unsigned char head[9]; /* of a frame, as far as it came */
};

void calm_init(struct calm *c, int64_t now_ms);
/* All bytes that the client sends, in order: frames are paid for. */
void calm_watch(struct calm *c, const void *data, size_t len);
/* Time has passed. */
void calm_tick(struct calm *c, int64_t now_ms);
void calm_spend(struct calm *c, int64_t tokens);
void calm_earn(struct calm *c, int64_t tokens);
void calm_earn_bytes(struct calm *c, size_t bytes);
bool calm_is_over(const struct calm *c);
