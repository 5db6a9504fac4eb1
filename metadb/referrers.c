/* Lists of referrers: one call of find_referrers() in schema/0024. */
#include "metadb/referrers.h"

#include <string.h>

#include "metadb/metadb_private.h"

static const char *text_or_null(struct arena *a, struct pg_rows *r, int row, int column)
{
	return pg_null(r, row, column) ? NULL : arena_strdup(a, pg_text(r, row, column));
}

static void read_row(struct arena *a, struct pg_rows *r, int row, struct referrer *out)
{
	out->id = pg_int(r, row, 0);
	pg_digest(r, row, 1, &out->digest);
	out->media_type = arena_strdup(a, pg_text(r, row, 3));
	out->size = pg_int(r, row, 4);
	out->artifact_type = text_or_null(a, r, row, 5);
	out->annotations = text_or_null(a, r, row, 6);
}

int await_referrers_list(struct metadb *db, struct arena *a, const struct referrer_query *q,
			 struct referrer_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	memset(out, 0, sizeof(*out));
	assert(q->count > 0 && q->count < INT32_MAX);
	s = pg_tx_add(tx, "SELECT id, algorithm, digest, media_type, size, artifact_type, "
			  "annotations, more FROM find_referrers($1, $2, $3, $4, $5, $6, $7)");
	pg_bind_int8(s, q->package_id);
	pg_bind_digest(s, &q->subject);
	pg_bind_text(s, q->artifact_type);
	pg_bind_int8(s, q->after);
	pg_bind_int4(s, (int32_t)q->count);
	pg_bind_int8(s, (int64_t)q->bytes);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	out->count = (size_t)pg_rows_count(r);
	out->item = arena_alloc(a, (out->count + 1) * sizeof(*out->item));
	for (size_t i = 0; i < out->count; i++)
		read_row(a, r, (int)i, &out->item[i]);
	if (out->count > 0)
		out->more = pg_bool(r, (int)out->count - 1, 7);
	return pg_tx_error(tx);
}
