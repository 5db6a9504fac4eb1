/*
 * What a check found, and how it is told.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "metadb/consistency.h"

/* Rows against copies and copies against rows, summed over the partitions looked at. */
struct copy_figures {
	int64_t partitions;
	int64_t copies;	 /* listed */
	int64_t missing; /* a member lacks a pair */
	int64_t lost;	 /* of those: no node has any bytes of it; once a chunk */
	int64_t garbage; /* no row, no open upload */
	int64_t unknown; /* partitions with a copy whose gen was never given out */
	int64_t extra;	 /* at a node that is no member, though all members have it */
};

struct check_report {
	struct row_check row[ROW_CHECKS_MAX];
	int rows;
	struct server_state server;
	struct copy_figures copy;
};

/* How many things are wrong; warnings do not count. */
int64_t check_findings(const struct check_report *r);
void check_print(const struct check_report *r, bool json, FILE *out);
