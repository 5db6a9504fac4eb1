/*
 * Versions of a package as REST shows them: GitHub's shape, and what it lacks (kind, media and
 * artifact type, size, subject, parents).
 */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/package_detail.h"
#include "metadb/versions.h"

json_t *api_version_json(struct request *rq, const struct version *v,
			 const struct package_detail *package);
/* {package_version_id}; 0 for what is no id, which no version has. */
int64_t api_version_id(struct request *rq);
