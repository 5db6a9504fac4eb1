/* Credentials as rows. The text exists here only between its making and the caller's buffer. */
#include "metadb/tokens.h"

#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/token_text.h"

#define HINT_LEN 8

int await_token_create(struct metadb *db, struct arena *a, const struct actor *who,
		       const struct token_new *wanted, char text[TOKEN_TEXT_LEN + 1],
		       struct token *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	const char *note = wanted->note == NULL ? "" : wanted->note;
	unsigned char hash[TOKEN_HASH_BYTES];
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	if (strlen(note) > TOKEN_NOTE_MAX)
		return ERR_LIMIT;
	token_make(text);
	token_hash(text, TOKEN_TEXT_LEN, hash);
	memset(out, 0, sizeof(*out));
	out->account_id = wanted->account_id;
	out->kind = wanted->kind;
	out->scopes = wanted->scopes;
	out->note = arena_strdup(a, note);
	out->hint = arena_strdup(a, text + TOKEN_TEXT_LEN - HINT_LEN);
	out->expires_at = wanted->expires_at;
	s = pg_tx_add(tx, "SELECT id, extract(epoch FROM created_at)::bigint "
			  "FROM token_create(" ACTOR_SQL ", $5, $6, $7, $8, $9, $10, "
			  "to_timestamp(nullif($11, 0)))");
	pg_bind_actor(s, who);
	pg_bind_int8(s, wanted->account_id);
	pg_bind_int2(s, wanted->kind);
	pg_bind_bytes(s, hash, sizeof(hash));
	pg_bind_text(s, out->hint);
	pg_bind_int4(s, (int32_t)wanted->scopes);
	pg_bind_text(s, note);
	pg_bind_int8(s, wanted->expires_at);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_null(r, 0, 0))
		return ERR_NOT_FOUND;
	out->id = pg_int(r, 0, 0);
	out->created_at = pg_int(r, 0, 1);
	return pg_tx_error(tx);
}

int await_token_revoke(struct metadb *db, const struct actor *who, int64_t account_id,
		       int64_t token_id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT token_revoke(" ACTOR_SQL ", $5, $6)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, account_id);
	pg_bind_int8(s, token_id);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}

int await_token_outside(struct metadb *db, int64_t token_id, int64_t organization,
			enum outside *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx,
		      "SELECT token_outside(t.id, t.kind, t.limited, a.id, '', a.sso_required) "
		      "FROM token t, account a WHERE t.id = $1 AND a.id = $2");
	pg_bind_int8(s, token_id);
	pg_bind_int8(s, organization);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		rc = ERR_NOT_FOUND;
	if (rc == 0)
		*out = (enum outside)pg_int(pg_tx_rows(tx, 0), 0, 0);
	arena_free(a);
	return rc;
}
