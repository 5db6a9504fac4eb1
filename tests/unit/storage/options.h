/* Numbers from the environment, and the seed in the last words of a test that aborts. */
#pragma once

#include <stdint.h>

uint64_t option(const char *name, uint64_t otherwise);
void option_running_seed(uint64_t seed);
void option_report_aborts(void);
