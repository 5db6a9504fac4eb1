/*
 * Full blocks are kept in a free list, smaller ones come from malloc. Dropping the last
 * reference on the loop's thread frees at once; on another thread the buf is mailed to the
 * loop, so that budget and free list need no lock.
 *
 * Waiters for room stand in one fair queue of claims: the first one blocks the later ones, also
 * smaller ones, so that a large claim is not starved.
 */
#include "proto/base/buf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/mailbox.h"

#define KEEP_BLOCKS 64

struct buf_pool {
	struct loop *loop;
	struct mailbox *returns;
	pthread_t thread;
	size_t budget;
	size_t used;
	size_t live;
	TAILQ_HEAD(, buf_claim) claims;
	struct deferred grant;
	void *kept[KEEP_BLOCKS];
	size_t kept_count;
};

static void *block_get(struct buf_pool *p)
{
	return p->kept_count > 0 ? p->kept[--p->kept_count] : xmalloc(BUF_BLOCK);
}

static void block_put(struct buf_pool *p, void *block)
{
	if (p->kept_count < KEEP_BLOCKS)
		p->kept[p->kept_count++] = block;
	else
		free(block);
}

static bool fits(const struct buf_pool *p, size_t bytes)
{
	/* A single thing larger than the whole budget may go alone. */
	return p->used + bytes <= p->budget || p->used == 0;
}

static void on_grant(void *arg)
{
	struct buf_pool *p = arg;
	struct buf_claim *c;

	while ((c = TAILQ_FIRST(&p->claims)) != NULL && fits(p, c->bytes)) {
		TAILQ_REMOVE(&p->claims, c, link);
		c->queued = false;
		p->used += c->bytes;
		c->fn(c->arg);
	}
}

static void give_back(struct buf_pool *p, size_t bytes)
{
	assert(p->used >= bytes);
	p->used -= bytes;
	if (!TAILQ_EMPTY(&p->claims))
		deferred_queue(&p->grant);
}

static void destroy(struct buf *b)
{
	struct buf_pool *p = b->pool;

	if (b->release != NULL)
		b->release(b->hint);
	else if (b->capacity == BUF_BLOCK)
		block_put(p, b->data);
	else
		free(b->data);
	p->live--;
	give_back(p, b->charge);
	free(b);
}

static void on_return(void *arg, struct letter *letter)
{
	(void)arg;
	destroy((struct buf *)((char *)letter - offsetof(struct buf, letter)));
}

struct buf_pool *buf_pool_new(struct loop *l, size_t budget)
{
	struct buf_pool *p = xcalloc(1, sizeof(*p));

	p->loop = l;
	p->budget = budget;
	p->thread = pthread_self();
	p->returns = mailbox_new(l, on_return, p);
	TAILQ_INIT(&p->claims);
	deferred_init(&p->grant, l, on_grant, p);
	return p;
}

void buf_pool_free(struct buf_pool *p)
{
	if (p == NULL)
		return;
	mailbox_free(p->returns);
	assert(p->live == 0 && TAILQ_EMPTY(&p->claims));
	deferred_cancel(&p->grant);
	while (p->kept_count > 0)
		free(p->kept[--p->kept_count]);
	free(p);
}

static struct buf *buf_new(struct buf_pool *p, void *data, size_t capacity)
{
	struct buf *b = xcalloc(1, sizeof(*b));

	b->data = data;
	b->capacity = capacity;
	b->charge = capacity;
	b->pool = p;
	atomic_init(&b->refs, 1);
	p->live++;
	return b;
}

/* The charge is taken already. */
static struct buf *buf_of_capacity(struct buf_pool *p, size_t capacity)
{
	return buf_new(p, capacity == BUF_BLOCK ? block_get(p) : xmalloc(capacity), capacity);
}

struct buf *buf_get(struct buf_pool *p, size_t capacity)
{
	assert(capacity > 0 && capacity <= BUF_BLOCK);
	if (!buf_reserve(p, capacity))
		return NULL;
	return buf_of_capacity(p, capacity);
}

int await_buf(struct buf_pool *p, size_t capacity, int64_t timeout_ms, struct buf **out)
{
	int rc;

	assert(capacity > 0 && capacity <= BUF_BLOCK);
	rc = await_reserve(p, capacity, timeout_ms);
	if (rc == 0)
		*out = buf_of_capacity(p, capacity);
	return rc;
}

struct buf *buf_wrap(struct buf_pool *p, void *data, size_t len, void (*release)(void *),
		     void *hint)
{
	struct buf *b = buf_new(p, data, len);

	b->len = len;
	b->release = release;
	b->hint = hint;
	p->used += len;
	return b;
}

struct buf *buf_ref(struct buf *b)
{
	unsigned before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);

	assert(before > 0);
	(void)before;
	return b;
}

void buf_unref(struct buf *b)
{
	if (b == NULL || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (pthread_equal(pthread_self(), b->pool->thread))
		destroy(b);
	else
		mailbox_post(b->pool->returns, &b->letter);
}

bool buf_reserve(struct buf_pool *p, size_t bytes)
{
	/* Nobody overtakes those who wait. */
	if (!TAILQ_EMPTY(&p->claims) || !fits(p, bytes))
		return false;
	p->used += bytes;
	return true;
}

void buf_unreserve(struct buf_pool *p, size_t bytes)
{
	give_back(p, bytes);
}

void buf_claim_queue(struct buf_pool *p, struct buf_claim *c, size_t bytes, void (*fn)(void *),
		     void *arg)
{
	*c = (struct buf_claim){.fn = fn, .arg = arg, .bytes = bytes, .queued = true};
	TAILQ_INSERT_TAIL(&p->claims, c, link);
	deferred_queue(&p->grant);
}

void buf_claim_cancel(struct buf_pool *p, struct buf_claim *c)
{
	if (!c->queued)
		return;
	c->queued = false;
	TAILQ_REMOVE(&p->claims, c, link);
	/* It may have been in the way of smaller ones. */
	deferred_queue(&p->grant);
}

static void on_claim_granted(void *arg)
{
	waiter_done(arg, 0);
}

int await_reserve(struct buf_pool *p, size_t bytes, int64_t timeout_ms)
{
	struct buf_claim claim;
	struct waiter w;
	int rc;

	if (buf_reserve(p, bytes))
		return 0;
	waiter_init(&w);
	buf_claim_queue(p, &claim, bytes, on_claim_granted, &w);
	rc = task_wait(&w, "room in the buffer budget", timeout_ms);
	buf_claim_cancel(p, &claim);
	return rc;
}

size_t buf_used(const struct buf_pool *p)
{
	return p->used;
}

size_t buf_budget(const struct buf_pool *p)
{
	return p->budget;
}

bool buf_contended(const struct buf_pool *p)
{
	return !TAILQ_EMPTY(&p->claims);
}
