/* Each is one call of a function of schema/0043. */
#include "metadb/account_changes.h"

#include "metadb/metadb_private.h"

/* A function of the actor and an account; `flag` and `text` are bound when it has them. */
static int await_change(struct metadb *db, const char *sql, const struct actor *who,
			int64_t account, const bool *flag, const char *const *text)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_DENIED};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, sql);
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, account);
	if (flag != NULL)
		pg_bind_bool(s, *flag);
	if (text != NULL)
		pg_bind_text(s, *text);
	rc = await_status(tx, answer, 3);
	arena_free(a);
	return rc;
}

int await_user_suspend(struct metadb *db, const struct actor *who, int64_t user, bool suspended,
		       const char *why)
{
	return await_change(db, "SELECT user_suspend(" ACTOR_SQL ", $5, $6, $7)", who, user,
			    &suspended, &why);
}

int await_site_admin_set(struct metadb *db, const struct actor *who, int64_t user, bool wanted)
{
	return await_change(db, "SELECT site_admin_set(" ACTOR_SQL ", $5, $6)", who, user,
			    &wanted, NULL);
}

int await_organization_delete(struct metadb *db, const struct actor *who, int64_t organization)
{
	return await_change(db, "SELECT organization_delete(" ACTOR_SQL ", $5)", who,
			    organization, NULL, NULL);
}

int await_profile_set(struct metadb *db, const struct actor *who, int64_t account,
		      const char *name, const char *email)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT profile_set(" ACTOR_SQL ", $5, $6, $7)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, account);
	pg_bind_text(s, name);
	pg_bind_text(s, email);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}

int await_account_rename(struct metadb *db, const struct actor *who, int64_t account,
			 const char *login)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_CONFLICT};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT account_rename(" ACTOR_SQL ", $5, $6)");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, account);
	pg_bind_text(s, login);
	rc = await_status(tx, answer, 3);
	arena_free(a);
	return rc;
}

int await_user_delete(struct metadb *db, struct arena *a, const struct actor *who, int64_t user,
		      const char **sole)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_DENIED, ERR_CONFLICT};
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT status, sole FROM user_delete(" ACTOR_SQL ", $5)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, user);
	rc = await_status(tx, answer, 4);
	if (rc == ERR_CONFLICT)
		*sole = arena_strdup(a, pg_text(pg_tx_rows(tx, 0), 0, 1));
	return rc;
}

/* −1 is NULL. */
static void bind_small(struct pg_stmt *s, int v)
{
	if (v < 0)
		pg_bind_null(s, PG_INT2);
	else
		pg_bind_int2(s, v);
}

static void bind_flag(struct pg_stmt *s, int v)
{
	if (v < 0)
		pg_bind_null(s, PG_BOOL);
	else
		pg_bind_bool(s, v != 0);
}

int await_organization_set(struct metadb *db, const struct actor *who, int64_t organization,
			   const struct organization_change *c)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_DENIED, ERR_CONFLICT};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT organization_set(" ACTOR_SQL
			  ", $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, organization);
	pg_bind_text(s, c->name);
	pg_bind_text(s, c->description);
	pg_bind_text(s, c->email);
	bind_small(s, c->base_role);
	bind_small(s, c->members_create);
	bind_small(s, c->visibilities);
	bind_small(s, c->default_visibility);
	bind_flag(s, c->default_inherits);
	bind_flag(s, c->sso_required);
	rc = await_status(tx, answer, 4);
	arena_free(a);
	return rc;
}
