/* Each is one call of a function of schema/0080 and 0081. */
#include "metadb/version_deletes.h"

#include "metadb/metadb_private.h"

/* Rows behind the first, which has the status. */
static void take_effects(struct pg_rows *r, struct arena *a, struct version_effects *out)
{
	int rows = pg_rows_count(r);

	out->effect = arena_alloc(a, (size_t)rows * sizeof(*out->effect));
	for (int row = 1; row < rows; row++) {
		struct version_effect *e = &out->effect[out->count++];

		*e = (struct version_effect){
			.what = (unsigned)pg_int(r, row, 1),
			.id = pg_int(r, row, 2),
			.tags = pg_null(r, row, 5) ? "[]" : arena_strdup(a, pg_text(r, row, 5)),
		};
		pg_digest(r, row, 3, &e->digest);
	}
}

int await_version_remove(struct metadb *db, struct arena *a, const struct actor *who,
			 const struct version_removal *v, struct version_effects *out)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_CONFLICT, VERSION_LAST,
				     VERSION_MANY};
	struct pg_tx *tx = pg_tx_new(db, a, v->dry ? PG_READ : PG_WRITE);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT status, effect, id, algorithm, digest, tags "
			      "FROM version_remove(" ACTOR_SQL ", $5, $6, $7, $8, $9, $10)");
	struct pg_array without;
	int rc;

	*out = (struct version_effects){0};
	pg_bind_actor(s, who);
	pg_bind_int8(s, v->package_id);
	pg_bind_int8(s, v->id);
	pg_bind_int2(s, v->mode);
	pg_bind_bool(s, v->anyway);
	pg_bind_bool(s, v->dry);
	pg_array_init(&without, a, PG_INT8, v->without_count);
	for (size_t i = 0; i < v->without_count; i++)
		pg_array_int8(&without, v->without[i]);
	pg_bind_array(s, &without);
	rc = await_status(tx, answer, sizeof(answer) / sizeof(answer[0]));
	if (rc < 0 && rc != ERR_CONFLICT)
		return rc;
	take_effects(pg_tx_rows(tx, 0), a, out);
	return pg_tx_error(tx) < 0 ? pg_tx_error(tx) : rc;
}

int await_version_restore(struct metadb *db, const struct actor *who, int64_t package_id,
			  int64_t id)
{
	static const int answer[] = {0, ERR_NOT_FOUND};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT version_restore(" ACTOR_SQL ", $5, $6)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, package_id);
	pg_bind_int8(s, id);
	rc = await_status(tx, answer, 2);
	arena_free(a);
	return rc;
}

int await_version_purge(struct metadb *db, const struct actor *who, int64_t package_id,
			int64_t id, struct digest *needed_by)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_DENIED, ERR_CONFLICT};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT status, needed_by_algorithm, needed_by_digest "
			      "FROM version_purge(" ACTOR_SQL ", $5, $6)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, package_id);
	pg_bind_int8(s, id);
	rc = await_status(tx, answer, 4);
	if (rc == ERR_CONFLICT)
		pg_digest(pg_tx_rows(tx, 0), 0, 1, needed_by);
	arena_free(a);
	return rc;
}
