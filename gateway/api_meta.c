/* /meta and /rate_limit: what clients of GitHub ask about the server, and about themselves. */
#include <jansson.h>
#include <time.h>

#include "gateway/api_json.h"
#include "gateway/handlers.h"
#include "gateway/rate_limit.h"
#include "gateway/reply.h"
#include "metadb/lookups.h"

int api_meta_get(struct request *rq)
{
	return api_json_reply(rq, 200,
			      json_pack("{s:b, s:s}", "verifiable_password_authentication",
					false, "installed_version", PACKHOUSE_VERSION));
}

/* An enterprise server without limits answers so, and its clients know. */
int api_rate_limit_get(struct request *rq)
{
	struct rate_state s;
	json_t *core;

	if (!rate_limit_state(rq, rq->caller != NULL ? rq->caller->account_id : 0, &s))
		return refuse_api(rq, 404, "Rate limiting is not enabled.");
	core = json_pack("{s:I, s:I, s:I, s:I}", "limit", (json_int_t)s.limit, "used",
			 (json_int_t)(s.limit - s.remaining), "remaining",
			 (json_int_t)s.remaining, "reset",
			 (json_int_t)(time(NULL) + rate_seconds(s.full_after_ms)));
	return api_json_reply(
		rq, 200, json_pack("{s:{s:O}, s:o}", "resources", "core", core, "rate", core));
}
