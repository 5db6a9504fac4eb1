/*
 * What an error of PostgreSQL (its SQLSTATE) means in our own codes. Pure.
 */
#pragma once

#include <stdbool.h>

/* NULL (libpq's own errors) is ERR_UNAVAILABLE. *retry: rolled back, may be sent again as it
 * is. */
int pg_error_code(const char *sqlstate, bool *retry);
/* Worth a line in the log: not one of the answers that callers expect. */
bool pg_error_loud(int code);
