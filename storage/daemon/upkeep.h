/*
 * The thread that looks after the disk besides committing: checkpoints, the mark, and its
 * numbers.
 *
 * Once a second it makes a checkpoint if one is due (or UPKEEP_CHECKPOINT_MS have passed),
 * saves a mark that is new (the first at once, others UPKEEP_MARK_MS later, the last one at its
 * end) and hands fresh statistics to the loop.
 */
#pragma once

#include "proto/base/loop.h"
#include "storage/daemon/mark.h"
#include "storage/daemon/store.h"

#define UPKEEP_CHECKPOINT_MS 30000
#define UPKEEP_MARK_MS	     10000

struct upkeep;

/* on_stats runs on the loop, the first time soon. */
struct upkeep *upkeep_new(struct loop *l, struct store *s,
			  void (*on_stats)(void *arg, const struct store_stats *stats),
			  void *arg);
/* The mark to have on the disk; on the loop's thread. */
void upkeep_mark(struct upkeep *u, const struct store_mark *mark);
/* Waits for a running checkpoint. On the loop's thread. */
void upkeep_free(struct upkeep *u);
