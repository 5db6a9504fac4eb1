/*
 * Each function is one statement; what it means stands in schema/0021, of beats in 0110.
 */
#include "metadb/partitions.h"

#include <string.h>

#include "metadb/metadb_private.h"

static void bind_parts(struct pg_stmt *s, const uint16_t *part, size_t count)
{
	struct pg_array v;

	pg_array_init(&v, s->arena, PG_INT2, count);
	for (size_t i = 0; i < count; i++)
		pg_array_int2(&v, part[i]);
	pg_bind_array(s, &v);
}

int await_partitions_claim(struct metadb *db, struct arena *a, const uint16_t *up,
			   size_t up_count, unsigned most, int64_t lease_ms, int64_t keeper,
			   struct partition_claim **out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_array nodes;
	struct pg_stmt *s;
	struct pg_rows *r;
	int count;
	int rc;

	s = pg_tx_add(tx, "SELECT part, node, stamp FROM "
			  "partitions_claim($1, $2, $3 * interval '1 millisecond', $4)");
	pg_array_init(&nodes, a, PG_INT4, up_count);
	for (size_t i = 0; i < up_count; i++)
		pg_array_int4(&nodes, up[i]);
	pg_bind_array(s, &nodes);
	pg_bind_int4(s, (int32_t)most);
	pg_bind_int8(s, lease_ms);
	pg_bind_int8(s, keeper);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	count = pg_rows_count(r);
	*out = arena_alloc(a, (size_t)count * sizeof(**out) + 1);
	for (int i = 0; i < count; i++) {
		(*out)[i].part = (uint16_t)pg_int(r, i, 0);
		(*out)[i].node = (uint16_t)pg_int(r, i, 1);
		(*out)[i].stamp = pg_int(r, i, 2);
	}
	rc = pg_tx_error(tx);
	return rc < 0 ? rc : count;
}

/* Runs a change whose answer is one number or nothing, and frees the arena. */
static int await_change(struct pg_tx *tx, struct arena *a)
{
	int rc = await_pg_tx(tx);

	if (rc == 0 && pg_rows_count(pg_tx_rows(tx, 0)) > 0)
		rc = (int)pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (rc >= 0 && pg_tx_error(tx) < 0)
		rc = pg_tx_error(tx);
	arena_free(a);
	return rc;
}

int await_keeper_beat(struct metadb *db, int64_t incarnation, const char *place,
		      int64_t silence_ms)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT keeper_beat($1, $2, $3 * interval '1 millisecond')");
	pg_bind_int8(s, incarnation);
	pg_bind_text(s, place);
	pg_bind_int8(s, silence_ms);
	return await_change(tx, a);
}

int await_partitions_settle(struct metadb *db, const struct partition_claim *claim,
			    size_t count)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_array part, node, stamp, verdict;
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT 0 FROM partitions_settle($1, $2, $3, $4)");
	pg_array_init(&part, a, PG_INT2, count);
	pg_array_init(&node, a, PG_INT4, count);
	pg_array_init(&stamp, a, PG_INT8, count);
	pg_array_init(&verdict, a, PG_INT2, count);
	for (size_t i = 0; i < count; i++) {
		pg_array_int2(&part, claim[i].part);
		pg_array_int4(&node, claim[i].node);
		pg_array_int8(&stamp, claim[i].stamp);
		pg_array_int2(&verdict, claim[i].verdict);
	}
	pg_bind_array(s, &part);
	pg_bind_array(s, &node);
	pg_bind_array(s, &stamp);
	pg_bind_array(s, &verdict);
	return await_change(tx, a);
}

int await_partitions_due(struct metadb *db, const uint16_t *part, size_t count, uint16_t node,
			 bool urgent)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT 0 FROM partitions_due($1, $2, $3)");

	bind_parts(s, part, count);
	pg_bind_int4(s, node);
	pg_bind_bool(s, urgent);
	return await_change(tx, a);
}

int await_partition_due(struct metadb *db, uint16_t part, uint16_t node)
{
	return await_partitions_due(db, &part, 1, node, true);
}

int await_partitions_due_by_age(struct metadb *db, int64_t age_ms, unsigned most)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT partitions_due_by_age($1 * interval '1 millisecond', $2)");
	pg_bind_int8(s, age_ms);
	pg_bind_int4(s, (int32_t)most);
	return await_change(tx, a);
}

