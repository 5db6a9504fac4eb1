/*
 * Room for chunks that are about to come: reservations in the buffer budget, by ticket.
 *
 * A daemon reserves a whole chunk or nothing, first come first served, so that no two half-held
 * chunks can wait for each other. A reservation that was granted is used by one PUT within
 * ROOM_TICKET_MS, or it is given back: its client may have died. Loop thread only.
 */
#pragma once

#include "proto/base/buf.h"

#define ROOM_TICKET_MS 5000

struct room;

/* Embedded in its owner while it waits. */
struct room_wait {
	struct buf_claim claim;
	struct room *room;
	int64_t deadline_ms;
	void (*done)(void *arg, int rc, uint64_t ticket);
	void *arg;
};

struct room *room_new(struct loop *l, struct buf_pool *pool);
/* Tickets not used are given back; nobody may wait. */
void room_free(struct room *r);

/*
 * done is called once, never inside: with 0 and a ticket (never 0) when `len` bytes are
 * reserved, or with -ETIMEDOUT when its turn came too late (deadline on clock_now_ms()).
 */
void room_ask(struct room *r, struct room_wait *w, uint32_t len, int64_t deadline_ms,
	      void (*done)(void *arg, int rc, uint64_t ticket), void *arg);
void room_cancel(struct room_wait *w);

/*
 * The chunk is here, charged on its own: its reservation is given back. ERR_NOT_FOUND: there is
 * no such ticket (any more), or it is for another length.
 */
int room_take(struct room *r, uint64_t ticket, uint32_t len) MUST_CHECK;

/* It will not be used. An unknown ticket is fine: it ran out. */
void room_release(struct room *r, uint64_t ticket);

/* Give back what was not used in time; done by a timer, and by tests. */
void room_expire(struct room *r, int64_t now_ms);
size_t room_tickets(const struct room *r);
