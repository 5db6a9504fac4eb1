/* Each function is one call of schema/0075. */
#include "metadb/downloads.h"

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

static void bind_counts(struct pg_stmt *s, const struct download_count *count, size_t counts)
{
	struct pg_array packages, manifests, tags, days, downloads, checks, last;

	pg_array_init(&packages, s->arena, PG_INT8, counts);
	pg_array_init(&manifests, s->arena, PG_INT8, counts);
	pg_array_init(&tags, s->arena, PG_TEXT, counts * 2);
	pg_array_init(&days, s->arena, PG_INT4, counts);
	pg_array_init(&downloads, s->arena, PG_INT8, counts);
	pg_array_init(&checks, s->arena, PG_INT8, counts);
	pg_array_init(&last, s->arena, PG_INT8, counts);
	for (size_t i = 0; i < counts; i++) {
		pg_array_int8(&packages, count[i].package_id);
		pg_array_int8(&manifests, count[i].manifest_id);
		pg_array_text(&tags, count[i].tag);
		pg_array_int4(&days, count[i].day);
		pg_array_int8(&downloads, count[i].downloads);
		pg_array_int8(&checks, count[i].checks);
		pg_array_int8(&last, count[i].last_at);
	}
	pg_bind_array(s, &packages);
	pg_bind_array(s, &manifests);
	pg_bind_array(s, &tags);
	pg_bind_array(s, &days);
	pg_bind_array(s, &downloads);
	pg_bind_array(s, &checks);
	pg_bind_array(s, &last);
}

/* Runs the one statement, which answers one number. Ends the arena. */
static int await_number(struct pg_tx *tx, struct arena *a)
{
	int rc = await_pg_tx(tx);

	if (rc == 0) {
		rc = (int)pg_int(pg_tx_rows(tx, 0), 0, 0);
		if (pg_tx_error(tx) < 0)
			rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}

int await_downloads_append(struct metadb *db, int64_t source, int64_t number,
			   const struct download_count *count, size_t counts)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(
		tx, "SELECT downloads_append($1, $2, $3, $4, $5, $6, $7, $8, $9)::int");

	pg_bind_int8(s, source);
	pg_bind_int8(s, number);
	bind_counts(s, count, counts);
	return await_number(tx, a);
}

int await_downloads_fold(struct metadb *db)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);

	pg_bind_int4(pg_tx_add(tx, "SELECT downloads_fold($1)"), DOWNLOADS_BATCH);
	return await_number(tx, a);
}

int await_downloads_expire(struct metadb *db, int days)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT downloads_expire($1, $2)");

	pg_bind_int4(s, days);
	pg_bind_int4(s, DOWNLOADS_BATCH);
	return await_number(tx, a);
}

struct downloads take_downloads(struct pg_rows *r, int row, int column, struct arena *a)
{
	int64_t *number;

	if (pg_int8s(r, row, column, a, &number) == 2)
		return (struct downloads){number[0], number[1]};
	if (r->error == 0)
		r->error = ERR_PROTOCOL;
	return (struct downloads){0, 0};
}

/* Is it there, and how often was it pulled in all? Of the parameters each needs its own. */
static const char version_sql[] =
	"SELECT version_downloads(m.id) FROM manifest m WHERE m.id = $2 AND m.package_id = $1 "
	"AND m.deleted_at IS NULL";
static const char tag_sql[] = "SELECT ARRAY[0, 0]::bigint[] FROM tag t WHERE t.package_id = $1 "
			      "AND t.name = $3";
static const char package_sql[] = "SELECT package_downloads($1)";

static void bind_subject(struct pg_stmt *s, int64_t package_id, int64_t version,
			 const char *tag)
{
	pg_bind_int8(s, package_id);
	if (version != 0)
		pg_bind_int8(s, version);
	else
		pg_bind_null(s, PG_INT8);
	pg_bind_text(s, tag);
}

int await_downloads_by_day(struct metadb *db, struct arena *a, int64_t package_id,
			   int64_t version, const char *tag, int days,
			   struct download_days *out)
{
	const char *whole = tag != NULL ? tag_sql : version != 0 ? version_sql : package_sql;
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, whole);
	struct pg_rows *r;
	int rc;

	bind_subject(s, package_id, version, tag);
	s = pg_tx_add(tx, "SELECT day, downloads, checks FROM "
			  "downloads_by_day($1, $2, $3, $4)");
	bind_subject(s, package_id, version, tag);
	pg_bind_int4(s, days);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	out->whole = take_downloads(pg_tx_rows(tx, 0), 0, 0, a);
	r = pg_tx_rows(tx, 1);
	out->count = (size_t)pg_rows_count(r);
	out->day = arena_alloc(a, (out->count + 1) * sizeof(*out->day));
	for (size_t i = 0; i < out->count; i++)
		out->day[i] = (struct download_day){
			.day = arena_strdup(a, pg_text(r, (int)i, 0)),
			.downloads = pg_int(r, (int)i, 1),
			.checks = pg_int(r, (int)i, 2),
		};
	return pg_tx_error(tx);
}

int await_downloads_popular(struct metadb *db, int64_t package_id, const int64_t *version,
			    size_t versions, int64_t account_id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_array ids;
	struct pg_stmt *s = pg_tx_add(
		tx,
		"SELECT CASE WHEN CASE WHEN cardinality($2) = 0 THEN package_popular($1) "
		"ELSE EXISTS (SELECT FROM unnest($2) AS q(id) CROSS JOIN LATERAL (SELECT "
		"FROM manifest WHERE manifest.id = q.id AND manifest.package_id = $1 "
		"AND manifest.deleted_at IS NULL LIMIT 1) m WHERE version_popular(q.id)) END "
		"THEN 1 + namespace_owned((SELECT p.namespace_id FROM package p "
		"WHERE p.id = $1), $3)::int ELSE 0 END");

	pg_array_init(&ids, a, PG_INT8, versions);
	for (size_t i = 0; i < versions; i++)
		pg_array_int8(&ids, version[i]);
	pg_bind_int8(s, package_id);
	pg_bind_array(s, &ids);
	pg_bind_int8(s, account_id);
	return await_number(tx, a);
}
