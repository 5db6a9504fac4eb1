/*
 * Each function is one call of schema/0022, 0045, 0060, 0087 or 0098.
 */
#include "metadb/collect.h"

#include <string.h>

#include "metadb/metadb_private.h"

#define COUNT_BATCH 500 /* manifests; a lock for each package that is large */

static int await_collected(struct pg_tx *tx, struct arena *a, struct collected *out)
{
	int rc = await_pg_tx(tx);

	if (rc == 0) {
		out->seen = pg_int(pg_tx_rows(tx, 0), 0, 0);
		out->gone = pg_int(pg_tx_rows(tx, 0), 0, 1);
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}

static int await_batch_of(struct metadb *db, const char *sql, const int64_t *window_ms,
			  struct collected *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, sql);

	pg_bind_int4(s, COLLECT_BATCH);
	if (window_ms != NULL)
		pg_bind_int8(s, *window_ms);
	return await_collected(tx, a, out);
}

int await_uploads_expire(struct metadb *db, struct collected *out)
{
	return await_batch_of(db, "SELECT n, n FROM uploads_expire($1) AS n", NULL, out);
}

int await_accounts_collect(struct metadb *db, struct collected *out)
{
	return await_batch_of(db, "SELECT seen, gone FROM accounts_collect($1)", NULL, out);
}

int await_packages_collect(struct metadb *db, int64_t window_ms, struct collected *out)
{
	return await_batch_of(db,
			      "SELECT seen, gone FROM "
			      "packages_collect($2 * interval '1 millisecond', $1)",
			      &window_ms, out);
}

int await_manifests_collect(struct metadb *db, int64_t window_ms, struct collected *out)
{
	return await_batch_of(db,
			      "SELECT n, n FROM "
			      "manifests_collect($2 * interval '1 millisecond', $1) AS n",
			      &window_ms, out);
}

int await_links_collect(struct metadb *db, struct collected *out)
{
	return await_batch_of(db, "SELECT seen, gone FROM links_collect($1)", NULL, out);
}

int await_blobs_collect(struct metadb *db, struct collected *out)
{
	return await_batch_of(db, "SELECT seen, gone FROM blobs_collect($1)", NULL, out);
}

int await_versions_describe(struct metadb *db, struct collected *out)
{
	return await_batch_of(db, "SELECT seen, gone FROM versions_describe($1)", NULL, out);
}

int await_versions_count(struct metadb *db)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	int rc;

	pg_bind_int4(pg_tx_add(tx, "SELECT versions_count($1)"), COUNT_BATCH);
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = pg_bool(pg_tx_rows(tx, 0), 0, 0);
	if (rc >= 0 && pg_tx_error(tx) < 0)
		rc = pg_tx_error(tx);
	arena_free(a);
	return rc;
}

static void take_purge(struct purge *p, struct pg_rows *r, int row)
{
	struct slice digest = pg_bytes(r, row, 2);
	int64_t gen = pg_int(r, row, 0);
	struct purge_pair *pair = &p->pair[p->pairs];

	if (p->gens == 0 || p->gen[p->gens - 1] != gen)
		p->gen[p->gens++] = gen;
	if (digest.data == NULL)
		return;
	if (digest.len != sizeof(pair->digest)) {
		r->error = ERR_CORRUPT;
		return;
	}
	memcpy(pair->digest, digest.data, sizeof(pair->digest));
	pair->gen = (uint64_t)gen;
	pair->part = (uint16_t)pg_int(r, row, 1);
	p->pairs++;
}

int await_purge_list(struct metadb *db, struct arena *a, int64_t window_ms, int64_t most,
		     struct purge *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	struct pg_rows *r;
	int count;
	int rc;

	s = pg_tx_add(tx, "SELECT gen, part, digest FROM "
			  "purge_list($1 * interval '1 millisecond', $2)");
	pg_bind_int8(s, window_ms);
	pg_bind_int8(s, most);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	count = pg_rows_count(r);
	memset(out, 0, sizeof(*out));
	out->gen = arena_alloc(a, (size_t)count * sizeof(out->gen[0]) + 1);
	out->pair = arena_alloc(a, (size_t)count * sizeof(out->pair[0]) + 1);
	for (int i = 0; i < count; i++)
		take_purge(out, r, i);
	return pg_tx_error(tx);
}

int await_purge_finish(struct metadb *db, const struct purge *p, const uint16_t *down,
		       size_t down_count)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_array gens, parts, nodes;
	struct pg_stmt *s = pg_tx_add(tx, "SELECT purge_finish($1, $2, $3)");
	int rc;

	pg_array_init(&gens, a, PG_INT8, p->gens);
	for (size_t i = 0; i < p->gens; i++)
		pg_array_int8(&gens, p->gen[i]);
	pg_array_init(&parts, a, PG_INT2, p->pairs * down_count);
	pg_array_init(&nodes, a, PG_INT4, p->pairs * down_count);
	for (size_t i = 0; i < p->pairs; i++)
		for (size_t k = 0; k < down_count; k++) {
			pg_array_int2(&parts, p->pair[i].part);
			pg_array_int4(&nodes, down[k]);
		}
	pg_bind_array(s, &gens);
	pg_bind_array(s, &parts);
	pg_bind_array(s, &nodes);
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = (int)pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (rc >= 0 && pg_tx_error(tx) < 0)
		rc = pg_tx_error(tx);
	arena_free(a);
	return rc;
}

int await_rights_changes_forget(struct metadb *db, int64_t *horizon)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT rights_changes_forget($1::text::xid8)::text::bigint");
	uint64_t losses = pg_pool_losses(db->pool);
	int rc;

	/* Another server may stand before the numbers that this one was told. */
	if (losses != db->horizon_losses)
		*horizon = 0;
	db->horizon_losses = losses;
	pg_tx_only_while(tx, losses);
	pg_bind_text(s, arena_printf(a, "%lld", (long long)*horizon));
	rc = await_pg_tx(tx);
	if (rc == ERR_STALE_RIGHTS) {
		*horizon = 0;
		rc = 0;
	} else if (rc == 0) {
		int64_t next = pg_int(pg_tx_rows(tx, 0), 0, 0);

		rc = pg_tx_error(tx);
		if (rc == 0)
			*horizon = next;
	}
	arena_free(a);
	return rc;
}

int await_server_stand(struct metadb *db, const struct server_mark *seen,
		       struct server_stand *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT is_adopted, is_behind, adoption, place, gen "
					  "FROM server_seen($1, $2, $3)");
	struct pg_rows *r;
	int rc;

	pg_bind_int8(s, seen->adoption);
	pg_bind_int8(s, seen->place);
	pg_bind_int8(s, seen->gen);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		r = pg_tx_rows(tx, 0);
		out->adopted = pg_bool(r, 0, 0);
		out->behind = pg_bool(r, 0, 1);
		out->mark.adoption = pg_int(r, 0, 2);
		out->mark.place = pg_int(r, 0, 3);
		out->mark.gen = pg_int(r, 0, 4);
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}

int await_cluster_adopt(struct metadb *db)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	int rc;

	pg_tx_add(tx, "SELECT cluster_adopt()");
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = pg_bool(pg_tx_rows(tx, 0), 0, 0);
	if (rc >= 0 && pg_tx_error(tx) < 0)
		rc = pg_tx_error(tx);
	arena_free(a);
	return rc;
}
