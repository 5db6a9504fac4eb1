/*
 * Migrations are whole scripts, so they go by the simple protocol on a blocking connection.
 *
 * One transaction for everything that is missing, under an advisory lock that ends with it: of
 * several programs that start at once one works, the others wait and then find nothing to do.
 * DDL is transactional, so a script that fails leaves the database as it was.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metadb/schema.h"
#include "proto/base/err.h"
#include "proto/base/log.h"

/* "pack" as a number: the first half of all advisory lock keys of this program. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(1885430635, 1)"

/* Not a migration itself: they are counted in it. */
#define VERSION_SQL                                                                \
	"CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY, " \
	"name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"

static int complain(PGconn *pg, const char *what)
{
	char quoted[1024];
	const char *text = PQerrorMessage(pg);

	log_error("migration failed", "at=\"%s\" text=%s", what,
		  log_quote(quoted, sizeof(quoted), text, strlen(text)));
	return PQstatus(pg) == CONNECTION_OK ? ERR_PROTOCOL : ERR_UNAVAILABLE;
}

static int run(PGconn *pg, const char *what, const char *sql)
{
	PGresult *res = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(res);

	PQclear(res);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	return complain(pg, what);
}

static int current_version(PGconn *pg, int *version)
{
	PGresult *res = PQexec(pg, "SELECT coalesce(max(version), 0) FROM schema_version");
	int rc = 0;

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1)
		*version = (int)strtol(PQgetvalue(res, 0, 0), NULL, 10);
	else
		rc = complain(pg, "reading the schema's version");
	PQclear(res);
	return rc;
}

static int apply(PGconn *pg, const struct schema_script *s)
{
	char row[160];
	int rc = run(pg, s->name, s->sql);

	if (rc < 0)
		return rc;
	snprintf(row, sizeof(row),
		 "INSERT INTO schema_version (version, name) VALUES (%d, '%s')", s->version,
		 s->name);
	rc = run(pg, s->name, row);
	if (rc == 0)
		log_info("migrated", "to=%s", s->name);
	return rc;
}

static int migrate(PGconn *pg)
{
	int version = 0;
	int rc;

	rc = run(pg, "begin", "BEGIN; SET LOCAL client_min_messages = warning; " LOCK_SQL);
	if (rc == 0)
		rc = run(pg, "schema_version", VERSION_SQL);
	if (rc == 0)
		rc = current_version(pg, &version);
	for (size_t i = 0; rc == 0 && i < schema_count; i++)
		if (schema_scripts[i].version > version)
			rc = apply(pg, &schema_scripts[i]);
	if (rc == 0)
		rc = run(pg, "commit", "COMMIT");
	return rc;
}

int schema_migrate(const char *url)
{
	PGconn *pg = PQconnectdb(url);
	int rc;

	if (PQstatus(pg) == CONNECTION_OK)
		rc = migrate(pg);
	else
		rc = complain(pg, "connecting");
	PQfinish(pg);
	return rc;
}