int await_node_starts(struct metadb *db, struct arena *a, struct node_start **out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	int count;
	int rc;

	pg_tx_add(tx, "SELECT id, incarnation FROM node WHERE retired_at IS NULL "
		      "AND incarnation <> compared_incarnation ORDER BY id");
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	count = pg_rows_count(r);
	*out = arena_alloc(a, (size_t)count * sizeof(**out) + 1);
	for (int i = 0; i < count; i++) {
		(*out)[i].id = (uint16_t)pg_int(r, i, 0);
		(*out)[i].incarnation = (uint64_t)pg_int(r, i, 1);
	}
	rc = pg_tx_error(tx);
	return rc < 0 ? rc : count;
}

int await_node_started(struct metadb *db, const struct node_start *start, const uint16_t *part,
		       size_t count)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT 0 FROM node_started($1, $2, $3)");

	pg_bind_int4(s, start->id);
	pg_bind_int8(s, (int64_t)start->incarnation);
	bind_parts(s, part, count);
	return await_change(tx, a);
}

/* The last row carries no pair but what holds for all of them. Instance and blob are probed: a
 * plan of the time when there were few would read all of them. */
static const char rows_sql[] =
	"SELECT c.part, c.digest, c.gen, c.len, i.dead_at IS NOT NULL, b.lost_at IS NOT NULL, "
	"NULL::bigint[], NULL::boolean, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint "
	"FROM chunk c "
	"CROSS JOIN LATERAL (SELECT dead_at FROM instance WHERE gen = c.gen LIMIT 1) i "
	"LEFT JOIN LATERAL (SELECT lost_at FROM blob WHERE gen = c.gen LIMIT 1) b ON true "
	"WHERE c.part = ANY ($1) "
	"UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, "
	"ARRAY(SELECT gen FROM upload ORDER BY gen), adopted(), "
	"(SELECT max(epoch) FROM cluster_map), (SELECT last_value FROM instance_gen_seq), "
	"l.skipped_from, l.skipped_to FROM cluster l "
	"ORDER BY 1 NULLS LAST, 2, 3";

static bool same_pair(const struct partition_pair *a, const struct partition_pair *b)
{
	return a->gen == b->gen && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

static void take_pair(struct partition_rows *out, struct pg_rows *r, int row)
{
	struct partition_pair *p = &out->pair[out->count];
	struct slice digest = pg_bytes(r, row, 1);

	if (digest.len != sizeof(p->digest)) {
		r->error = ERR_CORRUPT;
		return;
	}
	memcpy(p->digest, digest.data, sizeof(p->digest));
	p->part = (uint16_t)pg_int(r, row, 0);
	p->gen = (uint64_t)pg_int(r, row, 2);
	p->len = (uint32_t)pg_int(r, row, 3);
	p->dead = pg_bool(r, row, 4);
	p->lost = pg_bool(r, row, 5);
	/* A blob may hold the same chunk more than once. */
	if (out->count == 0 || !same_pair(p, p - 1))
		out->count++;
}

int await_partition_rows(struct metadb *db, struct arena *a, const uint16_t *part, size_t count,
			 struct partition_rows *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	int rows;
	int rc;

	bind_parts(pg_tx_add(tx, rows_sql), part, count);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	rows = pg_rows_count(r);
	if (rows == 0)
		return ERR_PROTOCOL;
	memset(out, 0, sizeof(*out));
	out->pair = arena_alloc(a, (size_t)rows * sizeof(out->pair[0]));
	for (int i = 0; i < rows - 1; i++)
		take_pair(out, r, i);
	out->open_count = pg_int8s(r, rows - 1, 6, a, &out->open);
	out->adopted = pg_bool(r, rows - 1, 7);
	out->epoch = pg_int(r, rows - 1, 8);
	out->last_gen = pg_int(r, rows - 1, 9);
	out->skipped_from = pg_int(r, rows - 1, 10);
	out->skipped_to = pg_int(r, rows - 1, 11);
	return pg_tx_error(tx);
}

int await_blobs_mark_lost(struct metadb *db, const struct partition_pair *pair, size_t count)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_array gens, digests;
	struct pg_stmt *s = pg_tx_add(tx, "SELECT blobs_mark_lost($1, $2)");

	pg_array_init(&gens, a, PG_INT8, count);
	pg_array_init(&digests, a, PG_BYTEA, count);
	for (size_t i = 0; i < count; i++) {
		pg_array_int8(&gens, (int64_t)pair[i].gen);
		pg_array_bytes(&digests, pair[i].digest, sizeof(pair[i].digest));
	}
	pg_bind_array(s, &gens);
	pg_bind_array(s, &digests);
	return await_change(tx, a);
}
