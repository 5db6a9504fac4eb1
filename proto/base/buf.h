/*
 * Payload bytes: refcounted blocks that share one budget a process.
 *
 * A buf is at most BUF_BLOCK bytes; longer things are lists of bufs. References may be taken
 * and dropped on any thread (ZeroMQ frees sent frames on its own); everything else belongs to
 * the loop's thread. The budget counts every live block at its full size, also bytes that were
 * reserved for frames not yet received. When it is used up, buf_get() says no and
 * await_buf() sleeps in a fair queue.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/err.h"
#include "proto/base/loop.h"
#include "proto/base/mailbox.h"
#include "proto/base/task.h"

#define BUF_BLOCK ((size_t)256 * 1024)

struct buf_pool;

struct buf {
	unsigned char *data;
	size_t len;	 /* bytes that hold something */
	size_t capacity; /* bytes that may */
	/* the rest is private to buf.c */
	atomic_uint refs;
	size_t charge;
	struct buf_pool *pool;
	void (*release)(void *hint);
	void *hint;
	struct letter letter;
};

struct buf_pool *buf_pool_new(struct loop *l, size_t budget);
/* Every buf must be back. */
void buf_pool_free(struct buf_pool *p);

/* A block of at least `capacity` ≤ BUF_BLOCK bytes, len 0; NULL when the budget is used up. */
struct buf *buf_get(struct buf_pool *p, size_t capacity);
/* The same, sleeping until there is room: 0, -ETIMEDOUT, -ECANCELED. First come, first served.
 */
int await_buf(struct buf_pool *p, size_t capacity, int64_t timeout_ms,
	      struct buf **out) MUST_CHECK;

/*
 * Wrap bytes that another library owns, without a copy; release(hint) runs, on any thread, when
 * the last reference goes. Charges the budget even beyond its end: the credit that let the
 * bytes be sent is what bounds it.
 */
struct buf *buf_wrap(struct buf_pool *p, void *data, size_t len, void (*release)(void *),
		     void *hint);

struct buf *buf_ref(struct buf *b);
void buf_unref(struct buf *b); /* any thread; NULL is fine */

/*
 * Room for bytes that are not bufs yet (frames asked for, a manifest's body): true and charged,
 * or false. The same amount is given back with buf_unreserve().
 */
bool buf_reserve(struct buf_pool *p, size_t bytes);
int await_reserve(struct buf_pool *p, size_t bytes, int64_t timeout_ms) MUST_CHECK;
void buf_unreserve(struct buf_pool *p, size_t bytes);

/* Engines that wait for room: fn runs once, on the loop, when `bytes` are free and its turn
 * came (the bytes are reserved for it then: it owns a reservation of `bytes`). */
struct buf_claim {
	void (*fn)(void *arg);
	void *arg;
	size_t bytes;
	bool queued;
	TAILQ_ENTRY(buf_claim) link;
};
void buf_claim_queue(struct buf_pool *p, struct buf_claim *c, size_t bytes, void (*fn)(void *),
		     void *arg);
void buf_claim_cancel(struct buf_pool *p, struct buf_claim *c);

size_t buf_used(const struct buf_pool *p);
size_t buf_budget(const struct buf_pool *p);
/* Somebody sleeps for room: a good moment to cut a chunk short. */
bool buf_contended(const struct buf_pool *p);
