/* Thin wrappers of the functions of schema/0059. */
#include "metadb/audit_log.h"

#include <string.h>

#include "metadb/metadb_private.h"

/* Rows that a page looks at. */
#define AUDIT_WITHIN 10000

static void bind_or_null(struct pg_stmt *s, int64_t value)
{
	if (value == 0)
		pg_bind_null(s, PG_INT8);
	else
		pg_bind_int8(s, value);
}

static const char *text_or_null(struct arena *a, struct pg_rows *r, int row, int column)
{
	return pg_null(r, row, column) ? NULL : arena_strdup(a, pg_text(r, row, column));
}

static void read_row(struct arena *a, struct pg_rows *r, int row, struct audit_entry *out)
{
	out->id = pg_int(r, row, 0);
	out->at_ms = pg_int(r, row, 1);
	out->action = arena_strdup(a, pg_text(r, row, 2));
	out->actor_id = pg_int(r, row, 3);
	out->actor = text_or_null(a, r, row, 4);
	out->token_id = pg_int(r, row, 5);
	out->remote = text_or_null(a, r, row, 6);
	out->request_id = text_or_null(a, r, row, 7);
	out->namespace_id = pg_int(r, row, 8);
	out->namespace = text_or_null(a, r, row, 9);
	out->of_organization = pg_int(r, row, 10) == 2;
	out->package_id = pg_int(r, row, 11);
	out->package = text_or_null(a, r, row, 12);
	out->detail = arena_strdup(a, pg_text(r, row, 13));
}

int await_audit_list(struct metadb *db, struct arena *a, const struct audit_query *q,
		     struct audit_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	memset(out, 0, sizeof(*out));
	assert(q->count > 0 && q->count < INT32_MAX);
	s = pg_tx_add(tx, "SELECT id, at_ms, action, actor_id, actor, token_id, remote, "
			  "request_id, namespace_id, namespace, namespace_kind, package_id, "
			  "package, detail, go_on FROM audit_page(ROW($1, $2, $3, $4, $5, "
			  "to_timestamp($6::bigint), to_timestamp($7::bigint), $8, "
			  "$9)::audit_query, $10, $11, $12)");
	bind_or_null(s, q->namespace_id);
	bind_or_null(s, q->package_id);
	bind_or_null(s, q->actor_id);
	bind_or_null(s, q->repository_id);
	pg_bind_text(s, q->action);
	bind_or_null(s, q->since);
	bind_or_null(s, q->until);
	bind_or_null(s, q->past);
	pg_bind_bool(s, q->ascending);
	pg_bind_int4(s, (int32_t)q->count);
	pg_bind_int8(s, (int64_t)q->bytes);
	pg_bind_int4(s, AUDIT_WITHIN);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_rows_count(r) == 0)
		return ERR_PROTOCOL;
	out->count = (size_t)pg_rows_count(r) - 1;
	out->go_on = pg_int(r, (int)out->count, 14);
	out->entry = arena_alloc(a, (out->count + 1) * sizeof(*out->entry));
	for (size_t i = 0; i < out->count; i++)
		read_row(a, r, (int)i, &out->entry[i]);
	return pg_tx_error(tx);
}

static int64_t id_or_nothing(int64_t id)
{
	return id == 0 ? AUDIT_NOTHING : id;
}

int await_audit_login(struct metadb *db, struct arena *a, const char *login, int64_t *id)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	pg_bind_text(pg_tx_add(tx, "SELECT id FROM namespace_find($1)"), login);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	*id = id_or_nothing(pg_int(pg_tx_rows(tx, 0), 0, 0));
	return pg_tx_error(tx);
}

int await_audit_names(struct metadb *db, struct arena *a, int64_t namespace_id,
		      const char *package, const char *repository, int64_t *package_id,
		      int64_t *repository_id)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT package_id, repository_id "
					  "FROM audit_named($1, $2, $3)");
	int rc;

	pg_bind_int8(s, namespace_id);
	pg_bind_text(s, package);
	pg_bind_text(s, repository);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	*package_id = package == NULL ? 0 : id_or_nothing(pg_int(pg_tx_rows(tx, 0), 0, 0));
	*repository_id =
		repository == NULL ? 0 : id_or_nothing(pg_int(pg_tx_rows(tx, 0), 0, 1));
	return pg_tx_error(tx);
}
