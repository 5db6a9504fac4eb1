/* GET /api/v3/: where the things are, as GitHub's root lists them. */
#include <jansson.h>

#include "gateway/api_json.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"

int api_base_get(struct request *rq)
{
	const char *base = request_base_url(rq);
	json_t *json = json_pack("{s:s, s:s, s:s}", "current_user_url",
				 arena_printf(rq->arena, "%s/api/v3/user", base), "user_url",
				 arena_printf(rq->arena, "%s/api/v3/users/{user}", base),
				 "organization_url",
				 arena_printf(rq->arena, "%s/api/v3/orgs/{org}", base));

	return api_json_reply(rq, 200, json);
}
