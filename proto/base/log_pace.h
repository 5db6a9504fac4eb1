/*
 * For lines that strangers could cause without end: one in ten seconds, with the number of
 * those that were held back. Loop thread only.
 *
 *   static struct log_pace pace;
 *   unsigned held;
 *
 *   if (log_pace_now(&pace, &held))
 *           log_warn("too many of them", "held=%u", held);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/loop.h"

#define LOG_PACE_MS 10000

struct log_pace {
	int64_t next_ms;
	unsigned held;
};

/* True: write it now; *held were not written since the last one. */
static inline bool log_pace_now(struct log_pace *p, unsigned *held)
{
	int64_t now = clock_now_ms();

	if (now < p->next_ms) {
		p->held++;
		return false;
	}
	*held = p->held;
	*p = (struct log_pace){.next_ms = now + LOG_PACE_MS};
	return true;
}
