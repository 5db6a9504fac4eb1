/*
 * Bad and missing copies that reads meet: their partitions are made due for the keeper.
 *
 * Reports are gathered for a second (by then a bad copy has left its daemon's index), the same
 * partition and node is told at most every ten seconds, and no more than TROUBLE_MAX at a time
 * are remembered: whatever is dropped here is met again, by a reader or by the keeper's weekly
 * comparison. One a worker, loop thread only.
 */
#pragma once

#include <stdint.h>

#include "proto/base/loop.h"

#define TROUBLE_MAX 256

struct metadb;
struct trouble;

struct trouble *trouble_new(struct loop *l, struct metadb *db);
/* Before metadb_close(); turns the loop until a report under way has ended. */
void trouble_free(struct trouble *t);

void trouble_report(struct trouble *t, unsigned partition, uint16_t node);
