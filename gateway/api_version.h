/*
 * Versions of a package as REST shows them: GitHub's shape, and what it lacks (kind, platform,
 * media and artifact type, sizes, subject, parents, whether a deletion is deferred).
 */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/package_detail.h"
#include "metadb/version_deletes.h"
#include "metadb/versions.h"

/* The words of enum version_variety. */
extern const char *const version_kinds[];

json_t *api_version_json(struct request *rq, const struct version *v,
			 const struct package_detail *package);
/* A JSON array of PostgreSQL's making. */
json_t *api_version_words(const char *text);
/* {package_version_id}; 0 for what is no id, which no version has. */
int64_t api_version_id(struct request *rq);

/*
 * What becomes of indexes that need a version: defer (the default, also when text is NULL),
 * refuse or cascade. 0, or it has refused (422) and returns the status.
 */
int api_version_mode(struct request *rq, const char *text, enum version_mode *out) MUST_CHECK;
/* An array of those with that effect (EFFECT_…): id, name, tags. */
json_t *api_version_effects_json(struct request *rq, const struct version_effects *found,
				 unsigned what);
/*
 * Ids of all that a removal would delete, itself the first; only itself when something else
 * speaks against it, which the removal tells.
 */
size_t await_api_version_going(struct request *rq, const struct version_removal *wanted,
			       int64_t **ids);
