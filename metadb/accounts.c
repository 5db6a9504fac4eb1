/* Users, organizations and their members: thin wrappers of the functions of schema/0005. */
#include "metadb/accounts.h"

#include <string.h>

#include "metadb/account_row.h"
#include "metadb/metadb_private.h"

/* Row 0 of a statement over ACCOUNT_COLUMNS. */
static int take_account(struct pg_tx *tx, unsigned statement, struct arena *a,
			struct account *out)
{
	struct pg_rows *r = pg_tx_rows(tx, statement);

	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	account_take(r, 0, a, out);
	return pg_tx_error(tx);
}

int await_account_by_login(struct metadb *db, struct arena *a, const char *login,
			   struct account *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT " ACCOUNT_COLUMNS " FROM account a "
					  "WHERE login = $1 AND deleted_at IS NULL");
	int rc;

	pg_bind_text(s, login);
	rc = await_pg_tx(tx);
	return rc < 0 ? rc : take_account(tx, 0, a, out);
}

int await_account_by_id(struct metadb *db, struct arena *a, int64_t id, struct account *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT " ACCOUNT_COLUMNS " FROM account a "
					  "WHERE id = $1 AND deleted_at IS NULL");
	int rc;

	pg_bind_int8(s, id);
	rc = await_pg_tx(tx);
	return rc < 0 ? rc : take_account(tx, 0, a, out);
}

/* In the transaction of a change that made or found the account with that login. */
static void add_account_read(struct pg_tx *tx, const char *login)
{
	pg_bind_text(pg_tx_add(tx, "SELECT " ACCOUNT_COLUMNS " FROM account a "
				   "WHERE login = $1 AND deleted_at IS NULL"),
		     login);
}

int await_user_create(struct metadb *db, struct arena *a, const struct actor *who,
		      const char *login, const char *email, const char *name,
		      struct account *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT account_create(" ACTOR_SQL ", 1::smallint, $5, $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_text(s, login);
	pg_bind_text(s, email);
	pg_bind_text(s, name);
	add_account_read(tx, login);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_null(pg_tx_rows(tx, 0), 0, 0))
		return ERR_CONFLICT;
	return take_account(tx, 1, a, out);
}

int await_organization_create(struct metadb *db, struct arena *a, const struct actor *who,
			      const char *login, const char *name, const char *admin_login,
			      struct account *out)
{
	static const int answer[] = {0, ERR_CONFLICT, ERR_NOT_FOUND};
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int64_t status;
	int rc;

	s = pg_tx_add(tx, "SELECT status FROM organization_create(" ACTOR_SQL ", $5, $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_text(s, login);
	pg_bind_text(s, name);
	pg_bind_text(s, admin_login);
	add_account_read(tx, login);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	status = pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (status < 0 || status > 2)
		return ERR_PROTOCOL;
	return answer[status] < 0 ? answer[status] : take_account(tx, 1, a, out);
}

int await_site_admin_ensure(struct metadb *db, struct arena *a, const char *login,
			    struct account *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	int rc;

	pg_bind_text(pg_tx_add(tx, "SELECT site_admin_ensure($1)"), login);
	add_account_read(tx, login);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_null(pg_tx_rows(tx, 0), 0, 0))
		return ERR_CONFLICT;
	return take_account(tx, 1, a, out);
}

int await_membership_set(struct metadb *db, const struct actor *who, int64_t organization,
			 int64_t user, enum membership role)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_CONFLICT, ERR_DENIED};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT membership_set(" ACTOR_SQL ", $5, $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, organization);
	pg_bind_int8(s, user);
	pg_bind_int2(s, role);
	rc = await_status(tx, answer, 4);
	arena_free(a);
	return rc;
}

/* One of the functions of schema/0071: organization, user. */
static int await_outsider(struct metadb *db, const char *sql, const struct actor *who,
			  int64_t organization, int64_t user)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_CONFLICT, ERR_DENIED};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, sql);
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, organization);
	pg_bind_int8(s, user);
	rc = await_status(tx, answer, 4);
	arena_free(a);
	return rc;
}

int await_outsider_make(struct metadb *db, const struct actor *who, int64_t organization,
			int64_t user)
{
	return await_outsider(db, "SELECT outsider_make(" ACTOR_SQL ", $5, $6)", who,
			      organization, user);
}

int await_outsider_end(struct metadb *db, const struct actor *who, int64_t organization,
		       int64_t user)
{
	return await_outsider(db, "SELECT outsider_end(" ACTOR_SQL ", $5, $6)", who,
			      organization, user);
}

int await_membership_get(struct metadb *db, int64_t organization, int64_t user,
			 enum membership *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	int rc;

	*out = MEMBERSHIP_NONE;
	s = pg_tx_add(tx, "SELECT role FROM membership WHERE organization_id = $1 "
			  "AND account_id = $2");
	pg_bind_int8(s, organization);
	pg_bind_int8(s, user);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_rows_count(pg_tx_rows(tx, 0)) > 0)
		*out = (enum membership)pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (rc == 0)
		rc = pg_tx_error(tx);
	arena_free(a);
	return rc;
}
