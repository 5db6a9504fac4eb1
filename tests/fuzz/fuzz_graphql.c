/* Questions in GraphQL from outside: what is understood is bounded, and made of names. */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "gateway/graphql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	assert(*name != '\0' && !isdigit((unsigned char)*name));
	for (; *name != '\0'; name++)
		assert(isalnum((unsigned char)*name) || *name == '_');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct graphql_fields fields;
	const char *why = NULL;
	int rc = graphql_viewer(a, arena_memdup(a, (const char *)data, size), &fields, &why);

	assert(rc == 0 || (rc == ERR_SYNTAX && why != NULL));
	assert(rc != 0 || (fields.count > 0 && fields.count <= GRAPHQL_FIELDS_MAX));
	for (size_t i = 0; rc == 0 && i < fields.count; i++)
		check_name(fields.name[i]);
	arena_free(a);
	return 0;
}
