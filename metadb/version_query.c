/* Rows of versions_meant() in schema/0083, or versions_meant_then() in 0105. */
#include "metadb/version_query.h"

#include "metadb/metadb_private.h"

static void bind_moment(struct pg_stmt *s, int64_t moment)
{
	if (moment == 0)
		pg_bind_null(s, PG_INT8);
	else
		pg_bind_int8(s, moment);
}

/* $1 to $7 */
static void bind(struct pg_stmt *s, struct arena *a, const struct version_query *q)
{
	struct pg_array patterns;

	pg_bind_int8(s, q->package_id);
	pg_bind_int8(s, q->before);
	bind_moment(s, q->older);
	pg_bind_bool(s, q->untagged);
	if (q->patterns_count == 0) {
		pg_bind_null(s, PG_TEXTS);
	} else {
		pg_array_init(&patterns, a, PG_TEXT, q->patterns_count);
		for (size_t i = 0; i < q->patterns_count; i++)
			pg_array_text(&patterns, q->patterns[i]);
		pg_bind_array(s, &patterns);
	}
	pg_bind_int4(s, (int32_t)q->kinds);
	bind_moment(s, q->unpulled);
}

/* $1 to $11 */
#define COURSE                                                                            \
	"ROW($1, $2, to_timestamp($3), $4, $5, $6, to_timestamp($7), $8, nullif($9, 0), " \
	"nullif($10, 0), $11)::deletion_course"

static void bind_course(struct pg_stmt *s, struct arena *a, const struct version_query *q)
{
	bind(s, a, q);
	pg_bind_int2(s, (int)q->mode);
	pg_bind_int8(s, q->kept);
	pg_bind_int8(s, q->stayed);
	pg_bind_bool(s, q->spares);
}

static void take(struct pg_rows *r, int row, struct arena *a, struct version_matches *out)
{
	struct version_match *m = &out->match[out->count];

	if (pg_null(r, row, 1)) {
		out->gone[out->gone_count++] = pg_int(r, row, 0);
		return;
	}
	out->last = pg_int(r, row, 0);
	out->looked_at++;
	if (!pg_bool(r, row, 4))
		return;
	*m = (struct version_match){
		.id = out->last,
		.tags = pg_null(r, row, 3) ? "[]" : arena_strdup(a, pg_text(r, row, 3)),
	};
	pg_digest(r, row, 1, &m->digest);
	out->count++;
}

int await_version_query(struct metadb *db, struct arena *a, const struct version_query *q,
			struct version_matches *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	struct pg_rows *r;
	size_t rows;
	int rc;

	if (q->dry) {
		s = pg_tx_add(tx, "SELECT id, algorithm, digest, tags, meant "
				  "FROM versions_meant_then(" COURSE ", $12)");
		bind_course(s, a, q);
	} else {
		s = pg_tx_add(tx, "SELECT id, algorithm, digest, tags, meant FROM "
				  "versions_meant($1, $2, $8, to_timestamp($3), $4, $5, $6, "
				  "to_timestamp($7))");
		bind(s, a, q);
	}
	pg_bind_int4(s, q->limit);
	*out = (struct version_matches){0};
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	rows = (size_t)pg_rows_count(r);
	out->match = arena_alloc(a, (rows + 1) * sizeof(*out->match));
	out->gone = arena_alloc(a, (rows + 1) * sizeof(*out->gone));
	for (size_t row = 0; row < rows; row++)
		take(r, (int)row, a, out);
	return pg_tx_error(tx);
}

static void bind_ids(struct pg_stmt *s, struct arena *a, const struct version_ids *ids)
{
	struct pg_array list;

	pg_array_init(&list, a, PG_INT8, ids->count);
	for (size_t i = 0; i < ids->count; i++)
		pg_array_int8(&list, ids->id[i]);
	pg_bind_array(s, &list);
}

int await_version_left(struct metadb *db, const struct version_query *q,
		       const struct version_ids *lost, const struct version_ids *going,
		       int64_t *left)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT coalesce(versions_left(" COURSE ", $12, $13), 0)");
	int rc;

	bind_course(s, a, q);
	bind_ids(s, a, lost);
	bind_ids(s, a, going);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		*left = pg_int(pg_tx_rows(tx, 0), 0, 0);
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}
