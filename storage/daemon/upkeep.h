/*
 * The thread that looks after the disk besides committing: checkpoints, and its numbers.
 *
 * Once a second it makes a checkpoint if one is due (or UPKEEP_CHECKPOINT_MS have passed) and
 * hands fresh statistics to the loop.
 */
#pragma once

#include "proto/base/loop.h"
#include "storage/daemon/store.h"

#define UPKEEP_CHECKPOINT_MS 30000

struct upkeep;

/* on_stats runs on the loop, the first time soon. */
struct upkeep *upkeep_new(struct loop *l, struct store *s,
			  void (*on_stats)(void *arg, const struct store_stats *stats),
			  void *arg);
/* Waits for a running checkpoint. On the loop's thread. */
void upkeep_free(struct upkeep *u);
