/*
 * Packages as REST shows them: GitHub's shape, and what it lacks (description, licenses,
 * inherits).
 */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/package_detail.h"

/* The request's package (NEED_PACKAGE): 0, or it has refused (404) and returns the status. */
int await_api_package(struct request *rq, struct package_detail *out) MUST_CHECK;

/* The whole package. */
json_t *api_package_json(struct request *rq, const struct package_detail *d);
/* Answer 200 with the package as it is now, after a change of it. */
int await_api_package_reply(struct request *rq) MUST_CHECK;

/* ".../packages/container/NAME" below the owner's own path, for links to what belongs to it. */
const char *api_package_url(struct request *rq, const struct package_detail *d);
/* Its web page with "package/", the beginning of its versions' pages with "". */
const char *api_package_html_url(struct request *rq, const struct package_detail *d,
				 const char *before);
/* 403: only owners of the namespace end what can be restored. */
int api_refuse_purge(struct request *rq);
/* A source repository as other objects embed it ("minimal repository"). */
json_t *api_package_repository(struct request *rq, const struct repository_brief *r);
