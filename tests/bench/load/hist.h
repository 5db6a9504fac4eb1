/*
 * A histogram of latencies in bounded memory: steps of about 3 %, from one microsecond to
 * hours. A plain value; not locked: each worker has its own, and they are added up at the end.
 */
#pragma once

#include <stdint.h>

/* 32 linear steps for each power of two; the last step takes all beyond. */
#define HIST_STEPS 1024

struct hist {
	uint64_t count, sum_us, max_us;
	uint32_t steps[HIST_STEPS];
};

void hist_add(struct hist *h, uint64_t us);
void hist_merge(struct hist *into, const struct hist *from);
/* The latency in microseconds that this share (0…1) of all stayed at or below; 0 when empty. */
uint64_t hist_at(const struct hist *h, double share);
