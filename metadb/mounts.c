/* Mounts: each is one call of a function of schema/0025. */
#include "metadb/mounts.h"

#include "metadb/metadb_private.h"

int await_blob_mount(struct metadb *db, const struct actor *who,
		     const struct package_target *target, int64_t source_id,
		     const struct digest *d)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT blob_mount(" ACTOR_SQL ", $5, $6, $7, $8, $9, "
			      "$10, $11, $12 * interval '1 millisecond')");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, target->namespace_id);
	pg_bind_text(s, target->name);
	pg_bind_int8(s, target->package_id);
	pg_bind_bool(s, target->published);
	pg_bind_int8(s, source_id);
	pg_bind_digest(s, d);
	pg_bind_int8(s, db->protection_ms);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_null(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}

int await_blob_sources(struct metadb *db, struct arena *a, const struct digest *d,
		       int64_t namespace_id, struct repository_name *out, int max)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT namespace, name FROM find_blob_sources($1, $2, $3, $4)");
	struct pg_rows *r;
	int rc, count;

	pg_bind_digest(s, d);
	pg_bind_int8(s, namespace_id);
	pg_bind_int4(s, max);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	count = pg_rows_count(r);
	assert(count <= max);
	for (int i = 0; i < count; i++) {
		out[i].namespace = arena_strdup(a, pg_text(r, i, 0));
		out[i].name = arena_strdup(a, pg_text(r, i, 1));
		out[i].full = arena_printf(a, "%s/%s", out[i].namespace, out[i].name);
	}
	rc = pg_tx_error(tx);
	return rc < 0 ? rc : count;
}
