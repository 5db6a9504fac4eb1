/*
 * The thread that does the store's chores: compaction and scrub (chores.h), in turn, each at
 * its rate. Settings: storage.compact_ratio, .compact_rate, .scrub_rate, .scrub_age.
 */
#pragma once

#include "storage/daemon/committer.h"
#include "storage/daemon/store.h"

struct cleaner;

struct cleaner *cleaner_new(struct store *s, struct committer *c);
/* Returns soon: a copy that is being written is finished, nothing else. Before the committer is
 * freed. */
void cleaner_free(struct cleaner *cl);
