/*
 * gateway.connections_per_address at one worker: asked by its front at each accept.
 */
#pragma once

#include "proto/base/log_pace.h"

struct conn_counts;
struct worker;

struct conn_limit {
	const struct worker *worker;
	struct conn_counts *counts;
	unsigned most;
	struct log_pace told;
};

/* From now on; lives as long as the worker's front. */
void conn_limit_open(struct conn_limit *l, struct worker *w, struct conn_counts *counts);
