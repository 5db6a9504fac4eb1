/* What world.c and world_check.c share. */
#pragma once

#include "tests/unit/storage/world.h"

/* A random key; large chunks are rare. */
struct world_key *world_pick(struct world *w, struct rng *r);
uint64_t world_failed_syncs(const struct world *w);
/* Note the first difference; returns false. */
bool world_differs(struct world *w, const struct world_key *k, const char *what);
