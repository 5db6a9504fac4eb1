/*
 * Who is this? One row a credential: token and account, and whether they are good now.
 *
 * Every table is reached through a lateral subquery with LIMIT 1, which PostgreSQL cannot
 * flatten: whatever the number of lookups and the statistics, it is one index probe each.
 */
#include <string.h>

#include "metadb/lookup_caller.h"
#include "metadb/metadb_private.h"

struct caller_lookup {
	struct batch_item item;
	struct metadb *db;
	const struct credential *credential;
	struct caller *out;
};

void credential_bind(struct pg_array v[3], const struct credential *c)
{
	if (c->form == CREDENTIAL_HASH)
		pg_array_bytes(&v[0], c->hash, sizeof(c->hash));
	else
		pg_array_null(&v[0]);
	if (c->form == CREDENTIAL_ID) {
		pg_array_int8(&v[1], c->token_id);
		pg_array_int8(&v[2], c->account_id);
	} else {
		pg_array_null(&v[1]);
		pg_array_null(&v[2]);
	}
}

/* What is wrong with a credential, the worst first; the account's state says more than its
 * token's. */
static enum caller_state state_of(struct pg_rows *r, int row, int column)
{
	if (pg_null(r, row, column) || pg_null(r, row, column + 1))
		return CALLER_UNKNOWN;
	if (pg_bool(r, row, column + 7))
		return CALLER_REVOKED;
	if (pg_bool(r, row, column + 8))
		return CALLER_SUSPENDED;
	if (pg_bool(r, row, column + 9))
		return CALLER_EXPIRED;
	return CALLER_ACTIVE;
}

void caller_take(struct metadb *db, struct pg_rows *r, int row, int column, struct caller *out)
{
	memset(out, 0, sizeof(*out));
	out->state = state_of(r, row, column);
	if (out->state != CALLER_ACTIVE)
		return;
	out->token_id = pg_int(r, row, column);
	out->account_id = pg_int(r, row, column + 1);
	snprintf(out->login, sizeof(out->login), "%s", pg_text(r, row, column + 2));
	out->kind = (enum token_kind)pg_int(r, row, column + 3);
	out->scopes = (unsigned)pg_int(r, row, column + 4);
	out->site_admin = pg_bool(r, row, column + 5);
	out->expires_at = pg_int(r, row, column + 6);
	if (pg_bool(r, row, column + 10))
		token_touch_add(db->touch, out->token_id);
}

static void bind(struct pg_stmt *s, struct batch_item *const *item, size_t count)
{
	struct pg_array v[3];

	pg_array_init(&v[0], s->arena, PG_BYTEA, count);
	pg_array_init(&v[1], s->arena, PG_INT8, count);
	pg_array_init(&v[2], s->arena, PG_INT8, count);
	for (size_t i = 0; i < count; i++)
		credential_bind(v, ((const struct caller_lookup *)item[i])->credential);
	for (int i = 0; i < 3; i++)
		pg_bind_array(s, &v[i]);
}

static int take(struct batch_item *item, struct pg_rows *r, int row)
{
	struct caller_lookup *l = (struct caller_lookup *)item;

	caller_take(l->db, r, row, 1, l->out);
	return 0;
}

const struct batch_kind lookup_caller_kind = {
	.what = "whose credential it is",
	.sql = "SELECT q.ord, " CALLER_COLUMNS " "
	       "FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) "
	       "WITH ORDINALITY AS q(hash, token_id, account_id, ord) " CALLER_JOINS,
	.max = 256,
	.bind = bind,
	.take = take,
};

int await_caller(struct metadb *db, const struct credential *c, struct caller *out)
{
	struct caller_lookup l = {.db = db, .credential = c, .out = out};

	memset(out, 0, sizeof(*out));
	if (c->form == CREDENTIAL_NONE)
		return 0;
	return await_batch(db->caller, &l.item);
}
