/* Each list is a function of schema/0089 that answers ids, and the rows of these. */
#include "metadb/package_pages.h"

#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

/* Of a function's one row x with ids; $2 to $4 are the viewer. */
#define PACKAGES_OF_X                                                            \
	" x LEFT JOIN LATERAL (SELECT " DETAIL_COLUMNS                           \
	" FROM unnest(x.ids) WITH ORDINALITY AS l(id, ord) CROSS JOIN LATERAL "  \
	"(SELECT * FROM package WHERE package.id = l.id LIMIT 1) p" DETAIL_JOINS \
	"ORDER BY l.ord) d ON true"

/* $1 the namespace, $2 to $4 the viewer, $5 the token. */
static void bind_reader(struct pg_stmt *s, const struct package_reader *who,
			int64_t namespace_id)
{
	pg_bind_int8(s, namespace_id);
	pg_bind_bool(s, who->whole);
	pg_bind_int8(s, who->person);
	pg_bind_int8(s, 0);
	pg_bind_int8(s, who->token);
}

/* The packages; also a page without any has a row. */
static struct pg_rows *take_page(struct pg_tx *tx, struct arena *a, struct package_page *out)
{
	struct pg_rows *r = pg_tx_rows(tx, 0);

	out->count = pg_null(r, 0, 0) ? 0 : (size_t)pg_rows_count(r);
	out->package = arena_alloc(a, (out->count + 1) * sizeof(*out->package));
	for (size_t i = 0; i < out->count; i++)
		take_package(r, (int)i, a, &out->package[i]);
	return r;
}

int await_package_page(struct metadb *db, struct arena *a, const struct package_reader *who,
		       int64_t namespace_id, unsigned visibilities,
		       const struct list_part *part, struct package_page *out, int64_t *total)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(
		tx, "SELECT d.*, x.total FROM numbered_packages($3, nullif($5, 0), $1, $6, $7, "
		    "$8, $9)" PACKAGES_OF_X);
	int rc;

	memset(out, 0, sizeof(*out));
	bind_reader(s, who, namespace_id);
	pg_bind_int4(s, (int32_t)visibilities);
	pg_bind_int8(s, part->limit);
	pg_bind_int8(s, part->offset);
	pg_bind_int8(s, PACKAGE_REACH);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	*total = pg_int(take_page(tx, a, out), 0, DETAIL_COLUMNS_COUNT);
	return pg_tx_error(tx);
}

/* The page, and the place behind it in its last two columns. */
static int await_places(struct pg_tx *tx, struct arena *a, struct package_page *out,
			struct package_place *at)
{
	int rc = await_pg_tx(tx);
	struct pg_rows *r;

	memset(out, 0, sizeof(*out));
	if (rc < 0)
		return rc;
	r = take_page(tx, a, out);
	at->id = pg_int(r, 0, DETAIL_COLUMNS_COUNT);
	at->word = arena_strdup(a, pg_text(r, 0, DETAIL_COLUMNS_COUNT + 1));
	return pg_tx_error(tx);
}

int await_package_query(struct metadb *db, struct arena *a, const struct package_reader *who,
			const struct package_query *q, int64_t most, struct package_page *out,
			struct package_place *at)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(
		tx, "SELECT d.*, x.next_id, x.next_word FROM page_packages(ROW($3, "
		    "nullif($5, 0), $2, nullif($1, 0), $6, nullif($7, 0), nullif($8, 0), "
		    "to_timestamp(nullif($9, 0)), CASE WHEN $10::text IS NOT NULL THEN "
		    "ARRAY(SELECT w FROM words_of($10) w ORDER BY length(w) DESC, w LIMIT 8) "
		    "END)::package_query, $11, $12, $13, $14)" PACKAGES_OF_X);

	bind_reader(s, who, q->namespace_id);
	pg_bind_int4(s, (int32_t)q->visibilities);
	pg_bind_int8(s, q->repository_id);
	pg_bind_int8(s, q->creator_id);
	pg_bind_int8(s, q->since);
	pg_bind_text(s, q->text);
	pg_bind_text(s, at->word);
	pg_bind_int8(s, at->id);
	pg_bind_int8(s, most);
	pg_bind_int8(s, PACKAGE_LOOK);
	return await_places(tx, a, out, at);
}

int await_deleted_packages(struct metadb *db, struct arena *a, const struct package_reader *who,
			   int64_t namespace_id, int64_t most, struct package_page *out,
			   struct package_place *at)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT d.*, x.next_id, '' FROM page_deleted($3, nullif($5, 0), "
			      "$1, $6, $7, $8)" PACKAGES_OF_X);

	bind_reader(s, who, namespace_id);
	pg_bind_int8(s, at->id);
	pg_bind_int8(s, most);
	pg_bind_int8(s, PACKAGE_LOOK);
	return await_places(tx, a, out, at);
}

int await_deleted_package_role(struct metadb *db, const struct package_reader *who,
			       int64_t namespace_id, int64_t package_id, enum role *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT deleted_package_role($1, nullif($2, 0), $3, $4)");
	int rc;

	pg_bind_int8(s, who->person);
	pg_bind_int8(s, who->token);
	pg_bind_int8(s, namespace_id);
	pg_bind_int8(s, package_id);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_null(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	if (rc == 0) {
		*out = (enum role)pg_int(pg_tx_rows(tx, 0), 0, 0);
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}
