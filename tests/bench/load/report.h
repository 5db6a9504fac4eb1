/*
 * What a run found: one JSON object on stdout, a line for people on stderr.
 */
#pragma once

#include <stdio.h>

#include "tests/bench/load/faults.h"

struct report {
	const struct options *options;
	uint64_t operations; /* successful ones */
	uint64_t failed;     /* failed for good */
	uint64_t retried;
	uint64_t payload,
		wire;	     /* bytes of blobs and manifests; of all that was sent and read */
	uint64_t elapsed_us; /* of the measured part */
	uint64_t late;	     /* open loop: operations that began behind their time */
	struct hist latency; /* of successful operations */
	struct hist tokens;
	struct hist steps[STEPS];
	struct faults *faults;
};

void report_write(const struct report *r);
/* A JSON string with its quotes. */
void report_write_string(FILE *out, const char *text);
