/* One package, its owner and its repository in one row; what has to be counted beside it. */
#include "metadb/package_detail.h"

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

#define OWNER_COLUMN	  14
#define REPOSITORY_COLUMN (OWNER_COLUMN + ACCOUNT_BRIEF_COLUMNS)

void take_account_brief(struct pg_rows *r, int row, int column, struct arena *a,
			struct account *out)
{
	*out = (struct account){
		.id = pg_int(r, row, column),
		.kind = (enum account_kind)pg_int(r, row, column + 1),
		.login = arena_strdup(a, pg_text(r, row, column + 2)),
		.name = arena_strdup(a, pg_text(r, row, column + 3)),
		.email = "",
		.description = "",
		.site_admin = pg_bool(r, row, column + 4),
		.created_at = pg_int(r, row, column + 5),
	};
}

void take_repository_brief(struct pg_rows *r, int row, int column, struct arena *a,
			   struct repository_brief *out)
{
	out->id = pg_int(r, row, column);
	out->name = arena_strdup(a, pg_text(r, row, column + 1));
	out->description = arena_strdup(a, pg_text(r, row, column + 2));
	out->url = arena_strdup(a, pg_text(r, row, column + 3));
	out->visibility = (enum visibility)pg_int(r, row, column + 4);
	take_account_brief(r, row, column + 5, a, &out->owner);
}

static void take_package(struct pg_rows *r, struct arena *a, struct package_detail *out)
{
	struct package *p = &out->package;

	p->id = pg_int(r, 0, 0);
	p->namespace_id = pg_int(r, 0, 1);
	p->name = arena_strdup(a, pg_text(r, 0, 2));
	p->visibility = (enum visibility)pg_int(r, 0, 3);
	p->publisher_id = pg_int(r, 0, 4);
	p->created_at = pg_int(r, 0, 5);
	p->published_at = pg_int(r, 0, 6);
	out->updated_at = pg_int(r, 0, 7);
	out->version_count = pg_int(r, 0, 8);
	out->description = arena_strdup(a, pg_text(r, 0, 9));
	out->licenses = arena_strdup(a, pg_text(r, 0, 10));
	out->inherits = pg_bool(r, 0, 11);
	out->linked_by = (enum package_linked_by)pg_int(r, 0, 12);
	out->linked_at = pg_int(r, 0, 13);
	take_account_brief(r, 0, OWNER_COLUMN, a, &out->owner);
	p->namespace = out->owner.login;
	out->linked = !pg_null(r, 0, REPOSITORY_COLUMN);
}

static const char detail_sql[] =
	"SELECT p.id, p.namespace_id, p.name, p.visibility, p.publisher_id, "
	"extract(epoch FROM p.created_at)::bigint, extract(epoch FROM p.published_at)::bigint, "
	"extract(epoch FROM v.updated_at)::bigint, v.versions, w.description, w.licenses, "
	"p.inherits, p.linked_by, extract(epoch FROM p.linked_at)::bigint, " ACCOUNT_BRIEF
	", " REPOSITORY_BRIEF " FROM package p "
	"JOIN account n ON n.id = p.namespace_id "
	"CROSS JOIN LATERAL package_summary(p.id) v "
	"CROSS JOIN LATERAL package_labels(p.id) w "
	"LEFT JOIN repository r ON r.id = p.repository_id AND r.deleted_at IS NULL "
	"AND ($2 OR CASE WHEN $4 <> 0 THEN r.id = $4 OR r.visibility = 2 "
	"ELSE repository_known(nullif($3, 0), r.id) END) "
	"LEFT JOIN account o ON o.id = r.owner_id "
	"WHERE p.id = $1 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL";

int await_package_detail(struct metadb *db, struct arena *a, int64_t package_id,
			 struct package_viewer viewer, struct package_detail *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, detail_sql);
	struct pg_rows *r;
	int rc;

	pg_bind_int8(s, package_id);
	pg_bind_bool(s, viewer.knows_link);
	pg_bind_int8(s, viewer.account_id);
	pg_bind_int8(s, viewer.repository_id);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	take_package(r, a, out);
	if (out->linked)
		take_repository_brief(r, 0, REPOSITORY_COLUMN, a, &out->repository);
	return pg_tx_error(tx);
}
