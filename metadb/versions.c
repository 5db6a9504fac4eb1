/* Versions: rows of find_versions() in schema/0080. */
#include "metadb/versions.h"

#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

#define VERSION_COLUMNS                                                                     \
	"id, algorithm, digest, kind, media_type, artifact_type, size, subject_algorithm, " \
	"subject_digest, created_at, updated_at, deleted_at, description, license, tags, "  \
	"parents, version_downloads(id)"

static const char *array_or_empty(struct pg_rows *r, int row, int column, struct arena *a)
{
	return pg_null(r, row, column) ? "[]" : arena_strdup(a, pg_text(r, row, column));
}

static void take(struct pg_rows *r, int row, struct arena *a, struct version *out)
{
	*out = (struct version){
		.id = pg_int(r, row, 0),
		.kind = (enum manifest_kind)pg_int(r, row, 3),
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
		.downloads = take_downloads(r, row, 16, a),
	};
	pg_digest(r, row, 1, &out->digest);
	if (out->has_subject)
		pg_digest(r, row, 7, &out->subject);
}

int await_version_list(struct metadb *db, struct arena *a, int64_t package_id, bool deleted,
		       const struct list_part *part, struct version_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT " VERSION_COLUMNS " FROM find_versions(ARRAY(SELECT "
			      "list_versions($1, $2, $3, $4)), $5)");
	struct pg_rows *r;
	int rc;

	memset(out, 0, sizeof(*out));
	pg_bind_int8(s, package_id);
	pg_bind_bool(s, deleted);
	pg_bind_int8(s, part->limit);
	pg_bind_int8(s, part->offset);
	pg_bind_int4(s, VERSION_WORDS);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	out->count = (size_t)pg_rows_count(r);
	out->version = arena_alloc(a, (out->count + 1) * sizeof(*out->version));
	for (size_t i = 0; i < out->count; i++)
		take(r, (int)i, a, &out->version[i]);
	return pg_tx_error(tx);
}

int await_version_count(struct metadb *db, int64_t package_id, bool deleted, int64_t *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT count_versions($1, $2)");
	int rc;

	pg_bind_int8(s, package_id);
	pg_bind_bool(s, deleted);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		*out = pg_int(pg_tx_rows(tx, 0), 0, 0);
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}

int await_version_find(struct metadb *db, struct arena *a, int64_t package_id, int64_t id,
		       struct version *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT " VERSION_COLUMNS " FROM find_versions(ARRAY(SELECT m.id "
			      "FROM manifest m WHERE m.id = $2 AND m.package_id = $1 "
			      "AND m.deleted_at IS NULL AND m.deferred_at IS NULL), $3)");
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
