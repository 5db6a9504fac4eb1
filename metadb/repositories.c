/* Repositories: thin wrappers of the functions of schema/0047 and 0048. */
#include "metadb/repositories.h"

#include <string.h>

#include "metadb/metadb_private.h"

int await_repository_list_tx(struct pg_tx *tx, struct arena *a, const struct list_part *part,
			     struct repository_list *out)
{
	struct pg_rows *r;
	size_t count;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	count = (size_t)pg_rows_count(r);
	out->more = count > (size_t)part->limit;
	out->count = out->more ? (size_t)part->limit : count;
	out->repository = arena_alloc(a, (out->count + 1) * sizeof(*out->repository));
	for (size_t i = 0; i < out->count; i++)
		repository_take(r, (int)i, a, &out->repository[i]);
	return pg_tx_error(tx);
}

void repository_take(struct pg_rows *r, int row, struct arena *a, struct repository *out)
{
	out->id = pg_int(r, row, 0);
	out->owner = (struct account){.id = pg_int(r, row, 1),
				      .kind = (enum account_kind)pg_int(r, row, 2),
				      .login = arena_strdup(a, pg_text(r, row, 3)),
				      .name = "",
				      .email = "",
				      .site_admin = pg_bool(r, row, 4)};
	out->name = arena_strdup(a, pg_text(r, row, 5));
	out->visibility = (enum visibility)pg_int(r, row, 6);
	out->description = arena_strdup(a, pg_text(r, row, 7));
	out->homepage = arena_strdup(a, pg_text(r, row, 8));
	out->url = arena_strdup(a, pg_text(r, row, 9));
	out->created_at = pg_int(r, row, 10);
	out->updated_at = pg_int(r, row, 11);
	out->role = (enum repository_role)pg_int(r, row, 12);
}

int await_repository_find(struct metadb *db, struct arena *a, int64_t person, const char *owner,
			  const char *name, struct repository *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT " REPOSITORY_COLUMNS ", repository_role(nullif($1, 0), r.id) "
			  "FROM account o JOIN repository r ON r.owner_id = o.id "
			  "WHERE o.login = $2 AND o.deleted_at IS NULL "
			  "AND r.key = lower($3) AND r.deleted_at IS NULL");
	pg_bind_int8(s, person);
	pg_bind_text(s, owner);
	pg_bind_text(s, name);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	repository_take(pg_tx_rows(tx, 0), 0, a, out);
	return pg_tx_error(tx);
}

int await_repository_readme(struct metadb *db, struct arena *a, int64_t id, const char **out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	pg_bind_int8(pg_tx_add(tx, "SELECT readme FROM repository "
				   "WHERE id = $1 AND deleted_at IS NULL"),
		     id);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	*out = arena_strdup(a, pg_text(pg_tx_rows(tx, 0), 0, 0));
	return pg_tx_error(tx);
}

int await_repository_list(struct metadb *db, struct arena *a, const struct repository_filter *f,
			  const struct list_part *part, struct repository_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;

	s = pg_tx_add(
		tx,
		"SELECT " REPOSITORY_COLUMNS
		", l.role FROM list_repositories($1, nullif($2, 0), $3, "
		"nullif($4, 0), $5, $6, $7, $8, $9, $10) WITH ORDINALITY AS l(id, role, ord) "
		"JOIN repository r ON r.id = l.id "
		"JOIN account o ON o.id = r.owner_id ORDER BY l.ord");
	pg_bind_int8(s, f->person);
	pg_bind_int8(s, f->token);
	pg_bind_bool(s, f->scoped);
	pg_bind_int8(s, f->owner);
	pg_bind_int4(s, (int32_t)f->affiliations);
	pg_bind_int4(s, (int32_t)f->visibilities);
	pg_bind_int4(s, f->order);
	pg_bind_bool(s, f->descending);
	pg_bind_int8(s, part->limit + 1);
	pg_bind_int8(s, part->offset);
	return await_repository_list_tx(tx, a, part, out);
}

int await_refusal(struct pg_tx *tx)
{
	int rc = await_pg_tx(tx);
	int64_t status;

	if (rc < 0)
		return rc;
	status = pg_int(pg_tx_rows(tx, 0), 0, 0);
	return status < 0 || status > REPOSITORY_TEAM_FOREIGN ? ERR_PROTOCOL : (int)status;
}

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

int await_repository_create(struct metadb *db, const struct actor *who, int64_t owner,
			    const struct repository_change *wanted, int64_t *id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT status, id FROM repository_create(" ACTOR_SQL
			  ", $5, $6, $7, $8, $9, $10, $11)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, owner);
	pg_bind_text(s, wanted->name);
	pg_bind_int2(s, wanted->visibility == NULL ? VISIBILITY_PRIVATE : *wanted->visibility);
	pg_bind_text(s, or_empty(wanted->description));
	pg_bind_text(s, or_empty(wanted->homepage));
	pg_bind_text(s, or_empty(wanted->url));
	pg_bind_text(s, or_empty(wanted->source));
	rc = await_refusal(tx);
	if (rc == REPOSITORY_DONE)
		*id = pg_int(pg_tx_rows(tx, 0), 0, 1);
	arena_free(a);
	return rc;
}

int await_repository_update(struct metadb *db, const struct actor *who, int64_t id,
			    const struct repository_change *wanted)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT repository_update(" ACTOR_SQL
			  ", $5, $6, $7, $8, $9, $10, $11, $12)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, id);
	pg_bind_text(s, wanted->name);
	if (wanted->visibility == NULL)
		pg_bind_null(s, PG_INT2);
	else
		pg_bind_int2(s, *wanted->visibility);
	pg_bind_text(s, wanted->description);
	pg_bind_text(s, wanted->homepage);
	pg_bind_text(s, wanted->url);
	pg_bind_text(s, wanted->source);
	pg_bind_text(s, wanted->readme);
	rc = await_refusal(tx);
	arena_free(a);
	return rc;
}

int await_repository_transfer(struct metadb *db, const struct actor *who, int64_t id,
			      const char *login, const char *name)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT repository_transfer(" ACTOR_SQL ", $5, $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, id);
	pg_bind_text(s, login);
	pg_bind_text(s, name);
	rc = await_refusal(tx);
	arena_free(a);
	return rc;
}

int await_repository_delete(struct metadb *db, const struct actor *who, int64_t id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT repository_delete(" ACTOR_SQL ", $5)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, id);
	rc = await_refusal(tx);
	arena_free(a);
	return rc;
}
