/* A short list, searched from the start: nothing next to a round trip. */
#include "metadb/pg_prepared.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/err.h"

int pg_prepared_number(struct pg_prepared *p, const char *sql, bool *is_new)
{
	*is_new = false;
	for (unsigned i = 0; i < p->announced; i++)
		if (strcmp(p->sql[i], sql) == 0)
			return (int)i;
	if (p->announced == PG_PREPARED_MAX)
		return -1;
	*is_new = true;
	p->sql[p->announced] = xstrdup(sql);
	return (int)p->announced++;
}

void pg_prepared_stand(struct pg_prepared *p)
{
	assert(p->standing < p->announced);
	p->standing++;
}

void pg_prepared_settle(struct pg_prepared *p)
{
	while (p->announced > p->standing)
		free(p->sql[--p->announced]);
}

void pg_prepared_clear(struct pg_prepared *p)
{
	p->standing = 0;
	pg_prepared_settle(p);
}
