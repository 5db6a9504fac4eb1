/*
 * The description of /api/v3 for programs: OpenAPI 3.1, out of the fragments in
 * gateway/openapi/ (its README says how they are merged). Pure; any thread.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

struct openapi_fragment {
	const char *name; /* of the file */
	const unsigned char *text;
	size_t len;
};

/* All that are built in. */
extern const struct openapi_fragment openapi_fragments[];
extern const size_t openapi_count;

/*
 * Merge fragments into one document, with what every operation may answer added to each. The
 * document is the caller's. ERR_SYNTAX when a fragment is no JSON object or names something
 * that another one has named; *why then tells which, in the arena.
 */
int openapi_merge(struct arena *a, const struct openapi_fragment *fragments, size_t count,
		  json_t **out, const char **why) MUST_CHECK;
