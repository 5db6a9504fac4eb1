/*
 * Counts pulls: gathered in memory (gateway/download_table.h) and appended to the database in
 * one statement a second, in the background. A pull waits for none of it and never fails for
 * it.
 *
 * A batch that could not be appended is sent again under its number until it is, while the next
 * ones gather; when PostgreSQL is away for so long that there is no more place, pulls of what
 * has none are not counted, which a metric and the log tell. One a worker, loop thread only.
 */
#pragma once

#include <stdbool.h>

#include "metadb/lookups.h"
#include "proto/base/loop.h"

struct download_counter;

struct download_counter *download_counter_new(struct loop *l, struct metadb *db);
/* Before metadb_close(); turns the loop until a batch under way has ended. What is left is
 * lost, and told. */
void download_counter_free(struct download_counter *c);

/* tag: by which it was asked for, or NULL; got: it is sent now, not only told about. */
void download_counter_add(struct download_counter *c, const struct manifest_info *m,
			  const char *tag, bool got);

/* On the way out: appends at once. true: nothing is left; otherwise ask again. */
bool download_counter_drained(struct download_counter *c);
