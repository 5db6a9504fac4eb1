/*
 * One statement asks the functions that decide, another one lists the ways: what was granted on
 * the package, or, while it inherits, on its repository.
 */
#include "metadb/explain.h"

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

static const char person_sql[] =
	"SELECT " ACCOUNT_BRIEF ", o.id, o.kind, o.login, o.name, o.site_admin, "
	"extract(epoch FROM o.created_at)::bigint, p.name, p.visibility, p.inherits, "
	"(SELECT w.login || '/' || r.name FROM repository r "
	"JOIN account w ON w.id = r.owner_id "
	"WHERE r.id = p.repository_id AND r.deleted_at IS NULL), "
	"o.kind <> 2 OR n.organization_id = o.id OR EXISTS (SELECT FROM membership m "
	"WHERE m.organization_id = o.id AND m.account_id = n.id), "
	"CASE WHEN n.suspended_at IS NULL THEN s.role ELSE 0::smallint END, "
	"extract(epoch FROM n.suspended_at)::bigint "
	"FROM package p JOIN account o ON o.id = p.namespace_id "
	"JOIN account n ON n.login = $2 AND n.kind <> 2 AND n.deleted_at IS NULL "
	"CROSS JOIN LATERAL person_rights(n.id, n.organization_id, n.creators = 1, o.id, "
	"o.kind, o.creators, p.id, true, p.inherits, p.repository_id, p.visibility) s "
	"WHERE p.id = $1 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL";

/* kind as enum reason_kind, role, slug of what was given it, slug of his team, role there */
static const char ways_sql[] =
	"WITH p AS (SELECT * FROM package WHERE id = $1), "
	"n AS (SELECT * FROM account WHERE login = $2 AND kind <> 2 AND deleted_at IS NULL), "
	"teams AS (SELECT t.id, t.slug, own.slug AS own FROM n "
	"JOIN team_member m ON m.account_id = n.id JOIN team own ON own.id = m.team_id "
	"JOIN team_path w ON w.team_id = own.id JOIN team t ON t.id = w.ancestor_id) "
	"SELECT kind, role, slug, own, given FROM ("
	"SELECT 1 AS kind, 3::smallint AS role, '' AS slug, '' AS own, 0::smallint AS given "
	"FROM p, n WHERE p.namespace_id = n.id OR EXISTS (SELECT FROM membership m "
	"WHERE m.organization_id = p.namespace_id AND m.account_id = n.id AND m.role = 2) "
	"UNION ALL SELECT 2, g.role, '', '', 0 FROM p, n, package_grant g "
	"WHERE g.package_id = p.id AND g.account_id = n.id AND NOT p.inherits "
	"UNION ALL SELECT 3, g.role, t.slug, t.own, 0 FROM p, teams t, package_team g "
	"WHERE g.package_id = p.id AND g.team_id = t.id AND NOT p.inherits "
	"UNION ALL SELECT 4, role_through(g.role), '', '', g.role "
	"FROM p, n, repository_grant g "
	"WHERE g.repository_id = p.repository_id AND g.account_id = n.id AND p.inherits "
	"UNION ALL SELECT 5, role_through(g.role), t.slug, t.own, g.role "
	"FROM p, teams t, repository_team g "
	"WHERE g.repository_id = p.repository_id AND g.team_id = t.id AND p.inherits "
	"UNION ALL SELECT 6, role_through(o.base_role), '', '', o.base_role "
	"FROM p, n, repository r, account o, membership m "
	"WHERE r.id = p.repository_id AND o.id = r.owner_id AND m.organization_id = o.id "
	"AND m.account_id = n.id AND n.kind <> 3 AND o.base_role > 0 AND p.inherits) ways "
	"ORDER BY role DESC, kind, slug, own LIMIT 100";

static const char *const repository_roles[] = {"",	"read",	    "triage",
					       "write", "maintain", "admin"};

static int take_person(struct pg_rows *r, struct arena *a, struct explanation *out)
{
	int at = 2 * ACCOUNT_BRIEF_COLUMNS;

	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	take_account_brief(r, 0, 0, a, &out->account);
	take_account_brief(r, 0, ACCOUNT_BRIEF_COLUMNS, a, &out->namespace);
	out->package = arena_strdup(a, pg_text(r, 0, at));
	out->visibility = (enum visibility)pg_int(r, 0, at + 1);
	out->inherits = pg_bool(r, 0, at + 2);
	out->repository = arena_strdup(a, pg_text(r, 0, at + 3));
	out->insider = pg_bool(r, 0, at + 4);
	out->role = (enum role)pg_int(r, 0, at + 5);
	out->account.suspended_at = pg_int(r, 0, at + 6);
	return 0;
}

