/*
 * The document that `sync` works on, made of what an API says of organizations: GitHub's, or
 * another Packhouse's. Blocks.
 */
#pragma once

#include "metadb/keeper/fetch.h"

/*
 * Adds an organization to the document's list. ERR_NOT_FOUND: the API knows none of that name,
 * or does not show it; otherwise codes of fetch_list(), and then nothing was added.
 */
int sync_source_add(struct fetch *f, struct arena *a, const char *login,
		    json_t *organizations) MUST_CHECK;
