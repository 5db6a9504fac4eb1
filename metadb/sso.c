/* Rows of token_sso and organization_sso, and the functions of schema/0049 and 0065. */
#include "metadb/sso.h"

#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/repositories.h"

int await_sso_authorize(struct metadb *db, const struct actor *who, int64_t token_id,
			int64_t organization)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_DENIED};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT token_sso_authorize(" ACTOR_SQL ", $5, $6)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, token_id);
	pg_bind_int8(s, organization);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		int64_t status = pg_int(pg_tx_rows(tx, 0), 0, 0);

		rc = status < 0 || status > 2 ? ERR_PROTOCOL : answer[status];
	}
	arena_free(a);
	return rc;
}

int await_sso_withdraw(struct metadb *db, const struct actor *who, int64_t account_id,
		       int64_t token_id, int64_t organization)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT token_sso_withdraw(" ACTOR_SQL ", nullif($5, 0), $6, $7)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, account_id);
	pg_bind_int8(s, token_id);
	pg_bind_int8(s, organization);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}

static void take(struct pg_rows *r, int row, struct arena *a, struct sso_credential *out)
{
	out->token.id = pg_int(r, row, 0);
	out->token.kind = TOKEN_PERSONAL;
	out->token.login = arena_strdup(a, pg_text(r, row, 1));
	out->token.scopes = (unsigned)pg_int(r, row, 2);
	out->token.note = arena_strdup(a, pg_text(r, row, 3));
	out->token.hint = arena_strdup(a, pg_text(r, row, 4));
	out->token.expires_at = pg_int(r, row, 5);
	out->token.last_used_at = pg_int(r, row, 6);
	out->authorized_at = pg_int(r, row, 7);
}

int await_sso_list(struct metadb *db, struct arena *a, int64_t organization, const char *login,
		   int64_t skip, int max, struct sso_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	memset(out, 0, sizeof(*out));
	s = pg_tx_add(tx, "SELECT t.id, a.login, t.scopes, t.note, t.hint, "
			  "extract(epoch FROM t.expires_at)::bigint, "
			  "extract(epoch FROM t.last_used_at)::bigint, "
			  "extract(epoch FROM s.authorized_at)::bigint, count(*) OVER () "
			  "FROM token_sso s JOIN token t ON t.id = s.token_id "
			  "JOIN account a ON a.id = t.account_id "
			  "WHERE s.organization_id = $1 AND t.kind = 1 "
			  "AND t.revoked_at IS NULL AND a.login = coalesce($2, a.login) "
			  "ORDER BY t.id DESC LIMIT $3 OFFSET $4");
	pg_bind_int8(s, organization);
	pg_bind_text(s, login);
	pg_bind_int8(s, max);
	pg_bind_int8(s, skip);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	out->count = (size_t)pg_rows_count(r);
	out->item = arena_alloc(a, sizeof(*out->item) * (out->count + 1));
	for (size_t i = 0; i < out->count; i++) {
		take(r, (int)i, a, &out->item[i]);
		out->total = pg_int(r, (int)i, 8);
	}
	return pg_tx_error(tx);
}

int await_sso_issuer(struct metadb *db, struct arena *a, int64_t organization,
		     struct sso_issuer *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	pg_bind_int8(pg_tx_add(tx, "SELECT i.id, i.url FROM organization_sso o "
				   "JOIN issuer i ON i.id = o.issuer_id "
				   "WHERE o.organization_id = $1"),
		     organization);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		return ERR_NOT_FOUND;
	out->id = pg_int(pg_tx_rows(tx, 0), 0, 0);
	out->url = arena_strdup(a, pg_text(pg_tx_rows(tx, 0), 0, 1));
	return pg_tx_error(tx);
}

int await_sso_issuer_set(struct metadb *db, const struct actor *who, int64_t organization,
			 const char *url)
{
	static const int answer[] = {0, ERR_NOT_FOUND, ERR_DENIED, ERR_SYNTAX, ERR_CONFLICT};
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT organization_sso_set(" ACTOR_SQL ", $5, $6)");
	pg_bind_actor(s, who);
	pg_bind_int8(s, organization);
	pg_bind_text(s, url);
	rc = await_status(tx, answer, 5);
	arena_free(a);
	return rc;
}

int await_sso_left_out(struct metadb *db, struct arena *a, const struct repository_filter *f,
		       int64_t **ids, size_t *count)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx, "SELECT o FROM sso_left_out($1, $2, nullif($3, 0), $4, $5, $6) o");
	pg_bind_int8(s, f->person);
	pg_bind_int8(s, f->token);
	pg_bind_int8(s, f->owner);
	pg_bind_int4(s, (int32_t)f->affiliations);
	pg_bind_int4(s, (int32_t)f->visibilities);
	pg_bind_int8(s, SSO_LEFT_OUT_MAX);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	*count = (size_t)pg_rows_count(r);
	*ids = arena_alloc(a, sizeof(**ids) * (*count + 1));
	for (size_t i = 0; i < *count; i++)
		(*ids)[i] = pg_int(r, (int)i, 0);
	return pg_tx_error(tx);
}
