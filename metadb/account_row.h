/*
 * How rows of the table account are read, shared by the files that list them.
 */
#pragma once

#include "metadb/accounts.h"
#include "metadb/pg_bind.h"

/* Of `account a`. */
#define ACCOUNT_COLUMNS                                                         \
	"a.id, a.kind, a.login, a.name, a.email, a.description, a.site_admin, " \
	"extract(epoch FROM a.suspended_at)::bigint, "                          \
	"extract(epoch FROM a.created_at)::bigint, "                            \
	"extract(epoch FROM a.updated_at)::bigint, a.base_role, a.creators, "   \
	"a.visibilities, a.default_visibility, a.default_inherits, a.sso_required"
#define ACCOUNT_COLUMN_COUNT 16

/* The first columns of a row; texts are copied into the arena. */
void account_take(struct pg_rows *r, int row, struct arena *a, struct account *out);
