/* Tags: rows of find_tags() in schema/0082. */
#include "metadb/tags.h"

#include <string.h>

#include "metadb/metadb_private.h"

#define TAG_COLUMNS "name, version, algorithm, digest, created_at, updated_at, setter, login"

static void take(struct pg_rows *r, int row, struct arena *a, struct tag *out)
{
	*out = (struct tag){
		.name = arena_strdup(a, pg_text(r, row, 0)),
		.version = pg_int(r, row, 1),
		.created_at = pg_int(r, row, 4),
		.updated_at = pg_int(r, row, 5),
		.setter = pg_int(r, row, 6),
		.setter_login = arena_strdup(a, pg_text(r, row, 7)),
	};
	pg_digest(r, row, 2, &out->digest);
}

int await_tag_list(struct metadb *db, struct arena *a, int64_t package_id, enum tag_order order,
		   bool turned, const struct list_part *part, struct tag_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	struct pg_rows *r;
	int64_t found;
	int rc;

	memset(out, 0, sizeof(*out));
	s = pg_tx_add(tx, "SELECT count(*) FROM (SELECT FROM tag WHERE package_id = $1 "
			  "LIMIT $2) few");
	pg_bind_int8(s, package_id);
	pg_bind_int8(s, TAG_REACH + 1);
	s = pg_tx_add(tx, order == TAGS_BY_NAME
				  ? "SELECT " TAG_COLUMNS " FROM find_tags($1, ARRAY(SELECT "
				    "tags_by_name($1, $2, $3, $4)))"
				  : "SELECT " TAG_COLUMNS " FROM find_tags($1, ARRAY(SELECT "
				    "tags_by_age($1, $2, $3, $4)))");
	pg_bind_int8(s, package_id);
	pg_bind_bool(s, turned);
	pg_bind_int8(s, part->limit + 1); /* one more, to know whether a page follows */
	pg_bind_int8(s, part->offset);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 1);
	found = pg_rows_count(r);
	out->total = pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (out->total > TAG_REACH)
		out->total = found > part->limit ? -1 : part->offset + found;
	out->count = (size_t)(found > part->limit ? part->limit : found);
	out->tag = arena_alloc(a, (out->count + 1) * sizeof(*out->tag));
	for (size_t i = 0; i < out->count; i++)
		take(r, (int)i, a, &out->tag[i]);
	return pg_tx_error(tx);
}

int await_tag_find(struct metadb *db, struct arena *a, int64_t package_id, const char *name,
		   struct tag *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT " TAG_COLUMNS " FROM find_tags($1, ARRAY[$2])");
	int rc;

	pg_bind_int8(s, package_id);
	pg_bind_text(s, name);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	take(pg_tx_rows(tx, 0), 0, a, out);
	return pg_tx_error(tx);
}

int await_tag_put(struct metadb *db, const struct actor *who, const struct tag_put *put)
{
	static const int answer[] = {0, ERR_CONFLICT, ERR_NOT_FOUND};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT status, created FROM tag_put(" ACTOR_SQL
					  ", $5, $6, $7, $8, $9, $10, $11)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, put->package_id);
	pg_bind_text(s, put->name);
	if (put->digest != NULL)
		pg_bind_null(s, PG_INT8);
	else
		pg_bind_int8(s, put->version);
	pg_bind_digest(s, put->digest);
	pg_bind_text(s, put->own_source);
	pg_bind_int2(s, (int)put->pusher_role);
	rc = await_status(tx, answer, 3);
	if (rc == 0 && pg_bool(pg_tx_rows(tx, 0), 0, 1))
		rc = TAG_CREATED;
	arena_free(a);
	return rc;
}
