/* Thin wrappers of the functions of schema/0051. */
#include "metadb/sign_in.h"

#include <string.h>

#include "metadb/metadb_private.h"

#define TRIES_MAX	     10	 /* of a login from an address */
#define TRIES_EVERYWHERE_MAX 100 /* of a login */

int await_password_find(struct metadb *db, struct arena *a, const char *login,
			struct password_row *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	int rc;

	pg_bind_text(pg_tx_add(tx, "SELECT a.id, p.secret FROM account a LEFT JOIN "
				   "account_password p ON p.account_id = a.id "
				   "WHERE a.login = $1 AND a.kind = 1 AND a.deleted_at IS NULL "
				   "AND a.suspended_at IS NULL"),
		     login);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	out->account_id = pg_int(r, 0, 0);
	out->secret = pg_null(r, 0, 1) ? NULL : arena_strdup(a, pg_text(r, 0, 1));
	return pg_tx_error(tx);
}

int await_password_setup_find(struct metadb *db, const unsigned char hash[TOKEN_HASH_BYTES],
			      int64_t *account_id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	pg_bind_bytes(pg_tx_add(tx, "SELECT p.account_id FROM password_setup p JOIN account a "
				    "ON a.id = p.account_id WHERE p.hash = $1 "
				    "AND p.ends_at > now() AND a.deleted_at IS NULL "
				    "AND a.suspended_at IS NULL"),
		      hash, TOKEN_HASH_BYTES);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		*account_id = pg_int(pg_tx_rows(tx, 0), 0, 0);
	arena_free(a);
	return rc;
}

/* Runs it, whose answer is a boolean, and frees the arena: 0, or `no`. */
static int await_yes(struct pg_tx *tx, struct arena *a, int no)
{
	int rc = await_pg_tx(tx);

	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = no;
	arena_free(a);
	return rc;
}

int await_password_setup_make(struct metadb *db, const struct actor *who, int64_t account_id,
			      const unsigned char hash[TOKEN_HASH_BYTES], int64_t life_ms)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT password_setup_make(" ACTOR_SQL
			  ", $5, $6, $7 * interval '1 ms')");
	pg_bind_actor(s, who);
	pg_bind_int8(s, account_id);
	pg_bind_bytes(s, hash, TOKEN_HASH_BYTES);
	pg_bind_int8(s, life_ms);
	return await_yes(tx, a, ERR_NOT_FOUND);
}

int await_password_store(struct metadb *db, const struct actor *who,
			 const struct password_change *change)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT password_store(" ACTOR_SQL ", $5, $6, $7, $8)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, change->account_id);
	pg_bind_text(s, change->secret);
	pg_bind_text(s, change->before);
	if (change->setup == NULL)
		pg_bind_null(s, PG_BYTEA);
	else
		pg_bind_bytes(s, change->setup, TOKEN_HASH_BYTES);
	return await_yes(tx, a, ERR_CONFLICT);
}

int await_sign_in_try(struct metadb *db, const char *login, const char *address)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT sign_in_try_add($1, $2, $3, $4, interval '15 minutes')");
	pg_bind_text(s, login);
	pg_bind_text(s, address);
	pg_bind_int4(s, TRIES_MAX);
	pg_bind_int4(s, TRIES_EVERYWHERE_MAX);
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = (int)pg_int(pg_tx_rows(tx, 0), 0, 0);
	arena_free(a);
	return rc;
}

int await_session_open(struct metadb *db, const struct actor *who,
		       const struct session_new *wanted,
		       const unsigned char hash[TOKEN_HASH_BYTES])
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx,
		      "SELECT session_open(" ACTOR_SQL ", $5, $6, $7, $8 * interval '1 ms', "
		      "$9 * interval '1 ms', $10, $11, $12)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, wanted->account_id);
	pg_bind_bytes(s, hash, TOKEN_HASH_BYTES);
	pg_bind_int4(s, (int32_t)wanted->scopes);
	pg_bind_int8(s, wanted->idle_ms);
	pg_bind_int8(s, wanted->life_ms);
	pg_bind_text(s, wanted->login);
	pg_bind_text(s, wanted->address);
	pg_bind_text(s, wanted->agent);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_null(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}
