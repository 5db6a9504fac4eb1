/*
 * Which nodes to write to and in which order to read: pure functions of a map row and of what
 * is known about the nodes now. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/model/cluster.h"

/* A node as a source of bytes. */
struct choice {
	uint16_t id;
	bool up;
	int64_t latency_us; /* smoothed; 0: not known lately, worth a try */
	unsigned in_flight; /* pieces asked for and not yet there */
};

/*
 * Ids of the nodes that are up, in the order to ask: members of the row, the one with the
 * shortest expected wait first; then spares in the row's order; then all others. `order` has
 * room for `count`. Returns how many.
 */
size_t choose_readers(const uint16_t *row, unsigned replicas, const struct choice *nodes,
		      size_t count, uint16_t *order);

enum copy_state { COPY_IDLE, COPY_BUSY, COPY_ACKED, COPY_FAILED };

/* One entry of the row while a chunk is written: the first `replicas` are members, then spares.
 */
struct copy {
	uint16_t node;
	enum copy_state state;
	bool usable; /* up, and takes writes */
};

#define COPIES_MAX (MAP_REPLICAS_MAX + MAP_SPARES)

/*
 * The entry to start next, -1 for none: every usable member, and as many spares as copies are
 * missing. impatient: a spare also for every copy that is still under way.
 */
int choose_writer(const struct copy *copies, unsigned count, unsigned replicas, bool impatient);

/*
 * After choose_writer() said -1: 0 when `quorum` copies are acknowledged, 1 while they still
 * can be, ERR_UNAVAILABLE when they cannot.
 */
int choose_outcome(const struct copy *copies, unsigned count, unsigned quorum);
