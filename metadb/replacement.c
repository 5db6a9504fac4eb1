/*
 * A disk that was lost comes back empty: another identity under the old name. The map keeps its
 * shape, one id is written in another one's place, and everything in its partitions is due;
 * the reconciler fills the new disk from the other members.
 */
#include <string.h>

#include "metadb/cluster_rows.h"
#include "metadb/metadb_private.h"
#include "proto/base/log.h"

/* Locks epochs against other keepers; the id of the node that was retired, 0: none. */
static int await_retire(struct pg_tx *tx, const struct node_notice *n, int64_t silence_ms)
{
	struct pg_stmt *s;
	int rc = await_pg_begin(tx);

	if (rc < 0)
		return rc;
	pg_tx_add(tx, "SELECT pg_advisory_xact_lock(1885430635, 2)::text");
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	s = pg_tx_add(tx, "SELECT node_retire($1, $2::uuid, $3 * interval '1 millisecond')");
	pg_bind_text(s, n->name);
	pg_bind_text(s, n->uuid);
	pg_bind_int8(s, silence_ms);
	rc = await_pg_tx(tx);
	return rc < 0 ? rc : (int)pg_int(pg_tx_rows(tx, 0), 0, 0);
}

/* The new node's id. */
static int await_successor(struct pg_tx *tx, const struct node_notice *n)
{
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT node_id FROM "
			  "node_register($1::uuid, $2, $3, $4, $5, $6, $7, $8) "
			  "WHERE status IN (0, 1)");
	pg_bind_text(s, n->uuid);
	pg_bind_text(s, n->name);
	pg_bind_text(s, n->zone);
	pg_bind_text(s, n->control);
	pg_bind_text(s, n->bulk);
	pg_bind_int8(s, (int64_t)n->incarnation);
	pg_bind_int8(s, n->total);
	pg_bind_int8(s, n->used);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) != 1)
		return ERR_CONFLICT;
	return (int)pg_int(pg_tx_rows(tx, 0), 0, 0);
}

/* The newest map; 0 when there is none yet, else 1. */
static int await_newest_map(struct pg_tx *tx, struct cluster_map *map)
{
	struct slice parts;
	int rc;

	pg_tx_add(tx, "SELECT epoch, parts FROM cluster_map ORDER BY epoch DESC LIMIT 1");
	rc = await_pg_tx(tx);
	if (rc < 0 || pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return rc;
	parts = pg_bytes(pg_tx_rows(tx, 0), 0, 1);
	rc = map_decode(parts.data, parts.len, pg_int(pg_tx_rows(tx, 0), 0, 0), map);
	return rc < 0 ? rc : 1;
}

/* Puts one id in another one's place, and makes due where that changed something. */
static int await_take_place(struct pg_tx *tx, struct arena *a, uint16_t old, uint16_t id)
{
	struct cluster_map map = {0};
	struct pg_array part;
	struct pg_stmt *s;
	unsigned row;
	int rc = await_newest_map(tx, &map);

	if (rc <= 0)
		return rc;
	row = map.replicas + MAP_SPARES;
	pg_array_init(&part, a, PG_INT2, PARTITIONS);
	for (unsigned p = 0; p < PARTITIONS; p++)
		for (unsigned i = 0; i < row; i++)
			if (map.table[p * row + i] == old) {
				map.table[p * row + i] = id;
				pg_array_int2(&part, (int)p);
			}
	map.epoch++;
	rc = await_epoch_store(tx, a, &map, "an empty disk took the place of a lost one");
	map_fini(&map);
	if (rc < 0)
		return rc;
	s = pg_tx_add(tx, "SELECT 0 FROM partitions_due($1, 0, true)");
	pg_bind_array(s, &part);
	return await_pg_tx(tx);
}

int await_node_replace(struct metadb *db, const struct node_notice *n, int64_t silence_ms)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	int old = await_retire(tx, n, silence_ms);
	int id = old > 0 ? await_successor(tx, n) : 0;
	int rc = old < 0 ? old : id;

	if (rc > 0)
		rc = await_take_place(tx, a, (uint16_t)old, (uint16_t)id);
	if (rc >= 0 && id > 0)
		rc = await_pg_commit(tx);
	if (rc >= 0 && id > 0) {
		log_warn("an empty disk takes the place of a lost one",
			 "name=%s node=%d was=%d uuid=%s", n->name, id, old, n->uuid);
		rc = 1;
	}
	arena_free(a); /* a transaction still open is rolled back */
	return rc;
}
