/* Rows of versions_meant() in schema/0083. */
#include "metadb/version_query.h"

#include "metadb/metadb_private.h"

static void bind_moment(struct pg_stmt *s, int64_t moment)
{
	if (moment == 0)
		pg_bind_null(s, PG_INT8);
	else
		pg_bind_int8(s, moment);
}

static void bind(struct pg_stmt *s, struct arena *a, const struct version_query *q)
{
	struct pg_array patterns;

	pg_bind_int8(s, q->package_id);
	pg_bind_int8(s, q->before);
	pg_bind_int4(s, q->limit);
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

int await_version_query(struct metadb *db, struct arena *a, const struct version_query *q,
			struct version_matches *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	int rc;

	bind(pg_tx_add(tx, "SELECT id, algorithm, digest, tags, meant FROM versions_meant("
			   "$1, $2, $3, to_timestamp($4), $5, $6, $7, to_timestamp($8))"),
	     a, q);
	*out = (struct version_matches){0};
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	out->looked_at = pg_rows_count(r);
	out->match = arena_alloc(a, ((size_t)out->looked_at + 1) * sizeof(*out->match));
	for (int row = 0; row < out->looked_at; row++) {
		struct version_match *m = &out->match[out->count];

		out->last = pg_int(r, row, 0);
		if (!pg_bool(r, row, 4))
			continue;
		*m = (struct version_match){
			.id = out->last,
			.tags = pg_null(r, row, 3) ? "[]" : arena_strdup(a, pg_text(r, row, 3)),
		};
		pg_digest(r, row, 1, &m->digest);
		out->count++;
	}
	return pg_tx_error(tx);
}
