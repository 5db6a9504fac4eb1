/*
 * Columns that several reads about packages share, and how they are taken from a row. Not for
 * other folders.
 */
#pragma once

#include "metadb/downloads.h"
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

/* One column: version_downloads() or package_downloads() of schema/0075. */
struct downloads take_downloads(struct pg_rows *r, int row, int column, struct arena *a);
