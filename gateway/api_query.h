/*
 * Parameters of the query of a request to REST. What was not sent leaves *out as it is; what
 * cannot be read is 422 with one error {resource, name, "invalid"}. 0, or the status of the
 * refusal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/request.h"

/* A decimal number; what is greater than `max` is max. */
int api_query_number(struct request *rq, const char *resource, const char *name, int64_t max,
		     int64_t *out) MUST_CHECK;
/* true or false */
int api_query_flag(struct request *rq, const char *resource, const char *name,
		   bool *out) MUST_CHECK;
