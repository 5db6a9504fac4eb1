/* Packages as rows. They are made by pushes: metadb/uploads.c, metadb/manifests.c. */
#include "metadb/packages.h"

#include <string.h>

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

int await_name_list(struct pg_tx *tx, struct arena *a, size_t limit, struct name_list *out)
{
	struct pg_rows *r;
	size_t count;
	int rc;

	memset(out, 0, sizeof(*out));
	assert(limit < INT32_MAX);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	count = (size_t)pg_rows_count(r);
	out->more = count > limit;
	out->count = out->more ? limit : count;
	out->name = arena_alloc(a, (out->count + 1) * sizeof(*out->name));
	for (size_t i = 0; i < out->count; i++)
		out->name[i] = arena_strdup(a, pg_text(r, (int)i, 0));
	return pg_tx_error(tx);
}

int await_catalog_list(struct metadb *db, struct arena *a, int64_t account_id, int64_t token_id,
		       const char *last, size_t limit, struct name_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(
		tx, "SELECT name FROM readable_catalog($1, nullif($2, 0), $3, $4) AS name");

	pg_bind_int8(s, account_id);
	pg_bind_int8(s, token_id);
	pg_bind_text(s, last);
	pg_bind_int8(s, (int64_t)limit + 1);
	return await_name_list(tx, a, limit, out);
}

int await_package_delete(struct metadb *db, const struct actor *who, int64_t package_id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT package_delete(" ACTOR_SQL ", $5)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, package_id);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}

int await_package_restore(struct metadb *db, const struct actor *who, int64_t package_id)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_CONFLICT};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT package_restore(" ACTOR_SQL ", $5)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, package_id);
	rc = await_status(tx, answer, 3);
	arena_free(a);
	return rc;
}

int await_package_purge(struct metadb *db, const struct actor *who, int64_t package_id)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_DENIED};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT package_purge(" ACTOR_SQL ", $5)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, package_id);
	rc = await_status(tx, answer, 3);
	arena_free(a);
	return rc;
}

int await_package_deleted(struct metadb *db, int64_t account_id, int64_t token_id,
			  int64_t namespace_id, const char *name, int64_t *package_id,
			  enum role *role)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT id, role FROM deleted_package($1, $2, $3, $4)");
	int rc;

	pg_bind_int8(s, account_id);
	pg_bind_int8(s, token_id);
	pg_bind_int8(s, namespace_id);
	pg_bind_text(s, name);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		*package_id = pg_int(pg_tx_rows(tx, 0), 0, 0);
		*role = (enum role)pg_int(pg_tx_rows(tx, 0), 0, 1);
		rc = *package_id == 0 ? ERR_NOT_FOUND : pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}
