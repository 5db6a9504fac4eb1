/* How often something was pulled, in REST, and what follows from it. */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/downloads.h"

/* Adds download_count and last_downloaded_at. */
void api_download_add(struct request *rq, json_t *json, const struct downloads *d);

/*
 * GitHub's rule: what is public and has been pulled more than 5,000 times is not deleted; here
 * an owner of the namespace may, if he says popular=true. Of versions, or (none) of the whole
 * package. 0, or it has refused.
 */
int await_api_popular(struct request *rq, const int64_t *version, size_t versions) MUST_CHECK;
/* The rule alone: 1: they stay; 0: they may go; or a code of metadb/metadb.h. */
int await_api_popular_stays(struct request *rq, const int64_t *version, size_t versions,
			    bool insists) MUST_CHECK;
