/*
 * What may he do here? Credential, namespace, package, membership, grant and the upload that he
 * goes on with in one row of find_rights() of schema/0041, where the rules of roles are; for
 * one alone the same as a record, of find_one_rights().
 */
#include <string.h>

#include "metadb/lookup_caller.h"
#include "metadb/metadb_private.h"

/*
 * The functions are STABLE: they see what this snapshot sees. One of a standby does not name
 * the transactions that run on its primary, so it proves nothing.
 */
#define SEEN_COLUMNS                                                                   \
	"CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_current_snapshot()::text END, " \
	"date_part('epoch', now())::bigint"

struct authorize_lookup {
	struct batch_item item;
	struct metadb *db;
	const struct credential *credential;
	const char *namespace;
	const char *name;
	const char *upload;
	struct authorization *out;
};

static void bind(struct pg_stmt *s, struct batch_item *const *item, size_t count)
{
	struct pg_array v[6];

	pg_array_init(&v[0], s->arena, PG_BYTEA, count);
	pg_array_init(&v[1], s->arena, PG_INT8, count);
	pg_array_init(&v[2], s->arena, PG_INT8, count);
	pg_array_init(&v[3], s->arena, PG_TEXT, count * 4);
	pg_array_init(&v[4], s->arena, PG_TEXT, count * 4);
	pg_array_init(&v[5], s->arena, PG_TEXT, count);
	for (size_t i = 0; i < count; i++) {
		const struct authorize_lookup *l = (const struct authorize_lookup *)item[i];

		credential_bind(v, l->credential);
		pg_array_text(&v[3], l->namespace);
		pg_array_text(&v[4], l->name);
		pg_array_text(&v[5], l->upload);
	}
	for (int i = 0; i < 6; i++)
		pg_bind_array(s, &v[i]);
}

/* The column and the next: the snapshot, and the time. */
static void take_seen(struct authorize_lookup *l, struct pg_rows *r, int row, int column)
{
	const char *snapshot = pg_text(r, row, column);

	l->out->seen.at = pg_int(r, row, column + 1);
	if (strlen(snapshot) < RIGHTS_SNAPSHOT_MAX)
		snprintf(l->out->seen.snapshot, RIGHTS_SNAPSHOT_MAX, "%s", snapshot);
}

/* upload: the first of the columns about it, behind which stand those that came later */
static int read(struct authorize_lookup *l, struct pg_rows *r, int row, int upload)
{
	struct authorization *out = l->out;
	struct standing *st = &out->standing;
	int column = CALLER_COLUMN_COUNT;

	if (l->credential->form != CREDENTIAL_NONE)
		caller_take(l->db, r, row, &out->caller);
	st->signed_in = out->caller.state == CALLER_ACTIVE;
	st->scopes = out->caller.scopes;
	out->namespace_kind = (enum account_kind)pg_int(r, row, upload + 6);
	st->outside = (enum outside)pg_int(r, row, upload + 7);
	if (!pg_null(r, row, upload + 8))
		snprintf(out->moved_to, sizeof(out->moved_to), "%s",
			 pg_text(r, row, upload + 8));
	out->namespace_id = pg_int(r, row, column);
	out->package_id = pg_int(r, row, column + 1);
	st->package_exists = out->package_id != 0;
	st->published = pg_bool(r, row, column + 2);
	st->visibility = (enum visibility)pg_int(r, row, column + 3);
	st->role = (enum role)pg_int(r, row, column + 4);
	st->may_create = pg_bool(r, row, column + 5);
	if (pg_null(r, row, upload))
		return r->error;
	snprintf(out->upload.id, sizeof(out->upload.id), "%s", l->upload);
	out->upload.package_id = out->package_id;
	out->upload.account_id = out->caller.account_id;
	return upload_take(r, row, upload, &out->upload);
}

static int take(struct batch_item *item, struct pg_rows *r, int row)
{
	struct authorize_lookup *l = (struct authorize_lookup *)item;
	int rc = read(l, r, row, CALLER_COLUMN_COUNT + 7);

	l->out->caller.mode = mode_take(l->db, r, row, CALLER_COLUMN_COUNT + 6);
	take_seen(l, r, row, CALLER_COLUMN_COUNT + 16);
	return rc != 0 ? rc : r->error;
}

/* The statement may be sent after its waiter has gone, and what the waiter had. */
static const char *keep(struct pg_stmt *s, const char *text)
{
	return text == NULL ? NULL : arena_strdup(s->arena, text);
}

static void bind_single(struct pg_stmt *s, const struct batch_item *item)
{
	const struct authorize_lookup *l = (const struct authorize_lookup *)item;
	unsigned char *hash = arena_alloc(s->arena, sizeof(l->credential->hash));

	memcpy(hash, l->credential->hash, sizeof(l->credential->hash));
	if (l->credential->form == CREDENTIAL_HASH)
		pg_bind_bytes(s, hash, sizeof(l->credential->hash));
	else
		pg_bind_null(s, PG_BYTEA);
	if (l->credential->form == CREDENTIAL_ID) {
		pg_bind_int8(s, l->credential->token_id);
		pg_bind_int8(s, l->credential->account_id);
	} else {
		pg_bind_null(s, PG_INT8);
		pg_bind_null(s, PG_INT8);
	}
	pg_bind_text(s, keep(s, l->namespace));
	pg_bind_text(s, keep(s, l->name));
	pg_bind_text(s, keep(s, l->upload));
}

static int take_single(struct batch_item *item, struct pg_rows *r)
{
	struct authorize_lookup *l = (struct authorize_lookup *)item;
	struct pg_record room;
	struct pg_rows record = pg_record_open(r, 0, 0, &room);
	int rc = read(l, &record, 0, CALLER_COLUMN_COUNT + 6);

	l->out->caller.mode = mode_take(l->db, r, 0, 1);
	take_seen(l, r, 0, 2);
	if (record.error != 0)
		return record.error;
	return rc != 0 ? rc : r->error;
}

static const struct batch_single single = {
	.sql = "SELECT find_one_rights($1, $2, $3, $4, $5, $6::uuid), mode, " SEEN_COLUMNS
	       " FROM registry_mode WHERE one",
	.bind = bind_single,
	.take = take_single,
};

const struct batch_kind lookup_authorize_kind = {
	.what = "what the caller may do",
	.sql = "SELECT " CALLER_COLUMNS
	       ", namespace_id, package_id, published, visibility, role, "
	       "may_create, " MODE_COLUMN
	       ", upload_gen, upload_version, upload_size, upload_chunks, "
	       "upload_algorithm, upload_state, namespace_kind, outside, moved_to"
	       ", " SEEN_COLUMNS " FROM find_rights($1, $2, $3, $4, $5, $6)",
	.max = 256,
	.bind = bind,
	.take = take,
	.single = &single,
};

int await_authorize(struct metadb *db, const struct credential *c, const char *namespace,
		    const char *name, const char *upload, struct authorization *out)
{
	struct authorize_lookup l = {
		.db = db,
		.credential = c,
		.namespace = namespace,
		.name = name,
		.upload = upload != NULL && upload_id_valid(upload) ? upload : NULL,
		.out = out,
	};

	memset(out, 0, sizeof(*out));
	/* Not those at the answer: a server may be lost in the same turn that brought it. */
	out->seen.losses = pg_pool_losses(db->pool);
	return await_batch(db->authorize, &l.item);
}
