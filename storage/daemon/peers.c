/*
 * A list by address. A link is closed by the timer only, never inside one of its own callbacks.
 */
#include "storage/daemon/peers.h"

#include <stdlib.h>
#include <string.h>

#define PEERS_MAX     1024
#define PEERS_TICK_MS 5000
/* Of replies: one GET at a time for each PULL. */
#define PEERS_HWM 64

struct peer_wait {
	struct waiter waiter;
	TAILQ_ENTRY(peer_wait) link;
};

struct peer {
	struct link *link;
	unsigned users;
	int64_t used_ms;
	TAILQ_HEAD(, peer_wait) waits;
	TAILQ_ENTRY(peer) entry;
};

struct peers {
	struct loop *loop;
	struct buf_pool *pool;
	struct timer timer;
	size_t count;
	TAILQ_HEAD(, peer) list;
};

static void peer_close(struct peers *p, struct peer *peer)
{
	TAILQ_REMOVE(&p->list, peer, entry);
	p->count--;
	link_close(peer->link);
	free(peer);
}

static void on_tick(void *arg)
{
	struct peers *p = arg;
	int64_t now = clock_now_ms();
	struct peer *peer, *next;

	for (peer = TAILQ_FIRST(&p->list); peer != NULL; peer = next) {
		next = TAILQ_NEXT(peer, entry);
		if (peer->users == 0 && now - peer->used_ms > PEERS_IDLE_MS)
			peer_close(p, peer);
	}
	timer_start(&p->timer, PEERS_TICK_MS);
}

struct peers *peers_new(struct loop *l, struct buf_pool *pool)
{
	struct peers *p = xcalloc(1, sizeof(*p));

	p->loop = l;
	p->pool = pool;
	TAILQ_INIT(&p->list);
	timer_init(&p->timer, l, on_tick, p);
	timer_start(&p->timer, PEERS_TICK_MS);
	return p;
}

void peers_free(struct peers *p)
{
	struct peer *peer;

	if (p == NULL)
		return;
	while ((peer = TAILQ_FIRST(&p->list)) != NULL) {
		assert(peer->users == 0);
		peer_close(p, peer);
	}
	timer_fini(&p->timer);
	free(p);
}

static void on_change(void *arg, bool up)
{
	struct peer *peer = arg;
	struct peer_wait *w;

	while (up && (w = TAILQ_FIRST(&peer->waits)) != NULL) {
		TAILQ_REMOVE(&peer->waits, w, link);
		waiter_done(&w->waiter, 0);
	}
}

static int find(struct peers *p, const char *address, struct peer **out)
{
	struct link_options options = {
		.max_frame = WIRE_PIECE_MAX, .hwm = PEERS_HWM, .on_change = on_change};
	struct peer *peer;
	int rc;

	TAILQ_FOREACH(peer, &p->list, entry) {
		if (strcmp(link_address(peer->link), address) == 0) {
			*out = peer;
			return 0;
		}
	}
	if (p->count >= PEERS_MAX)
		return ERR_LIMIT;
	peer = xcalloc(1, sizeof(*peer));
	TAILQ_INIT(&peer->waits);
	options.arg = peer;
	rc = link_open(p->loop, p->pool, address, &options, &peer->link);
	if (rc < 0) {
		free(peer);
		return rc;
	}
	TAILQ_INSERT_TAIL(&p->list, peer, entry);
	p->count++;
	*out = peer;
	return 0;
}

int await_peer(struct peers *p, const char *address, int64_t timeout_ms, struct peer **out)
{
	struct peer_wait w;
	struct peer *peer;
	int rc;

	rc = find(p, address, &peer);
	if (rc < 0)
		return rc;
	peer->users++;
	if (!link_up(peer->link)) {
		waiter_init(&w.waiter);
		TAILQ_INSERT_TAIL(&peer->waits, &w, link);
		rc = task_wait(&w.waiter, "a connection to a peer", timeout_ms);
		if (!w.waiter.done)
			TAILQ_REMOVE(&peer->waits, &w, link);
	}
	if (rc < 0)
		peer_put(peer);
	else
		*out = peer;
	return rc;
}

struct link *peer_link(struct peer *peer)
{
	return peer->link;
}

void peer_put(struct peer *peer)
{
	assert(peer->users > 0);
	peer->users--;
	peer->used_ms = clock_now_ms();
}
