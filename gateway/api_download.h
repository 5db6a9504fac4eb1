/* How often something was pulled, in REST. */
#pragma once

#include <jansson.h>

#include "gateway/request.h"
#include "metadb/downloads.h"

/* Adds download_count and last_downloaded_at. */
void api_download_add(struct request *rq, json_t *json, const struct downloads *d);
