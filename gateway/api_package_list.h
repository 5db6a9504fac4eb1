/* What the lists of packages in REST share. */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/package_pages.h"

/* 0, or it has refused (403): the token must have the scope read:packages. */
int api_package_list_scope(struct request *rq) MUST_CHECK;
/* package_type; *none: it is one of GitHub's that no package here has. 0, or refused (422). */
int api_package_list_type(struct request *rq, bool needed, bool *none) MUST_CHECK;
/* visibility; bits 1 << enum visibility. 0, or refused (422). */
int api_package_list_visibility(struct request *rq, unsigned *out) MUST_CHECK;
json_t *api_package_list_json(struct request *rq, const struct package_page *found);

/* Is there a parameter that only lists without numbers know? */
bool api_package_query_wanted(struct request *rq);
/* Answers what fits the request's parameters, of what *q says besides. */
int await_api_package_query(struct request *rq, struct package_query *q, bool whole) MUST_CHECK;
