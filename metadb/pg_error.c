/*
 * A table, first match wins; entries shorter than five characters are classes.
 * https://www.postgresql.org/docs/15/errcodes-appendix.html. PH… are raised by our own
 * functions.
 */
#include "metadb/pg_error.h"

#include <stddef.h>
#include <string.h>

#include "proto/base/err.h"

static const struct {
	const char *prefix;
	int code;
	bool retry;
} table[] = {
	{"PH404", ERR_NOT_FOUND, false},   {"PH409", ERR_CONFLICT, false},
	{"PH500", ERR_CORRUPT, false},	   {"PH503", ERR_NOT_ADOPTED, false},
	{"40001", ERR_UNAVAILABLE, true},  /* serialization failure */
	{"40P01", ERR_UNAVAILABLE, true},  /* deadlock */
	{"23503", ERR_NOT_FOUND, false},   /* what it refers to is gone */
	{"23505", ERR_CONFLICT, false},	   /* there already */
	{"25006", ERR_UNAVAILABLE, false}, /* a standby */
	{"26", ERR_UNAVAILABLE, false},	   /* a pooler lost our statement */
	{"08", ERR_UNAVAILABLE, false},	   /* connection */
	{"53", ERR_UNAVAILABLE, false},	   /* out of something */
	{"55P03", ERR_UNAVAILABLE, false}, /* lock not available */
	{"57", ERR_UNAVAILABLE, false},	   /* cancelled, shutting down, starting up */
	{"58", ERR_UNAVAILABLE, false},	   /* its disk */
	{"42P01", ERR_UNAVAILABLE, false}, /* not migrated yet: no such table */
	{"42883", ERR_UNAVAILABLE, false}, /* not migrated yet: no such function */
};

int pg_error_code(const char *sqlstate, bool *retry)
{
	*retry = false;
	if (sqlstate == NULL)
		return ERR_UNAVAILABLE;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0) {
			*retry = table[i].retry;
			return table[i].code;
		}
	return ERR_PROTOCOL;
}

bool pg_error_loud(int code)
{
	return code != ERR_NOT_FOUND && code != ERR_CONFLICT;
}
