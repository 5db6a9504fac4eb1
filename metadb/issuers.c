/* Issuers as rows, and the functions of schema/0050 that change them. */
#include "metadb/issuers.h"

#include <string.h>

#include "metadb/metadb_private.h"

#define ISSUER_COLUMNS                                                             \
	"id, url, audience, jwks_url, jwks, algorithms, rules, enabled, version, " \
	"extract(epoch FROM created_at)::bigint, extract(epoch FROM updated_at)::bigint"

static void take_issuer(struct pg_rows *r, int row, struct arena *a, struct issuer *out)
{
	out->id = pg_int(r, row, 0);
	out->url = arena_strdup(a, pg_text(r, row, 1));
	out->audience = arena_strdup(a, pg_text(r, row, 2));
	out->jwks_url = arena_strdup(a, pg_text(r, row, 3));
	out->jwks = arena_strdup(a, pg_text(r, row, 4));
	out->algorithms = (unsigned)pg_int(r, row, 5);
	out->rules = arena_strdup(a, pg_text(r, row, 6));
	out->enabled = pg_bool(r, row, 7);
	out->version = pg_int(r, row, 8);
	out->created_at = pg_int(r, row, 9);
	out->updated_at = pg_int(r, row, 10);
}

int await_issuer_list(struct metadb *db, struct arena *a, int64_t skip, int max,
		      struct issuer_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	memset(out, 0, sizeof(*out));
	s = pg_tx_add(tx,
		      "SELECT " ISSUER_COLUMNS " FROM issuer ORDER BY url LIMIT $1 OFFSET $2");
	pg_bind_int8(s, max);
	pg_bind_int8(s, skip);
	pg_tx_add(tx, "SELECT count(*) FROM issuer");
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	out->count = (size_t)pg_rows_count(r);
	out->item = arena_alloc(a, sizeof(*out->item) * (out->count + 1));
	for (size_t i = 0; i < out->count; i++)
		take_issuer(r, (int)i, a, &out->item[i]);
	out->total = pg_int(pg_tx_rows(tx, 1), 0, 0);
	return pg_tx_error(tx);
}

int await_issuer_find(struct metadb *db, struct arena *a, int64_t id, const char *url,
		      struct issuer *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	if (id != 0)
		pg_bind_int8(
			pg_tx_add(tx, "SELECT " ISSUER_COLUMNS " FROM issuer WHERE id = $1"),
			id);
	else
		pg_bind_text(
			pg_tx_add(tx, "SELECT " ISSUER_COLUMNS " FROM issuer WHERE url = $1"),
			url);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	take_issuer(pg_tx_rows(tx, 0), 0, a, out);
	return pg_tx_error(tx);
}

/* What create and change have in common. */
static void bind_rest(struct pg_stmt *s, const struct issuer *wanted)
{
	pg_bind_text(s, wanted->audience);
	pg_bind_text(s, wanted->jwks_url);
	pg_bind_text(s, wanted->jwks);
	pg_bind_int2(s, (int)wanted->algorithms);
	pg_bind_text(s, wanted->rules);
	pg_bind_bool(s, wanted->enabled);
}

int await_issuer_create(struct metadb *db, const struct actor *who, const struct issuer *wanted,
			int64_t *id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT issuer_create(" ACTOR_SQL ", $5, $6, $7, $8, $9, $10, $11)");
	pg_bind_actor(s, who);
	pg_bind_text(s, wanted->url);
	bind_rest(s, wanted);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_null(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_CONFLICT;
	if (rc == 0)
		*id = pg_int(pg_tx_rows(tx, 0), 0, 0);
	arena_free(a);
	return rc;
}

int await_issuer_change(struct metadb *db, const struct actor *who, const struct issuer *wanted)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_CONFLICT};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx,
		      "SELECT issuer_change(" ACTOR_SQL ", $5, $6, $7, $8, $9, $10, $11, $12)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, wanted->id);
	pg_bind_int8(s, wanted->version);
	bind_rest(s, wanted);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		int64_t status = pg_int(pg_tx_rows(tx, 0), 0, 0);

		rc = status < 0 || status > 2 ? ERR_PROTOCOL : answer[status];
	}
	arena_free(a);
	return rc;
}

int await_issuer_delete(struct metadb *db, const struct actor *who, int64_t id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT issuer_delete(" ACTOR_SQL ", $5)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, id);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}
