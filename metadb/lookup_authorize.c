/*
 * What may he do here? Credential, namespace, package, membership, grant and the upload that he
 * goes on with in one row of find_rights() of schema/0041, where the rules of roles are.
 */
#include <string.h>

#include "metadb/lookup_caller.h"
#include "metadb/metadb_private.h"

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

static int take(struct batch_item *item, struct pg_rows *r, int row)
{
	struct authorize_lookup *l = (struct authorize_lookup *)item;
	struct authorization *out = l->out;
	struct standing *st = &out->standing;
	int column = CALLER_COLUMN_COUNT;

	if (l->credential->form != CREDENTIAL_NONE)
		caller_take(l->db, r, row, &out->caller);
	st->signed_in = out->caller.state == CALLER_ACTIVE;
	st->scopes = out->caller.scopes;
	st->outside = (enum outside)pg_int(r, row, column + 14);
	out->namespace_kind = (enum account_kind)pg_int(r, row, column + 13);
	if (!pg_null(r, row, column + 15))
		snprintf(out->moved_to, sizeof(out->moved_to), "%s",
			 pg_text(r, row, column + 15));
	out->namespace_id = pg_int(r, row, column);
	out->package_id = pg_int(r, row, column + 1);
	st->package_exists = out->package_id != 0;
	st->published = pg_bool(r, row, column + 2);
	st->visibility = (enum visibility)pg_int(r, row, column + 3);
	st->role = (enum role)pg_int(r, row, column + 4);
	st->may_create = pg_bool(r, row, column + 5);
	out->caller.mode = mode_take(l->db, r, row, column + 6);
	if (pg_null(r, row, column + 7))
		return 0;
	snprintf(out->upload.id, sizeof(out->upload.id), "%s", l->upload);
	out->upload.package_id = out->package_id;
	out->upload.account_id = out->caller.account_id;
	return upload_take(r, row, column + 7, &out->upload);
}

const struct batch_kind lookup_authorize_kind = {
	.what = "what the caller may do",
	.sql = "SELECT " CALLER_COLUMNS
	       ", namespace_id, package_id, published, visibility, role, "
	       "may_create, " MODE_COLUMN
	       ", upload_gen, upload_version, upload_size, upload_chunks, "
	       "upload_algorithm, upload_state, namespace_kind, outside, moved_to "
	       "FROM find_rights($1, $2, $3, $4, $5, $6)",
	.max = 256,
	.bind = bind,
	.take = take,
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
	return await_batch(db->authorize, &l.item);
}
