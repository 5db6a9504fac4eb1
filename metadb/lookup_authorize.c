/*
 * What may he do here? Credential, namespace, package, membership and grant in one row.
 *
 * The rules of roles stand in ROLE_SQL and nowhere else:
 *   - a user is admin in his own namespace, an owner in his organization's;
 *   - before it is published, a package is open for pushing to whoever may create it;
 *   - a grant counts; on a private or internal package of an organization only for its members;
 *   - none counts while the package inherits from its repository.
 * Who may create: the user himself; members and owners of an organization.
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
	struct authorization *out;
};

#define MAY_CREATE_SQL "(n.id = v.id OR m.role IS NOT NULL)"

#define ROLE_SQL                                                                           \
	"CASE WHEN n.id = v.id OR m.role = 2 THEN 3 "                                      \
	"WHEN p.id IS NULL THEN 0 "                                                        \
	"WHEN p.published_at IS NULL THEN CASE WHEN " MAY_CREATE_SQL " THEN 2 ELSE 0 END " \
	"WHEN p.inherits THEN 0 "                                                          \
	"WHEN n.kind = 2 AND p.visibility <> 2 AND m.role IS NULL THEN 0 "                 \
	"ELSE coalesce(g.role, 0) END"

static const char sql[] =
	"SELECT q.ord, " CALLER_COLUMNS
	", n.id, p.id, p.published_at IS NOT NULL, p.visibility, "
	"coalesce(" ROLE_SQL ", 0)::smallint, coalesce(" MAY_CREATE_SQL ", false) "
	"FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) "
	"WITH ORDINALITY AS q(hash, token_id, account_id, namespace, name, ord) " CALLER_JOINS
	/* v: the caller, only while both his token and his account are good */
	"LEFT JOIN LATERAL (SELECT a.id WHERE t.revoked_at IS NULL AND a.suspended_at IS NULL "
	"AND (t.expires_at IS NULL OR t.expires_at > now())) v ON true "
	"LEFT JOIN LATERAL (SELECT * FROM account "
	"WHERE account.login = q.namespace AND account.deleted_at IS NULL LIMIT 1) n ON true "
	"LEFT JOIN LATERAL (SELECT * FROM package WHERE package.namespace_id = n.id "
	"AND package.name = q.name AND package.deleted_at IS NULL LIMIT 1) p ON true "
	"LEFT JOIN LATERAL (SELECT role FROM membership "
	"WHERE organization_id = n.id AND membership.account_id = v.id LIMIT 1) m ON true "
	"LEFT JOIN LATERAL (SELECT role FROM package_grant "
	"WHERE package_id = p.id AND package_grant.account_id = v.id LIMIT 1) g ON true";

static void bind(struct pg_stmt *s, struct batch_item *const *item, size_t count)
{
	struct pg_array v[5];

	pg_array_init(&v[0], s->arena, PG_BYTEA, count);
	pg_array_init(&v[1], s->arena, PG_INT8, count);
	pg_array_init(&v[2], s->arena, PG_INT8, count);
	pg_array_init(&v[3], s->arena, PG_TEXT, count * 4);
	pg_array_init(&v[4], s->arena, PG_TEXT, count * 4);
	for (size_t i = 0; i < count; i++) {
		const struct authorize_lookup *l = (const struct authorize_lookup *)item[i];

		credential_bind(v, l->credential);
		pg_array_text(&v[3], l->namespace);
		pg_array_text(&v[4], l->name);
	}
	for (int i = 0; i < 5; i++)
		pg_bind_array(s, &v[i]);
}

static int take(struct batch_item *item, struct pg_rows *r, int row)
{
	struct authorize_lookup *l = (struct authorize_lookup *)item;
	struct authorization *out = l->out;
	struct standing *st = &out->standing;
	int column = 1 + CALLER_COLUMN_COUNT;

	if (l->credential->form != CREDENTIAL_NONE)
		caller_take(l->db, r, row, 1, &out->caller);
	st->signed_in = out->caller.state == CALLER_ACTIVE;
	st->scopes = out->caller.scopes;
	out->namespace_id = pg_int(r, row, column);
	out->package_id = pg_int(r, row, column + 1);
	st->package_exists = out->package_id != 0;
	st->published = pg_bool(r, row, column + 2);
	st->visibility = (enum visibility)pg_int(r, row, column + 3);
	st->role = (enum role)pg_int(r, row, column + 4);
	st->may_create = pg_bool(r, row, column + 5);
	return 0;
}

const struct batch_kind lookup_authorize_kind = {
	.what = "what the caller may do",
	.sql = sql,
	.max = 256,
	.bind = bind,
	.take = take,
};

int await_authorize(struct metadb *db, const struct credential *c, const char *namespace,
		    const char *name, struct authorization *out)
{
	struct authorize_lookup l = {
		.db = db,
		.credential = c,
		.namespace = namespace,
		.name = name,
		.out = out,
	};

	memset(out, 0, sizeof(*out));
	return await_batch(db->authorize, &l.item);
}
