/*
 * gateway.rate_per_caller and gateway.rate_per_address: how many requests a minute.
 *
 * A request with a valid credential counts for its account; any other, also one whose
 * credential turns out to be invalid, for the address that it came from. Nobody is counted
 * twice for one request.
 */
#pragma once

#include <stdint.h>

#include "gateway/request.h"

/*
 * It is known whose request it is (account 0: nobody's). 0: it may go on, and its answer tells
 * what is left. Otherwise it has refused (429), and returns the status.
 */
int rate_limit(struct request *rq, int64_t account);
