/*
 * GraphQL (spec of October 2021) as far as clients of GitHub need it to learn who they are:
 *
 *   query UserCurrent { viewer { login } }
 *
 * One operation, a query, whose only field is `viewer`; of that any fields without arguments,
 * selections, aliases, directives and fragments. Variables may be declared. Pure; any thread.
 */
#pragma once

#include <stddef.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define GRAPHQL_TEXT_MAX   ((size_t)16 * 1024)
#define GRAPHQL_FIELDS_MAX 32

struct graphql_fields {
	const char *name[GRAPHQL_FIELDS_MAX]; /* in the arena */
	size_t count;
};

/* What is asked of the viewer. ERR_SYNTAX with *why, a sentence for the client. */
int graphql_viewer(struct arena *a, const char *text, struct graphql_fields *out,
		   const char **why) MUST_CHECK;
