/*
 * Who is this? One row a credential, from find_callers() of schema/0041.
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

void caller_take(struct metadb *db, struct pg_rows *r, int row, struct caller *out)
{
	memset(out, 0, sizeof(*out));
	out->state = (enum caller_state)pg_int(r, row, 1);
	if (out->state != CALLER_ACTIVE)
		return;
	out->token_id = pg_int(r, row, 2);
	out->account_id = pg_int(r, row, 3);
	snprintf(out->login, sizeof(out->login), "%s", pg_text(r, row, 4));
	out->kind = (enum token_kind)pg_int(r, row, 5);
	out->scopes = (unsigned)pg_int(r, row, 6);
	out->site_admin = pg_bool(r, row, 7);
	out->expires_at = pg_int(r, row, 8);
	if (pg_bool(r, row, 9))
		token_touch_add(db->touch, out->token_id);
	out->account_kind = (enum account_kind)pg_int(r, row, 10);
	out->repository_id = pg_int(r, row, 11);
	out->limited = pg_bool(r, row, 12);
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

	caller_take(l->db, r, row, l->out);
	l->out->mode = mode_take(l->db, r, row, CALLER_COLUMN_COUNT);
	return 0;
}

const struct batch_kind lookup_caller_kind = {
	.what = "whose credential it is",
	.sql = "SELECT " CALLER_COLUMNS ", " MODE_COLUMN " FROM find_callers($1, $2, $3)",
	.max = 256,
	.bind = bind,
	.take = take,
};

int await_caller(struct metadb *db, const struct credential *c, struct caller *out)
{
	struct caller_lookup l = {.db = db, .credential = c, .out = out};

	memset(out, 0, sizeof(*out));
	out->mode = mode_seen(db);
	if (c->form == CREDENTIAL_NONE)
		return 0;
	return await_batch(db->caller, &l.item);
}
