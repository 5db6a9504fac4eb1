/*
 * Lists of tokens, each with its limits: one row a limit, those of a token one after the other.
 * How many there are is asked for by itself: a window over the list would read all of their
 * rows.
 */
#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/tokens.h"

#define LIST_SQL(WHERE)                                                                        \
	"SELECT t.id, t.account_id, t.kind, t.scopes, t.note, t.hint, "                        \
	"extract(epoch FROM t.created_at)::bigint, extract(epoch FROM t.expires_at)::bigint, " \
	"extract(epoch FROM t.last_used_at)::bigint, a.login, n.login, "                       \
	"nullif(l.name, '') "                                                                  \
	"FROM (SELECT * FROM token WHERE " WHERE                                               \
	" AND kind = $2 AND revoked_at IS NULL ORDER BY id DESC LIMIT $3 OFFSET $4) t "        \
	"JOIN account a ON a.id = t.account_id "                                               \
	"LEFT JOIN token_limit l ON l.token_id = t.id "                                        \
	"LEFT JOIN account n ON n.id = l.namespace_id "                                        \
	"ORDER BY t.id DESC, n.login, l.name"
#define COUNT_SQL(WHERE) \
	"SELECT count(*) FROM token WHERE " WHERE " AND kind = $2 AND revoked_at IS NULL"

/* Which tokens: by id, of an account, all. */
#define ONE_OF	   "id = $1 AND account_id = coalesce(nullif($5, 0), account_id)"
#define ALL_OF	   "account_id = $1"
#define EVERYBODYS "$1 = 0"

static void take_token(struct pg_rows *r, int row, struct arena *a, struct token *out)
{
	out->id = pg_int(r, row, 0);
	out->account_id = pg_int(r, row, 1);
	out->kind = (enum token_kind)pg_int(r, row, 2);
	out->scopes = (unsigned)pg_int(r, row, 3);
	out->note = arena_strdup(a, pg_text(r, row, 4));
	out->hint = arena_strdup(a, pg_text(r, row, 5));
	out->created_at = pg_int(r, row, 6);
	out->expires_at = pg_int(r, row, 7);
	out->last_used_at = pg_int(r, row, 8);
	out->login = arena_strdup(a, pg_text(r, row, 9));
}

/* The rows of a list, in which a token stands as often as it has limits, but once at least. */
static void take_rows(struct pg_rows *r, struct arena *a, struct token_list *out)
{
	int rows = pg_rows_count(r);
	struct token_limit *limit = arena_alloc(a, sizeof(*limit) * (size_t)(rows + 1));

	out->item = arena_alloc(a, sizeof(*out->item) * (size_t)(rows + 1));
	for (int row = 0; row < rows; row++) {
		struct token *t = out->count > 0 ? &out->item[out->count - 1] : NULL;

		if (t == NULL || t->id != pg_int(r, row, 0)) {
			t = &out->item[out->count++];
			take_token(r, row, a, t);
			t->limits = &limit[row];
		}
		if (pg_null(r, row, 10))
			continue;
		limit[row].namespace = arena_strdup(a, pg_text(r, row, 10));
		if (!pg_null(r, row, 11))
			limit[row].package = arena_strdup(a, pg_text(r, row, 11));
		t->limit_count++;
	}
}

int await_token_list(struct metadb *db, struct arena *a, const struct token_query *q,
		     struct token_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s;
	int rc;

	memset(out, 0, sizeof(*out));
	s = pg_tx_add(tx, q->id != 0	       ? LIST_SQL(ONE_OF)
			  : q->account_id != 0 ? LIST_SQL(ALL_OF)
					       : LIST_SQL(EVERYBODYS));
	pg_bind_int8(s, q->id != 0 ? q->id : q->account_id);
	pg_bind_int2(s, q->kind);
	pg_bind_int8(s, q->max);
	pg_bind_int8(s, q->skip);
	if (q->id != 0) {
		pg_bind_int8(s, q->account_id);
	} else {
		s = pg_tx_add(tx,
			      q->account_id != 0 ? COUNT_SQL(ALL_OF) : COUNT_SQL(EVERYBODYS));
		pg_bind_int8(s, q->account_id);
		pg_bind_int2(s, q->kind);
	}
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	take_rows(pg_tx_rows(tx, 0), a, out);
	out->total = q->id != 0 ? (int64_t)out->count : pg_int(pg_tx_rows(tx, 1), 0, 0);
	return pg_tx_error(tx);
}
