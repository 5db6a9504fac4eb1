/* Packages as rows. They are made by pushes: metadb/uploads.c, metadb/manifests.c. */
#include "metadb/packages.h"

#include "metadb/metadb_private.h"

int await_package_get(struct metadb *db, struct arena *a, int64_t package_id,
		      struct package *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT p.id, p.namespace_id, n.login, p.name, p.visibility, "
			  "p.publisher_id, extract(epoch FROM p.created_at)::bigint, "
			  "extract(epoch FROM p.published_at)::bigint "
			  "FROM package p JOIN account n ON n.id = p.namespace_id "
			  "WHERE p.id = $1 AND p.deleted_at IS NULL");
	pg_bind_int8(s, package_id);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	out->id = pg_int(r, 0, 0);
	out->namespace_id = pg_int(r, 0, 1);
	out->namespace = arena_strdup(a, pg_text(r, 0, 2));
	out->name = arena_strdup(a, pg_text(r, 0, 3));
	out->visibility = (enum visibility)pg_int(r, 0, 4);
	out->publisher_id = pg_int(r, 0, 5);
	out->created_at = pg_int(r, 0, 6);
	out->published_at = pg_int(r, 0, 7);
	return pg_tx_error(tx);
}
