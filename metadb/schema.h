/*
 * The migrations, built into the program from metadb/schema/NNNN_*.sql, in order.
 */
#pragma once

#include <stddef.h>

struct schema_script {
	int version;
	const char *name; /* of the file, without .sql */
	const char *sql;
};
extern const struct schema_script schema_scripts[];
extern const size_t schema_count;

/*
 * Bring a database to this program's version; nothing to do is fine, a newer database too.
 * Blocking, for programs that do nothing else; safe to run by several at once. Prints one line
 * a migration, and what is wrong, on stderr. 0, or ERR_UNAVAILABLE, ERR_PROTOCOL (a script
 * failed).
 */
int schema_migrate(const char *url);
