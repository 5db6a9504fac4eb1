/*
 * Records of source repositories as GitHub's REST shows them.
 *
 * Of a repository's own fields GitHub lacks one: `source_url`, where the source is.
 */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/repositories.h"

/* With `permissions`, what the role in it allows. */
json_t *api_repository_json(struct request *rq, const struct repository *r);
/* Where people look at it: its own address, or else its owner's page here. */
const char *api_repository_html_url(struct request *rq, const char *url, const char *owner);
/* GitHub's opaque global id. */
const char *api_repository_node_id(struct request *rq, int64_t id);
/* {"pull":true,…} and the role's name, into an object. */
void api_repository_role_into(json_t *object, enum repository_role role);

/*
 * What became of a change: 0 when it is done; otherwise it has refused, and returns the status.
 * rc: what the function of metadb returned.
 */
int api_repository_refused(struct request *rq, int rc, const char *doing);
