/* One package, its owner and its repository in one row; what has to be counted beside it. */
#include "metadb/package_detail.h"

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

#define OWNER_COLUMN	  16
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

void take_package(struct pg_rows *r, int row, struct arena *a, struct package_detail *out)
{
	struct package *p = &out->package;

	p->id = pg_int(r, row, 0);
	p->namespace_id = pg_int(r, row, 1);
	p->name = arena_strdup(a, pg_text(r, row, 2));
	p->visibility = (enum visibility)pg_int(r, row, 3);
	p->publisher_id = pg_int(r, row, 4);
	p->created_at = pg_int(r, row, 5);
	p->published_at = pg_int(r, row, 6);
	out->updated_at = pg_int(r, row, 7);
	out->version_count = pg_int(r, row, 8);
	out->description = arena_strdup(a, pg_text(r, row, 9));
	out->licenses = arena_strdup(a, pg_text(r, row, 10));
	out->inherits = pg_bool(r, row, 11);
	out->linked_by = (enum package_linked_by)pg_int(r, row, 12);
	out->linked_at = pg_int(r, row, 13);
	out->deleted_at = pg_int(r, row, 14);
	out->downloads = take_downloads(r, row, 15, a);
	take_account_brief(r, row, OWNER_COLUMN, a, &out->owner);
	p->namespace = out->owner.login;
	out->linked = !pg_null(r, row, REPOSITORY_COLUMN);
	if (out->linked)
		take_repository_brief(r, row, REPOSITORY_COLUMN, a, &out->repository);
}

static const char detail_sql[] =
	"SELECT " DETAIL_COLUMNS " FROM package p" DETAIL_JOINS
	"WHERE p.id = $1 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL";

static void bind_viewer(struct pg_stmt *s, const struct package_viewer *v)
{
	pg_bind_bool(s, v->knows_link);
	pg_bind_int8(s, v->account_id);
	pg_bind_int8(s, v->repository_id);
}

int await_package_detail(struct metadb *db, struct arena *a, int64_t package_id,
			 struct package_viewer viewer, struct package_detail *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, detail_sql);
	struct pg_rows *r;
	int rc;

	pg_bind_int8(s, package_id);
	bind_viewer(s, &viewer);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	if (pg_rows_count(r) == 0)
		return ERR_NOT_FOUND;
	take_package(r, 0, a, out);
	return pg_tx_error(tx);
}
