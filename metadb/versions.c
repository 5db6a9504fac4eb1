/* Versions: rows of find_versions() in schema/0080, with version_facts() of 0087. */
#include "metadb/versions.h"

#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

#define VERSION_COLUMNS                                                            \
	"f.id, algorithm, digest, v.variety, media_type, artifact_type, size, "    \
	"subject_algorithm, subject_digest, created_at, updated_at, deleted_at, "  \
	"description, license, tags, parents, v.platform, v.compressed, v.alone, " \
	"version_downloads(f.id)"
/* Of find_versions() f. */
#define VERSION_FACTS " f CROSS JOIN LATERAL version_facts(f.id) v"

static const char *array_or_empty(struct pg_rows *r, int row, int column, struct arena *a)
{
	return pg_null(r, row, column) ? "[]" : arena_strdup(a, pg_text(r, row, column));
}

static void take(struct pg_rows *r, int row, struct arena *a, struct version *out)
{
	*out = (struct version){
		.id = pg_int(r, row, 0),
		.variety = (enum version_variety)pg_int(r, row, 3),
		.media_type = arena_strdup(a, pg_text(r, row, 4)),
		.artifact_type = arena_strdup(a, pg_text(r, row, 5)),
		.size = pg_int(r, row, 6),
		.has_subject = !pg_null(r, row, 8),
		.created_at = pg_int(r, row, 9),
		.updated_at = pg_int(r, row, 10),
		.deleted_at = pg_int(r, row, 11),
		.description = arena_strdup(a, pg_text(r, row, 12)),
		.license = arena_strdup(a, pg_text(r, row, 13)),
		.tags = array_or_empty(r, row, 14, a),
		.parents = array_or_empty(r, row, 15, a),
		.platform = arena_strdup(a, pg_text(r, row, 16)),
		.compressed = pg_null(r, row, 17) ? -1 : pg_int(r, row, 17),
		.unique = pg_null(r, row, 18) ? -1 : pg_int(r, row, 18),
		.downloads = take_downloads(r, row, 19, a),
	};
	pg_digest(r, row, 1, &out->digest);
	if (out->has_subject)
		pg_digest(r, row, 7, &out->subject);
}

/* Rows of a page that has a number in column 20, which also a page without rows has. */
static int64_t take_list(struct pg_rows *r, struct arena *a, struct version_list *out)
{
	out->count = pg_null(r, 0, 0) ? 0 : (size_t)pg_rows_count(r);
	out->version = arena_alloc(a, (out->count + 1) * sizeof(*out->version));
	for (size_t i = 0; i < out->count; i++)
		take(r, (int)i, a, &out->version[i]);
	return pg_int(r, 0, 20);
}

/* $1 to $5: the filter, and how many words of a version. */
static void bind_filter(struct pg_stmt *s, const struct version_filter *f)
{
	pg_bind_int8(s, f->package_id);
	pg_bind_bool(s, f->deleted);
	pg_bind_int4(s, (int32_t)f->kinds);
	pg_bind_int2(s, (int)f->tagged);
	pg_bind_int4(s, VERSION_WORDS);
}

#define FILTER_SQL "$1, $2, $3, CASE $4::smallint WHEN 1 THEN true WHEN 2 THEN false END"
/* Of a function's row n with ids. */
#define VERSIONS_OF_N                                      \
	" n LEFT JOIN LATERAL find_versions(n.ids, $5) f " \
	"ON true LEFT JOIN LATERAL version_facts(f.id) v ON f.id IS NOT NULL"

static int await_list(struct pg_tx *tx, struct arena *a, struct version_list *out,
		      int64_t *number)
{
	int rc = await_pg_tx(tx);

	memset(out, 0, sizeof(*out));
	if (rc < 0)
		return rc;
	*number = take_list(pg_tx_rows(tx, 0), a, out);
	return pg_tx_error(tx);
}

int await_version_list(struct metadb *db, struct arena *a, const struct version_filter *f,
		       const struct list_part *part, struct version_list *out, int64_t *total)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT " VERSION_COLUMNS
					  ", n.total FROM numbered_versions(" FILTER_SQL
					  ", $6, $7, $8)" VERSIONS_OF_N);

	bind_filter(s, f);
	pg_bind_int8(s, part->limit);
	pg_bind_int8(s, part->offset);
	pg_bind_int8(s, VERSION_REACH);
	return await_list(tx, a, out, total);
}

int await_version_page(struct metadb *db, struct arena *a, const struct version_filter *f,
		       int64_t before, int64_t most, struct version_list *out, int64_t *next)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT " VERSION_COLUMNS
					  ", n.next FROM page_versions(" FILTER_SQL
					  ", $6, $7, $8)" VERSIONS_OF_N);

	bind_filter(s, f);
	pg_bind_int8(s, before == 0 ? INT64_MAX : before);
	pg_bind_int8(s, most);
	pg_bind_int8(s, VERSION_LOOK);
	return await_list(tx, a, out, next);
}

int await_version_named(struct metadb *db, struct arena *a, int64_t package_id, const char *tag,
			const struct digest *digest, struct version_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT " VERSION_COLUMNS
					  ", 0 FROM (SELECT ARRAY[named_version($1, $2, $3, "
					  "$4)] AS ids)" VERSIONS_OF_N);
	int64_t none;

	pg_bind_int8(s, package_id);
	pg_bind_text(s, tag);
	pg_bind_digest(s, digest);
	pg_bind_int4(s, VERSION_WORDS);
	return await_list(tx, a, out, &none);
}

int await_version_find(struct metadb *db, struct arena *a, int64_t package_id, int64_t id,
		       struct version *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(
		tx, "SELECT " VERSION_COLUMNS " FROM find_versions(ARRAY(SELECT m.id "
		    "FROM manifest m WHERE m.id = $2 AND m.package_id = $1 "
		    "AND m.deleted_at IS NULL AND m.deferred_at IS NULL), $3)" VERSION_FACTS);
	int rc;

	pg_bind_int8(s, package_id);
	pg_bind_int8(s, id);
	pg_bind_int4(s, VERSION_WORDS);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	take(pg_tx_rows(tx, 0), 0, a, out);
	return pg_tx_error(tx);
}
