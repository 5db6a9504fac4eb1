/*
 * Teams as GitHub's REST shows them, shared by the handlers of teams, their members and their
 * repositories.
 */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/teams.h"

/* A team as lists show it. */
json_t *api_team_json(struct request *rq, const struct team *t);
/* The address of a team in REST. */
const char *api_team_url(struct request *rq, const struct team *t);

/*
 * The team {team_slug} of {org}, for routes with a right of NEED_ORG_…: 0, or it has refused
 * (404 also when the caller does not see it) and returns the status.
 */
int await_api_team(struct request *rq, struct team *out, enum team_power *power) MUST_CHECK;
