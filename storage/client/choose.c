/*
 * Expected wait of a source is its latency times the pieces already asked of it, so that
 * readers spread over equal members by themselves and lean away from a slow one.
 */
#include "storage/client/choose.h"

#include <assert.h>

#include "proto/base/err.h"

/* Below this, differences of latency are noise. */
#define LATENCY_FLOOR_US 500

static int64_t expected_wait(const struct choice *c)
{
	return (c->latency_us + LATENCY_FLOOR_US) * (1 + (int64_t)c->in_flight);
}

/* 0: member, 1 and more: spare, in the row's order, then the others. */
static unsigned rank_of(const uint16_t *row, unsigned replicas, uint16_t node)
{
	for (unsigned i = 0; row != NULL && i < replicas + MAP_SPARES; i++)
		if (row[i] == node)
			return i < replicas ? 0 : i - replicas + 1;
	return MAP_SPARES + 1;
}

static bool before(const uint16_t *row, unsigned replicas, const struct choice *a,
		   const struct choice *b)
{
	unsigned rank_a = rank_of(row, replicas, a->id), rank_b = rank_of(row, replicas, b->id);

	return rank_a != rank_b ? rank_a < rank_b : expected_wait(a) < expected_wait(b);
}

/*
 * Insertion sort of indexes, turned into ids at the end: there are few nodes, and ranks are
 * quicker computed again than kept.
 */
size_t choose_readers(const uint16_t *row, unsigned replicas, const struct choice *nodes,
		      size_t count, uint16_t *order)
{
	size_t n = 0;

	assert(count <= UINT16_MAX);
	for (size_t i = 0; i < count; i++) {
		size_t at = n;

		if (!nodes[i].up)
			continue;
		for (; at > 0 && before(row, replicas, &nodes[i], &nodes[order[at - 1]]); at--)
			order[at] = order[at - 1];
		order[at] = (uint16_t)i;
		n++;
	}
	for (size_t i = 0; i < n; i++)
		order[i] = nodes[order[i]].id;
	return n;
}

static unsigned count_of(const struct copy *copies, unsigned count, enum copy_state state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		n += copies[i].state == state;
	return n;
}

int choose_writer(const struct copy *copies, unsigned count, unsigned replicas, bool impatient)
{
	unsigned acked = count_of(copies, count, COPY_ACKED);
	unsigned busy = count_of(copies, count, COPY_BUSY);

	for (unsigned i = 0; i < count; i++) {
		if (copies[i].state != COPY_IDLE || !copies[i].usable)
			continue;
		if (i < replicas || acked + (impatient ? 0 : busy) < replicas)
			return (int)i;
	}
	return -1;
}

int choose_outcome(const struct copy *copies, unsigned count, unsigned quorum)
{
	unsigned acked = count_of(copies, count, COPY_ACKED);

	if (acked >= quorum)
		return 0;
	return acked + count_of(copies, count, COPY_BUSY) >= quorum ? 1 : ERR_UNAVAILABLE;
}
