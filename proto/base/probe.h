/*
 * The private listener: GET /livez /readyz /metrics /debug/tasks for operators and kubelets.
 *
 * Answers small texts only, on an address that is not for users. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "proto/base/loop.h"

struct probe;

struct probe_hooks {
	/* Ready to serve? Otherwise write why not (lines) to `why`; also what is served in part
	 * only.
	 */
	bool (*ready)(void *arg, FILE *why);
	/* Fill in gauges just before a scrape, then print: usually metrics_print(out,
	 * "packhouse_x"). */
	void (*metrics)(void *arg, FILE *out);
	/* What runs and waits; usually task_dump(). */
	void (*tasks)(void *arg, FILE *out);
};

/* Listen on "ADDR:PORT". `hooks` and arg must outlive it. -errno when the address cannot be
 * bound. */
int probe_open(struct loop *l, const char *address, const struct probe_hooks *hooks, void *arg,
	       struct probe **out) MUST_CHECK;
void probe_close(struct probe *p);
