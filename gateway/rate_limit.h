/*
 * gateway.rate_per_caller and gateway.rate_per_address: how many requests a minute.
 *
 * A request with a valid credential counts for its account; any other, also one whose
 * credential turns out to be invalid, for the address that it came from. Nobody is counted
 * twice for one request.
 */
#pragma once

#include <stdint.h>

#include "gateway/rate_table.h"
#include "gateway/request.h"

/*
 * It is known whose request it is (account 0: nobody's). 0: it may go on, and its answer tells
 * what is left. Otherwise it has refused (429), and returns the status.
 */
int rate_limit(struct request *rq, int64_t account);
/*
 * How it stands for that account, or for the request's address; nothing is counted, and the
 * answer's headers tell it, too. False: there is no limit.
 */
bool rate_limit_state(struct request *rq, int64_t account, struct rate_state *out);
/* Whole seconds, as answers tell them. */
int64_t rate_seconds(int64_t ms);
