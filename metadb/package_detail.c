/* One package, its owner and its repository in one row; what has to be counted beside it. */
#include "metadb/package_detail.h"

#include <string.h>

#include "metadb/metadb_private.h"
#include "metadb/package_rows.h"

#define OWNER_COLUMN	  15
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

static void take_package(struct pg_rows *r, int row, struct arena *a,
			 struct package_detail *out)
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
	out->downloads = take_downloads(r, row, 14, a);
	take_account_brief(r, row, OWNER_COLUMN, a, &out->owner);
	p->namespace = out->owner.login;
	out->linked = !pg_null(r, row, REPOSITORY_COLUMN);
	if (out->linked)
		take_repository_brief(r, row, REPOSITORY_COLUMN, a, &out->repository);
}

#define DETAIL_COLUMNS                                                                      \
	"p.id, p.namespace_id, p.name, p.visibility, p.publisher_id, "                      \
	"extract(epoch FROM p.created_at)::bigint, "                                        \
	"extract(epoch FROM p.published_at)::bigint, "                                      \
	"extract(epoch FROM v.updated_at)::bigint, v.versions, w.description, w.licenses, " \
	"p.inherits, p.linked_by, extract(epoch FROM p.linked_at)::bigint, "                \
	"package_downloads(p.id), " ACCOUNT_BRIEF ", " REPOSITORY_BRIEF

/* Of package p, for the viewer in $2, $3 and $4. One index probe each, whatever the plan. */
#define DETAIL_JOINS                                                                       \
	" CROSS JOIN LATERAL (SELECT * FROM account WHERE account.id = p.namespace_id "    \
	"LIMIT 1) n "                                                                      \
	"CROSS JOIN LATERAL package_summary(p.id) v "                                      \
	"CROSS JOIN LATERAL package_labels(p.id) w "                                       \
	"LEFT JOIN LATERAL (SELECT * FROM repository WHERE repository.id = "               \
	"p.repository_id AND repository.deleted_at IS NULL AND ($2 OR CASE WHEN $4 <> 0 "  \
	"THEN repository.id = $4 OR repository.visibility = 2 "                            \
	"ELSE repository_known(nullif($3, 0), repository.id) END) LIMIT 1) r ON true "     \
	"LEFT JOIN LATERAL (SELECT * FROM account WHERE account.id = r.owner_id LIMIT 1) " \
	"o ON true "

static const char detail_sql[] =
	"SELECT " DETAIL_COLUMNS " FROM package p" DETAIL_JOINS
	"WHERE p.id = $1 AND p.deleted_at IS NULL AND p.published_at IS NOT NULL";

static const char list_sql[] =
	"SELECT " DETAIL_COLUMNS " FROM readable_packages($3, nullif($5, 0), $1, $6, $7, $8) "
	"WITH ORDINALITY AS l(id, ord) "
	"CROSS JOIN LATERAL (SELECT * FROM package WHERE package.id = l.id "
	"LIMIT 1) p" DETAIL_JOINS "ORDER BY l.ord";

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

int await_package_page(struct metadb *db, struct arena *a, const struct package_filter *f,
		       const struct list_part *part, struct package_page *out)
{
	struct package_viewer viewer = {.account_id = f->person};
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, list_sql);
	struct pg_rows *r;
	size_t count;
	int rc;

	memset(out, 0, sizeof(*out));
	pg_bind_int8(s, f->namespace_id);
	bind_viewer(s, &viewer);
	pg_bind_int8(s, f->token);
	pg_bind_int4(s, (int32_t)f->visibilities);
	pg_bind_int8(s, part->limit + 1);
	pg_bind_int8(s, part->offset);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	count = (size_t)pg_rows_count(r);
	out->more = count > (size_t)part->limit;
	out->count = out->more ? (size_t)part->limit : count;
	out->package = arena_alloc(a, (out->count + 1) * sizeof(*out->package));
	for (size_t i = 0; i < out->count; i++)
		take_package(r, (int)i, a, &out->package[i]);
	return pg_tx_error(tx);
}
