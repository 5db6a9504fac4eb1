/*
 * Values below 64 have a step each. Above, a value's step is made of the position of its
 * highest bit and of the five bits below it:
 *
 *	us = 1 x x x x x ? ? ?		step = 32 × (shift + 1) + xxxxx,  shift = number of ?
 */
#include "tests/bench/load/hist.h"

#include <math.h>

static unsigned step_of(uint64_t us)
{
	unsigned shift, step;

	if (us < 64)
		return (unsigned)us;
	shift = 63 - (unsigned)__builtin_clzll(us) - 5;
	step = 32 * (shift + 1) + (unsigned)(us >> shift) - 32;
	return step < HIST_STEPS ? step : HIST_STEPS - 1;
}

/* The highest value that falls into a step. */
static uint64_t top_of(unsigned step)
{
	unsigned shift;

	if (step < 64)
		return step;
	shift = step / 32 - 1;
	return ((uint64_t)(32 + step % 32 + 1) << shift) - 1;
}

void hist_add(struct hist *h, uint64_t us)
{
	h->count++;
	h->sum_us += us;
	if (us > h->max_us)
		h->max_us = us;
	h->steps[step_of(us)]++;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	into->count += from->count;
	into->sum_us += from->sum_us;
	if (from->max_us > into->max_us)
		into->max_us = from->max_us;
	for (unsigned i = 0; i < HIST_STEPS; i++)
		into->steps[i] += from->steps[i];
}

uint64_t hist_at(const struct hist *h, double share)
{
	uint64_t want = (uint64_t)ceil(share * (double)h->count), seen = 0;

	if (h->count == 0)
		return 0;
	if (want == 0)
		want = 1;
	for (unsigned i = 0; i < HIST_STEPS; i++) {
		seen += h->steps[i];
		if (seen >= want && i < HIST_STEPS - 1)
			return top_of(i) < h->max_us ? top_of(i) : h->max_us;
	}
	return h->max_us;
}