static void take_ways(struct pg_rows *r, struct arena *a, struct explanation *out)
{
	out->count = (size_t)pg_rows_count(r);
	out->reason = arena_alloc(a, (out->count + 1) * sizeof(*out->reason));
	for (size_t i = 0; i < out->count; i++) {
		struct reason *one = &out->reason[i];
		int64_t given = pg_int(r, (int)i, 4);

		one->kind = (enum reason_kind)pg_int(r, (int)i, 0);
		one->role = (enum role)pg_int(r, (int)i, 1);
		one->through = arena_strdup(a, pg_text(r, (int)i, 2));
		one->team = arena_strdup(a, pg_text(r, (int)i, 3));
		one->repository_role = given < 0 || given > 5 ? "" : repository_roles[given];
	}
}

int await_explain_person(struct metadb *db, struct arena *a, int64_t package_id,
			 const char *login, struct explanation *out)
{
	static const char *const both[] = {person_sql, ways_sql};
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	for (int i = 0; i < 2; i++) {
		struct pg_stmt *s = pg_tx_add(tx, both[i]);

		pg_bind_int8(s, package_id);
		pg_bind_text(s, login);
	}
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = take_person(pg_tx_rows(tx, 0), a, out);
	if (rc < 0)
		return rc;
	take_ways(pg_tx_rows(tx, 1), a, out);
	return pg_tx_error(tx);
}

/* The standing is what find_rights() answers for any request with it. */
static const char token_sql[] =
	"SELECT t.id, n.login, t.kind, coalesce((SELECT w.login || '/' || r.name "
	"FROM repository r JOIN account w ON w.id = r.owner_id "
	"WHERE r.id = t.repository_id), ''), "
	"f.state, f.published, f.visibility, f.role, f.may_create, f.outside, t.scopes "
	"FROM token t JOIN account n ON n.id = t.account_id, package p "
	"JOIN account o ON o.id = p.namespace_id "
	"CROSS JOIN LATERAL find_rights(ARRAY[NULL]::bytea[], ARRAY[t.id], "
	"ARRAY[t.account_id], ARRAY[o.login], ARRAY[p.name], ARRAY[NULL]::text[]) f "
	"WHERE t.id = $2 AND p.id = $1 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL "
	"AND (t.account_id = $3 OR $4 OR (namespace_owned(o.id, $3) AND ("
	"n.organization_id = o.id "
	"OR EXISTS (SELECT FROM membership m WHERE m.organization_id = o.id "
	"AND m.account_id = n.id) "
	"OR EXISTS (SELECT FROM repository r WHERE r.id = t.repository_id "
	"AND r.owner_id = o.id))))";

int await_explain_token(struct metadb *db, struct arena *a, int64_t package_id,
			int64_t token_id, struct token_asker asker,
			struct token_explanation *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, token_sql);
	struct pg_rows *r;
	int rc;

	pg_bind_int8(s, package_id);
	pg_bind_int8(s, token_id);
	pg_bind_int8(s, asker.account_id);
	pg_bind_bool(s, asker.site_admin);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	out->id = pg_int(r, 0, 0);
	out->login = arena_strdup(a, pg_text(r, 0, 1));
	out->kind = (enum token_kind)pg_int(r, 0, 2);
	out->repository = arena_strdup(a, pg_text(r, 0, 3));
	out->state = (enum caller_state)pg_int(r, 0, 4);
	out->standing = (struct standing){
		.package_exists = true,
		.published = pg_bool(r, 0, 5),
		.visibility = (enum visibility)pg_int(r, 0, 6),
		.role = (enum role)pg_int(r, 0, 7),
		.may_create = pg_bool(r, 0, 8),
		.signed_in = out->state == CALLER_ACTIVE,
		.outside = (enum outside)pg_int(r, 0, 9),
		.scopes = (unsigned)pg_int(r, 0, 10),
	};
	return pg_tx_error(tx);
}
