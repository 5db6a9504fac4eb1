/*
 * The columns that tell who the caller is, shared by the lookups that begin with them.
 */
#pragma once

#include "metadb/lookups.h"
#include "metadb/pg_bind.h"

#define CALLER_COLUMNS                                                                    \
	"ord, state, token_id, account_id, login, kind, scopes, site_admin, expires_at, " \
	"unused, account_kind, repository_id, limited"
#define CALLER_COLUMN_COUNT 13

/* The credential's element in the three arrays hash, token_id, account_id. */
void credential_bind(struct pg_array v[3], const struct credential *c);
/* From the first columns of a row; the caller had a credential. Its use is noted. */
void caller_take(struct metadb *db, struct pg_rows *r, int row, struct caller *out);
