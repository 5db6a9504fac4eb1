/* What world.c and world_check.c share. */
#pragma once

#include "tests/unit/storage/world.h"

/* A random key; large chunks are rare. */
struct world_key *world_pick(struct world *w, struct rng *r);
/* Note the first difference; returns false. */
bool world_differs(struct world *w, const struct world_key *k, const char *what);
