/* Settings of a package: thin wrappers of the functions of schema/0053 to 0055. */
#include "metadb/package_settings.h"

#include "metadb/metadb_private.h"

/* A statement whose first parameters are the actor and the package, in a transaction of its
 * own. */
static struct pg_stmt *begin(struct metadb *db, const char *sql, const struct actor *who,
			     int64_t package_id, struct pg_tx **tx, struct arena **a)
{
	struct pg_stmt *s;

	*a = arena_new();
	*tx = pg_tx_new(db, *a, PG_WRITE);
	s = pg_tx_add(*tx, sql);
	pg_bind_actor(s, who);
	pg_bind_int8(s, package_id);
	return s;
}

/* Runs it; it answers 0 or a refusal. */
static int await_end(struct pg_tx *tx, struct arena *a)
{
	int rc = await_pg_tx(tx);

	if (rc == 0) {
		int64_t answer = pg_int(pg_tx_rows(tx, 0), 0, 0);

		rc = pg_tx_error(tx);
		if (rc == 0)
			rc = answer < 0 || answer >= SETTINGS_REFUSALS ? ERR_PROTOCOL
								       : (int)answer;
	}
	arena_free(a);
	return rc;
}

int await_package_grant_set(struct metadb *db, const struct actor *who, int64_t package_id,
			    const char *login, enum role role)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s = begin(db, "SELECT package_grant_set(" ACTOR_SQL ", $5, $6, $7)",
				  who, package_id, &tx, &a);

	pg_bind_text(s, login);
	pg_bind_int2(s, role);
	return await_end(tx, a);
}

int await_package_team_set(struct metadb *db, const struct actor *who, int64_t package_id,
			   const char *slug, enum role role)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s = begin(db, "SELECT package_team_set(" ACTOR_SQL ", $5, $6, $7)", who,
				  package_id, &tx, &a);

	pg_bind_text(s, slug);
	pg_bind_int2(s, role);
	return await_end(tx, a);
}

int await_package_inherit_set(struct metadb *db, const struct actor *who, int64_t package_id,
			      bool on)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s = begin(db, "SELECT package_inherit_set(" ACTOR_SQL ", $5, $6)", who,
				  package_id, &tx, &a);

	pg_bind_bool(s, on);
	return await_end(tx, a);
}

int await_package_actions_set(struct metadb *db, const struct actor *who, int64_t package_id,
			      const char *owner, const char *repository, enum role role)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s =
		begin(db, "SELECT package_actions_set(" ACTOR_SQL ", $5, $6, $7, $8)", who,
		      package_id, &tx, &a);

	pg_bind_text(s, owner);
	pg_bind_text(s, repository);
	pg_bind_int2(s, role);
	return await_end(tx, a);
}

int await_package_codespace_set(struct metadb *db, const struct actor *who, int64_t package_id,
				const char *owner, const char *repository, bool on)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s =
		begin(db, "SELECT package_codespace_set(" ACTOR_SQL ", $5, $6, $7, $8)", who,
		      package_id, &tx, &a);

	pg_bind_text(s, owner);
	pg_bind_text(s, repository);
	pg_bind_bool(s, on);
	return await_end(tx, a);
}

int await_package_visibility_set(struct metadb *db, const struct actor *who, int64_t package_id,
				 enum visibility visibility)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s = begin(db, "SELECT package_visibility_set(" ACTOR_SQL ", $5, $6)",
				  who, package_id, &tx, &a);

	pg_bind_int2(s, visibility);
	return await_end(tx, a);
}

int await_package_link(struct metadb *db, const struct actor *who, int64_t package_id,
		       const char *owner, const char *repository)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s = begin(db, "SELECT package_link(" ACTOR_SQL ", $5, $6, $7)", who,
				  package_id, &tx, &a);

	pg_bind_text(s, owner);
	pg_bind_text(s, repository);
	return await_end(tx, a);
}

int await_package_unlink(struct metadb *db, const struct actor *who, int64_t package_id)
{
	struct arena *a;
	struct pg_tx *tx;

	begin(db, "SELECT package_unlink(" ACTOR_SQL ", $5)", who, package_id, &tx, &a);
	return await_end(tx, a);
}

int await_package_rename(struct metadb *db, const struct actor *who, int64_t package_id,
			 const char *name)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s = begin(db, "SELECT package_rename(" ACTOR_SQL ", $5, $6)", who,
				  package_id, &tx, &a);

	pg_bind_text(s, name);
	return await_end(tx, a);
}

int await_package_transfer(struct metadb *db, const struct actor *who, int64_t package_id,
			   const char *login)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s = begin(db, "SELECT package_transfer(" ACTOR_SQL ", $5, $6)", who,
				  package_id, &tx, &a);

	pg_bind_text(s, login);
	return await_end(tx, a);
}

int await_package_alias_end(struct metadb *db, const struct actor *who, int64_t namespace_id,
			    const char *name, int64_t package_id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT package_alias_end(" ACTOR_SQL ", $5, $6, nullif($7, 0))");
	int rc;

	pg_bind_actor(s, who);
	pg_bind_int8(s, namespace_id);
	pg_bind_text(s, name);
	pg_bind_int8(s, package_id);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}
