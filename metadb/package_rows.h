/*
 * Columns that several reads about packages share, and how they are taken from a row. Not for
 * other folders.
 */
#pragma once

#include "metadb/downloads.h"
#include "metadb/package_detail.h"
#include "metadb/package_lists.h"
#include "metadb/pg_bind.h"

/* An account that another thing embeds: n in the statement. */
#define ACCOUNT_BRIEF                                   \
	"n.id, n.kind, n.login, n.name, n.site_admin, " \
	"extract(epoch FROM n.created_at)::bigint"
#define ACCOUNT_BRIEF_COLUMNS 6
void take_account_brief(struct pg_rows *r, int row, int column, struct arena *a,
			struct account *out);

/* A repository r and its owner o. */
#define REPOSITORY_BRIEF                                                                    \
	"r.id, r.name, r.description, r.url, r.visibility, o.id, o.kind, o.login, o.name, " \
	"o.site_admin, extract(epoch FROM o.created_at)::bigint"
#define REPOSITORY_BRIEF_COLUMNS (5 + ACCOUNT_BRIEF_COLUMNS)
void take_repository_brief(struct pg_rows *r, int row, int column, struct arena *a,
			   struct repository_brief *out);

/* A package p as package_detail.h shows it. */
#define DETAIL_COLUMNS                                                                      \
	"p.id, p.namespace_id, p.name, p.visibility, p.publisher_id, "                      \
	"extract(epoch FROM p.created_at)::bigint, "                                        \
	"extract(epoch FROM p.published_at)::bigint, "                                      \
	"extract(epoch FROM v.updated_at)::bigint, v.versions, w.description, w.licenses, " \
	"p.inherits, p.linked_by, extract(epoch FROM p.linked_at)::bigint, "                \
	"extract(epoch FROM p.deleted_at)::bigint, package_downloads(p.id), " ACCOUNT_BRIEF \
	", " REPOSITORY_BRIEF

#define DETAIL_COLUMNS_COUNT (16 + ACCOUNT_BRIEF_COLUMNS + REPOSITORY_BRIEF_COLUMNS)
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
void take_package(struct pg_rows *r, int row, struct arena *a, struct package_detail *out);

/* One column: version_downloads() or package_downloads() of schema/0075. */
struct downloads take_downloads(struct pg_rows *r, int row, int column, struct arena *a);
