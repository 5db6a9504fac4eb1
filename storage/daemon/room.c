/*
 * Waiting is done by the buffer pool's own fair queue. Tickets stand in a list in order of
 * their granting, which is also the order in which they run out. Their numbers start at random,
 * so that a ticket of this daemon's previous life is not taken for one of this.
 */
#include "storage/daemon/room.h"

#include <stdlib.h>
#include <sys/random.h>

#define BUCKETS 64

struct ticket {
	uint64_t id;
	uint32_t len;
	int64_t until_ms;
	LIST_ENTRY(ticket) hash;
	TAILQ_ENTRY(ticket) link;
};

struct room {
	struct buf_pool *pool;
	struct timer timer;
	uint64_t next_id;
	size_t count;
	LIST_HEAD(, ticket) bucket[BUCKETS];
	TAILQ_HEAD(, ticket) tickets;
};

static void arm(struct room *r, int64_t now_ms)
{
	struct ticket *first = TAILQ_FIRST(&r->tickets);

	if (first == NULL)
		timer_stop(&r->timer);
	else
		timer_start(&r->timer, first->until_ms > now_ms ? first->until_ms - now_ms : 0);
}

static void on_timer(void *arg)
{
	room_expire(arg, clock_now_ms());
}

struct room *room_new(struct loop *l, struct buf_pool *pool)
{
	struct room *r = xcalloc(1, sizeof(*r));

	r->pool = pool;
	if (getrandom(&r->next_id, sizeof(r->next_id), 0) != sizeof(r->next_id))
		fatal("no random numbers");
	for (unsigned i = 0; i < BUCKETS; i++)
		LIST_INIT(&r->bucket[i]);
	TAILQ_INIT(&r->tickets);
	timer_init(&r->timer, l, on_timer, r);
	return r;
}

static void drop(struct room *r, struct ticket *t)
{
	LIST_REMOVE(t, hash);
	TAILQ_REMOVE(&r->tickets, t, link);
	r->count--;
	buf_unreserve(r->pool, t->len);
	free(t);
}

void room_free(struct room *r)
{
	struct ticket *t;

	if (r == NULL)
		return;
	while ((t = TAILQ_FIRST(&r->tickets)) != NULL)
		drop(r, t);
	timer_fini(&r->timer);
	free(r);
}

static void on_claim(void *arg)
{
	struct room_wait *w = arg;
	struct room *r = w->room;
	int64_t now = clock_now_ms();
	struct ticket *t;

	if (now >= w->deadline_ms) {
		buf_unreserve(r->pool, w->claim.bytes);
		w->done(w->arg, -ETIMEDOUT, 0);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	t->id = ++r->next_id == 0 ? ++r->next_id : r->next_id;
	t->len = (uint32_t)w->claim.bytes;
	t->until_ms = now + ROOM_TICKET_MS;
	LIST_INSERT_HEAD(&r->bucket[t->id % BUCKETS], t, hash);
	TAILQ_INSERT_TAIL(&r->tickets, t, link);
	r->count++;
	if (TAILQ_FIRST(&r->tickets) == t)
		arm(r, now);
	w->done(w->arg, 0, t->id);
}

void room_ask(struct room *r, struct room_wait *w, uint32_t len, int64_t deadline_ms,
	      void (*done)(void *arg, int rc, uint64_t ticket), void *arg)
{
	w->room = r;
	w->deadline_ms = deadline_ms;
	w->done = done;
	w->arg = arg;
	buf_claim_queue(r->pool, &w->claim, len, on_claim, w);
}

void room_cancel(struct room_wait *w)
{
	buf_claim_cancel(w->room->pool, &w->claim);
}

static struct ticket *find(struct room *r, uint64_t id)
{
	struct ticket *t;

	LIST_FOREACH(t, &r->bucket[id % BUCKETS], hash)
		if (t->id == id)
			break;
	return t;
}

void room_release(struct room *r, uint64_t ticket)
{
	struct ticket *t = find(r, ticket);

	if (t != NULL)
		drop(r, t);
}

int room_take(struct room *r, uint64_t ticket, uint32_t len)
{
	struct ticket *t = find(r, ticket);

	if (t == NULL || t->len != len)
		return ERR_NOT_FOUND;
	drop(r, t);
	return 0;
}

void room_expire(struct room *r, int64_t now_ms)
{
	struct ticket *t;

	while ((t = TAILQ_FIRST(&r->tickets)) != NULL && t->until_ms <= now_ms)
		drop(r, t);
	arm(r, now_ms);
}

size_t room_tickets(const struct room *r)
{
	return r->count;
}
