/*
 * How many connections each client has open at all workers of a gateway together.
 *
 * One shared mapping, made by the parent before it forks; each worker writes a table of its own
 * in it and reads the others', so that nobody waits for anybody and a worker that dies takes
 * nothing along: the parent clears its table. Memory is bounded by the connections that a
 * worker may have, whoever the clients are. Two workers that accept at the same moment may not
 * see each other: a client may get one more for each worker. Never blocks.
 */
#pragma once

#include <stdint.h>

#include "gateway/client_net.h"

struct conn_counts;

#define CONN_COUNT_MAX 65535 /* of one client at one worker */

/* For workers 0…workers − 1 of at most `connections` connections each. */
struct conn_counts *conn_counts_new(unsigned workers, unsigned connections);
void conn_counts_free(struct conn_counts *c);
/* The worker is gone, with all its connections. */
void conn_counts_clear(struct conn_counts *c, unsigned worker);

/* What a client is called here; not 0. */
uint64_t conn_counts_tag(const struct conn_counts *c, const struct client_net *n);
/* At all workers. */
unsigned conn_counts_of(const struct conn_counts *c, uint64_t tag);
/* One more or one less at this worker, by itself. */
void conn_counts_add(struct conn_counts *c, unsigned worker, uint64_t tag);
void conn_counts_drop(struct conn_counts *c, unsigned worker, uint64_t tag);
