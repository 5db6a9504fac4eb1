/*
 * Counters, gauges and histograms of a process family, in memory shared by parent and workers.
 *
 * The list is proto/base/metrics_table.h: one row a metric with name, labels and help. Each
 * process of a family writes its own slot with relaxed atomics (no lock, no call); a scrape
 * sums the slots. Any thread may update.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>

enum metric {
#define METRIC(id, kind, name, labels, help) M_##id,
#include "proto/base/metrics_table.h"
#undef METRIC
	METRIC_COUNT
};

/* Before fork: room for `slots` processes (slot 0 is the parent or the only process). */
void metrics_setup(int slots);
/* Which slot this process writes; a worker that replaces a dead one takes over its slot. */
void metrics_use_slot(int slot);

void metric_add(enum metric m, int64_t by);
#define metric_inc(m) metric_add((m), 1)
/* Gauges: the sum of all slots is shown. */
void metric_set(enum metric m, int64_t value);
/* Histograms: microseconds; buckets are fixed powers from 100 µs to 100 s. */
void metric_observe_us(enum metric m, int64_t us);
/* Sum over the slots. */
int64_t metric_value(enum metric m);

/* Prometheus text format 0.0.4. Prints the metrics whose name starts with prefix or
 * "packhouse_process". */
void metrics_print(FILE *out, const char *prefix);
