/* Times in JSON and in queries: RFC 3339. Pure; any thread. */
#pragma once

#include <stdint.h>

#include "proto/base/arena.h"

/* "2026-01-02T03:04:05Z". */
const char *api_json_time(struct arena *a, int64_t seconds);
/* The way back, RFC 3339 with Z or an offset; ERR_SYNTAX. */
int api_json_time_parse(const char *text, int64_t *out) MUST_CHECK;
