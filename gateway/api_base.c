/* GET /api/v3/: where the things are, as GitHub's root lists them. */
#include <jansson.h>

#include "gateway/api_json.h"
#include "gateway/handlers.h"
#include "gateway/reply.h"

static const struct {
	const char *name, *path;
} places[] = {
	{"current_user_url", "/user"},
	{"user_url", "/users/{user}"},
	{"organization_url", "/orgs/{org}"},
	{"repository_url", "/repos/{owner}/{repo}"},
	{"user_organizations_url", "/user/orgs"},
	{"rate_limit_url", "/rate_limit"},
};

int api_base_get(struct request *rq)
{
	const char *base = request_base_url(rq);
	json_t *json = json_object();

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		json_object_set_new(json, places[i].name,
				    json_string(arena_printf(rq->arena, "%s/api/v3%s", base,
							     places[i].path)));
	return api_json_reply(rq, 200, json);
}
