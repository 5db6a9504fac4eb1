/*
 * The part of a statement that finds the caller, shared by the lookups that begin with it.
 */
#pragma once

#include "metadb/lookups.h"
#include "metadb/pg_bind.h"

/* CALLER_COLUMN_COUNT columns, for a row source q(hash, token_id, account_id, …). */
#define CALLER_COLUMNS                                            \
	"t.id, a.id, a.login, t.kind, t.scopes, a.site_admin, "   \
	"coalesce(extract(epoch FROM t.expires_at)::bigint, 0), " \
	"t.revoked_at IS NOT NULL, a.suspended_at IS NOT NULL, "  \
	"coalesce(t.expires_at <= now(), false), "                \
	"coalesce(t.last_used_at < now() - interval \'1 hour\', true)"

#define CALLER_COLUMN_COUNT 11

#define CALLER_JOINS                                                                          \
	"LEFT JOIN LATERAL (SELECT * FROM token WHERE token.hash = q.hash "                   \
	"UNION ALL SELECT * FROM token "                                                      \
	"WHERE token.id = q.token_id AND token.account_id = q.account_id LIMIT 1) t ON true " \
	"LEFT JOIN LATERAL (SELECT * FROM account "                                           \
	"WHERE account.id = t.account_id AND account.deleted_at IS NULL LIMIT 1) a ON true "

/* The credential's element in the three arrays hash, token_id, account_id. */
void credential_bind(struct pg_array v[3], const struct credential *c);
/* From CALLER_COLUMNS, the first of which is `column`; the caller had a credential. Its use is
 * noted. */
void caller_take(struct metadb *db, struct pg_rows *r, int row, int column, struct caller *out);
