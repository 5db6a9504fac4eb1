/*
 * Runs a workload, or verifies a journal, with many connections, one thread each.
 */
#pragma once

#include "tests/bench/load/options.h"

/* Exit status: 0, or 1 when there was an error that is not expected. */
int run_workload(const struct options *options);
/* Reads the journal options->from. Exit status: 0, or 1 when anything is missing or wrong. */
int run_verify(const struct options *options);
