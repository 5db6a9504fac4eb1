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

/* Two parameters: logins and names, '' for a whole namespace. */
static void bind_limits(struct pg_stmt *s, const struct token_new *wanted)
{
	struct pg_array logins, names;

	pg_array_init(&logins, s->arena, PG_TEXT, wanted->limit_count);
	pg_array_init(&names, s->arena, PG_TEXT, wanted->limit_count);
	for (size_t i = 0; i < wanted->limit_count; i++) {
		const struct token_limit *l = &wanted->limits[i];

		pg_array_text(&logins, l->namespace);
		pg_array_text(&names, l->package == NULL ? "" : l->package);
	}
	pg_bind_array(s, &logins);
	pg_bind_array(s, &names);
}

#define NEW_SQL                                                                              \
	ACTOR_SQL ", ROW($5, $6, $7)::token_bounds, $8, $9, nullif($10, 0), $11, $12, $13, " \
		  "$14, to_timestamp(nullif($15, 0)), $16, $17, $18"

static void bind_new(struct pg_stmt *s, const struct token_bounds *b,
		     const struct token_new *wanted, const unsigned char *hash,
		     const char *hint)
{
	pg_bind_int4(s, b == NULL ? -1 : (int32_t)b->scopes);
	pg_bind_bool(s, b != NULL && b->limits);
	pg_bind_bool(s, b != NULL && b->lifetime);
	pg_bind_int8(s, wanted->account_id);
	pg_bind_int2(s, wanted->kind);
	pg_bind_int8(s, wanted->repository_id);
	pg_bind_bytes(s, hash, TOKEN_HASH_BYTES);
	pg_bind_text(s, hint);
	pg_bind_int4(s, (int32_t)wanted->scopes);
	pg_bind_text(s, wanted->note);
	pg_bind_int8(s, wanted->expires_at);
	bind_limits(s, wanted);
	pg_bind_int4(s, wanted->repository_id == 0 ? TOKENS_MAX : TOKENS_ACTING_MAX);
}

int await_token_issue(struct metadb *db, struct arena *a, const struct actor *who,
		      const struct token_bounds *bounds, const struct token_new *wanted,
		      char text[TOKEN_TEXT_LEN + 1], struct token *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct token_query made = {.kind = wanted->kind, .max = 1};
	unsigned char hash[TOKEN_HASH_BYTES];
	struct token_list list;
	struct pg_stmt *s;
	int64_t verdict;
	int rc;

	assert(wanted->limit_count <= TOKEN_LIMITS_MAX);
	if (wanted->note != NULL && strlen(wanted->note) > TOKEN_NOTE_MAX)
		return ERR_LIMIT;
	token_make(text);
	token_hash(text, TOKEN_TEXT_LEN, hash);
	s = pg_tx_add(tx, wanted->issuer_id == 0
				  ? "SELECT status, id FROM token_issue(" NEW_SQL ")"
				  : "SELECT status, id FROM token_exchange(" NEW_SQL ", $19)");
	pg_bind_actor(s, who);
	bind_new(s, bounds, wanted, hash, text + TOKEN_TEXT_LEN - HINT_LEN);
	if (wanted->issuer_id != 0)
		pg_bind_int8(s, wanted->issuer_id);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	verdict = pg_int(pg_tx_rows(tx, 0), 0, 0);
	made.id = pg_int(pg_tx_rows(tx, 0), 0, 1);
	if (pg_tx_error(tx) < 0 || verdict != TOKEN_MADE)
		return pg_tx_error(tx) < 0 ? pg_tx_error(tx) : (int)verdict;
	made.account_id = wanted->account_id;
	rc = await_token_list(db, a, &made, &list);
	if (rc < 0 || list.count == 0)
		return rc < 0 ? rc : TOKEN_MAKER_INVALID;
	*out = list.item[0];
	return TOKEN_MADE;
}

static int await_said_yes(struct pg_tx *tx, struct arena *a)
{
	int rc = await_pg_tx(tx);

	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}

int await_token_revoke(struct metadb *db, const struct actor *who, int64_t account_id,
		       int64_t token_id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT token_revoke(" ACTOR_SQL ", $5, $6)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, account_id);
	pg_bind_int8(s, token_id);
	return await_said_yes(tx, a);
}

int await_token_take_back(struct metadb *db, const struct actor *who, int64_t account_id,
			  enum token_kind kind, int64_t token_id)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;

	s = pg_tx_add(tx, "SELECT token_take_back(" ACTOR_SQL ", nullif($5, 0), "
			  "CASE WHEN $6 <> 0 THEN ARRAY[$6] END, $7)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, account_id);
	pg_bind_int2(s, kind);
	pg_bind_int8(s, token_id);
	return await_said_yes(tx, a);
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
