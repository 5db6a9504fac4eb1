/*
 * Token buckets in a table of fixed size, shared by all workers of a gateway.
 *
 * A bucket holds as many tokens as its limit says and is filled evenly, in RATE_WINDOW_MS from
 * empty to full; a request takes one. Charging is a look at eight places and one compare-and-
 * swap: no locks, no allocation, nothing to tidy up. A newcomer takes the place of the fullest
 * of the eight, which has least to forget, so that however many clients there are, only those
 * who are below their limits gain by it. Memory is the parent's mapping, made before it forks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RATE_WINDOW_MS 60000
#define RATE_LIMIT_MAX 1000000

struct rate_table;

enum rate_kind { RATE_CALLER = 1, RATE_ADDRESS = 2 };

struct rate_client {
	enum rate_kind kind;
	uint64_t
		word[2]; /* which one; a secret key keeps strangers from choosing their place */
};

/* What a bucket is like after it was asked. */
struct rate_state {
	unsigned limit;
	unsigned remaining;	/* requests that could follow at once */
	int64_t full_after_ms;	/* when nothing more comes */
	int64_t retry_after_ms; /* until one more is allowed; 0: it is */
};

struct rate_table *rate_table_new(void);
void rate_table_free(struct rate_table *t);

/* Nothing is charged, and nobody loses his place. */
void rate_look(struct rate_table *t, const struct rate_client *c, unsigned limit,
	       int64_t now_us, struct rate_state *out);
/* One request: is it allowed? limit from 1 to RATE_LIMIT_MAX; now_us of a monotonic clock. */
bool rate_charge(struct rate_table *t, const struct rate_client *c, unsigned limit,
		 int64_t now_us, struct rate_state *out);
