/* Thin wrappers of the functions of schema/0065, and lists of its rows. */
#include "metadb/identities.h"

#include <string.h>

#include "metadb/metadb_private.h"

#define IDENTITY_COLUMNS                                                \
	"n.id, n.issuer_id, i.url, n.subject, "                         \
	"extract(epoch FROM n.created_at)::bigint, "                    \
	"extract(epoch FROM n.last_used_at)::bigint, count(*) OVER () " \
	"FROM account_identity n JOIN issuer i ON i.id = n.issuer_id WHERE "

/* Runs it, whose answer is a boolean, and frees the arena: 0, or `no`. */
static int await_yes(struct pg_tx *tx, struct arena *a, int no)
{
	int rc = await_pg_tx(tx);

	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = no;
	arena_free(a);
	return rc;
}

int await_issuer_sign_in_find(struct metadb *db, struct arena *a, int64_t issuer_id,
			      struct issuer *issuer, struct issuer_sign_in *out)
{
	struct pg_tx *tx;
	struct pg_rows *r;
	int rc = await_issuer_find(db, a, issuer_id, NULL, issuer);

	if (rc < 0)
		return rc;
	tx = pg_tx_new(db, a, PG_READ);
	pg_bind_int8(pg_tx_add(tx, "SELECT client_id, client_secret, authorization_url, "
				   "token_url, scopes, subject_claim, creates, "
				   "extract(epoch FROM updated_at)::bigint "
				   "FROM issuer_sign_in WHERE issuer_id = $1"),
		     issuer_id);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	out->client_id = arena_strdup(a, pg_text(r, 0, 0));
	out->client_secret = arena_strdup(a, pg_text(r, 0, 1));
	out->authorization_url = arena_strdup(a, pg_text(r, 0, 2));
	out->token_url = arena_strdup(a, pg_text(r, 0, 3));
	out->scopes = arena_strdup(a, pg_text(r, 0, 4));
	out->subject_claim = arena_strdup(a, pg_text(r, 0, 5));
	out->creates = arena_strdup(a, pg_text(r, 0, 6));
	out->updated_at = pg_int(r, 0, 7);
	return pg_tx_error(tx);
}

int await_issuer_sign_in_set(struct metadb *db, const struct actor *who, int64_t issuer_id,
			     const struct issuer_sign_in *wanted)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT issuer_sign_in_set(" ACTOR_SQL
			  ", $5, $6, $7, $8, $9, $10, $11, $12)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, issuer_id);
	pg_bind_text(s, wanted->client_id);
	pg_bind_text(s, wanted->client_secret);
	pg_bind_text(s, wanted->authorization_url);
	pg_bind_text(s, wanted->token_url);
	pg_bind_text(s, wanted->scopes);
	pg_bind_text(s, wanted->subject_claim);
	pg_bind_text(s, wanted->creates);
	return await_yes(tx, a, ERR_NOT_FOUND);
}

int await_issuer_sign_in_unset(struct metadb *db, const struct actor *who, int64_t issuer_id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT issuer_sign_in_unset(" ACTOR_SQL ", $5)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, issuer_id);
	return await_yes(tx, a, ERR_NOT_FOUND);
}

static void take_identity(struct pg_rows *r, int row, struct arena *a, struct identity *out)
{
	out->id = pg_int(r, row, 0);
	out->issuer_id = pg_int(r, row, 1);
	out->issuer = arena_strdup(a, pg_text(r, row, 2));
	out->subject = arena_strdup(a, pg_text(r, row, 3));
	out->created_at = pg_int(r, row, 4);
	out->last_used_at = pg_int(r, row, 5);
}

int await_identity_list(struct metadb *db, struct arena *a, int64_t account_id, int64_t skip,
			int max, struct identity_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	memset(out, 0, sizeof(*out));
	s = pg_tx_add(tx, "SELECT " IDENTITY_COLUMNS
			  "n.account_id = $1 ORDER BY n.id LIMIT $2 OFFSET $3");
	pg_bind_int8(s, account_id);
	pg_bind_int8(s, max);
	pg_bind_int8(s, skip);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	out->count = (size_t)pg_rows_count(r);
	out->item = arena_alloc(a, sizeof(*out->item) * (out->count + 1));
	for (size_t i = 0; i < out->count; i++) {
		take_identity(r, (int)i, a, &out->item[i]);
		out->total = pg_int(r, (int)i, 6);
	}
	return pg_tx_error(tx);
}

int await_identity_find(struct metadb *db, struct arena *a, int64_t account_id, int64_t id,
			struct identity *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT " IDENTITY_COLUMNS "n.account_id = $1 AND n.id = $2");
	pg_bind_int8(s, account_id);
	pg_bind_int8(s, id);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	take_identity(pg_tx_rows(tx, 0), 0, a, out);
	return pg_tx_error(tx);
}

/* Runs it, whose first column is a status up to `most`: that, or an error. */
static int await_said(struct pg_tx *tx, int most)
{
	int64_t status;
	int rc = await_pg_tx(tx);

	if (rc < 0)
		return rc;
	status = pg_int(pg_tx_rows(tx, 0), 0, 0);
	return status < 0 || status > most ? ERR_PROTOCOL : (int)status;
}

int await_identity_add(struct metadb *db, const struct actor *who, int64_t account_id,
		       const char *issuer_url, const char *subject, int64_t *id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT status, id FROM identity_add(" ACTOR_SQL ", $5, $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, account_id);
	pg_bind_text(s, issuer_url);
	pg_bind_text(s, subject);
	rc = await_said(tx, IDENTITY_TAKEN);
	if (rc == IDENTITY_ADDED)
		*id = pg_int(pg_tx_rows(tx, 0), 0, 1);
	arena_free(a);
	return rc;
}

int await_identity_remove(struct metadb *db, const struct actor *who, int64_t account_id,
			  int64_t id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT identity_remove(" ACTOR_SQL ", $5, $6)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, account_id);
	pg_bind_int8(s, id);
	return await_yes(tx, a, ERR_NOT_FOUND);
}

int await_sign_in_state_take(struct metadb *db, const unsigned char hash[TOKEN_HASH_BYTES],
			     int64_t life_ms)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT sign_in_state_take($1, $2 * interval '1 ms')");
	pg_bind_bytes(s, hash, TOKEN_HASH_BYTES);
	pg_bind_int8(s, life_ms);
	return await_yes(tx, a, ERR_CONFLICT);
}

int await_identity_sign_in(struct metadb *db, const struct actor *who,
			   const struct identity_claims *claims,
			   const struct session_new *wanted,
			   const unsigned char hash[TOKEN_HASH_BYTES])
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT status FROM identity_sign_in(" ACTOR_SQL
			  ", $5, $6, $7, $8, $9, $10, $11, $12 * interval '1 ms', "
			  "$13 * interval '1 ms', $14, $15)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, claims->issuer_id);
	pg_bind_text(s, claims->subject);
	pg_bind_text(s, claims->login);
	pg_bind_text(s, claims->name);
	pg_bind_text(s, claims->email);
	pg_bind_bytes(s, hash, TOKEN_HASH_BYTES);
	pg_bind_int4(s, (int32_t)wanted->scopes);
	pg_bind_int8(s, wanted->idle_ms);
	pg_bind_int8(s, wanted->life_ms);
	pg_bind_text(s, wanted->address);
	pg_bind_text(s, wanted->agent);
	rc = await_said(tx, IDENTITY_SUSPENDED);
	arena_free(a);
	return rc;
}
