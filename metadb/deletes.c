/* Deleting: each is one call of a function of schema/0020, one round trip. */
#include "metadb/deletes.h"

#include <string.h>

#include "metadb/metadb_private.h"

/* What goes by digest answers status and, with 2, the digest of what needs it. */
static int await_by_digest(struct metadb *db, const char *sql, const struct actor *who,
			   int64_t package_id, const struct digest *d, struct digest *needed_by)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_CONFLICT};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, sql);
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, package_id);
	pg_bind_digest(s, d);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		struct pg_rows *r = pg_tx_rows(tx, 0);
		int64_t status = pg_int(r, 0, 0);

		if (status == 2)
			pg_digest(r, 0, 1, needed_by);
		rc = pg_tx_error(tx);
		if (rc == 0)
			rc = status < 0 || status > 2 ? ERR_PROTOCOL : answer[status];
	}
	arena_free(a);
	return rc;
}

int await_manifest_delete(struct metadb *db, const struct actor *who, int64_t package_id,
			  const struct digest *d, struct digest *needed_by)
{
	return await_by_digest(db,
			       "SELECT status, needed_by_algorithm, needed_by_digest "
			       "FROM manifest_delete(" ACTOR_SQL ", $5, $6, $7)",
			       who, package_id, d, needed_by);
}

int await_link_delete(struct metadb *db, const struct actor *who, int64_t package_id,
		      const struct digest *d, struct digest *needed_by)
{
	return await_by_digest(db,
			       "SELECT status, needed_by_algorithm, needed_by_digest "
			       "FROM link_delete(" ACTOR_SQL ", $5, $6, $7)",
			       who, package_id, d, needed_by);
}

int await_tag_delete(struct metadb *db, const struct actor *who, int64_t package_id,
		     const char *tag)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT tag_delete(" ACTOR_SQL ", $5, $6)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, package_id);
	pg_bind_text(s, tag);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}
