/* Robots: rows of account of kind 3, and the functions of schema/0049 that change them. */
#include "metadb/robots.h"

#include <string.h>

#include "metadb/metadb_private.h"

#define ROBOT_COLUMNS                                                               \
	"r.id, r.login, substr(r.login, strpos(r.login, '+') + 1), r.description, " \
	"r.creators = 1, extract(epoch FROM r.created_at)::bigint, "                \
	"extract(epoch FROM r.updated_at)::bigint"

static void take_robot(struct pg_rows *r, int row, struct arena *a, struct robot *out)
{
	out->id = pg_int(r, row, 0);
	out->login = arena_strdup(a, pg_text(r, row, 1));
	out->name = arena_strdup(a, pg_text(r, row, 2));
	out->description = arena_strdup(a, pg_text(r, row, 3));
	out->may_create = pg_bool(r, row, 4);
	out->created_at = pg_int(r, row, 5);
	out->updated_at = pg_int(r, row, 6);
}

int await_robot_list(struct metadb *db, struct arena *a, int64_t organization, int64_t skip,
		     int max, struct robot_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	memset(out, 0, sizeof(*out));
	s = pg_tx_add(tx, "SELECT " ROBOT_COLUMNS " FROM account r "
			  "WHERE r.organization_id = $1 AND r.deleted_at IS NULL "
			  "ORDER BY r.login LIMIT $2 OFFSET $3");
	pg_bind_int8(s, organization);
	pg_bind_int8(s, max);
	pg_bind_int8(s, skip);
	s = pg_tx_add(tx, "SELECT count(*) FROM account r "
			  "WHERE r.organization_id = $1 AND r.deleted_at IS NULL");
	pg_bind_int8(s, organization);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	out->count = (size_t)pg_rows_count(r);
	out->item = arena_alloc(a, sizeof(*out->item) * (out->count + 1));
	for (size_t i = 0; i < out->count; i++)
		take_robot(r, (int)i, a, &out->item[i]);
	out->total = pg_int(pg_tx_rows(tx, 1), 0, 0);
	return pg_tx_error(tx);
}

int await_robot_find(struct metadb *db, struct arena *a, int64_t organization, const char *name,
		     struct robot *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT " ROBOT_COLUMNS " FROM account o JOIN account r "
			  "ON r.login = o.login || '+' || $2 AND r.organization_id = o.id "
			  "AND r.deleted_at IS NULL WHERE o.id = $1");
	pg_bind_int8(s, organization);
	pg_bind_text(s, name);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	take_robot(pg_tx_rows(tx, 0), 0, a, out);
	return pg_tx_error(tx);
}

int await_robot_create(struct metadb *db, const struct actor *who, int64_t organization,
		       const char *name, const char *description, bool may_create)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT robot_create(" ACTOR_SQL ", $5, $6, $7, $8)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, organization);
	pg_bind_text(s, name);
	pg_bind_text(s, description);
	pg_bind_bool(s, may_create);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_null(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_CONFLICT;
	arena_free(a);
	return rc;
}

int await_robot_change(struct metadb *db, const struct actor *who, int64_t organization,
		       int64_t robot, const char *description, const bool *may_create)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT robot_change(" ACTOR_SQL ", $5, $6, $7, $8)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, organization);
	pg_bind_int8(s, robot);
	pg_bind_text(s, description);
	if (may_create == NULL)
		pg_bind_null(s, PG_BOOL);
	else
		pg_bind_bool(s, *may_create);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}

int await_robot_delete(struct metadb *db, const struct actor *who, int64_t organization,
		       int64_t robot)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT robot_delete(" ACTOR_SQL ", $5, $6)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, organization);
	pg_bind_int8(s, robot);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}
