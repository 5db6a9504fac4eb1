/*
 * Rights that a worker remembers, and what proves that they still hold.
 *
 * PostgreSQL decides at each request. But the statement of a change can ask along, for a tenth
 * of what the lookup costs, whether anything was committed since that the rights were read from
 * (schema/0106): what is remembered is an answer together with the snapshot that it was read
 * in. So nothing is decided by memory: it saves the lookup when there is a statement that
 * brings the proof, and only then.
 *
 * Remembered is who may push to a package that is there, with a token without
 * limits, for RIGHTS_KEPT_MS at most and not longer than the token lives. All is forgotten with
 * any connection that is lost: another server, or the same one after a crash, may count its
 * transactions anew. Behind a pgbouncer, which hides that, nothing is remembered. Loop thread
 * only.
 */
#pragma once

#include "metadb/lookups.h"

#define RIGHTS_KEPT_MS 10000

struct rights_kept;

struct rights_proof {
	struct rights_seen seen;
	int64_t until; /* on the server's clock, Unix seconds */
	int64_t token_id;
	int64_t package_id;
	uint64_t losses; /* of connections, until it was remembered */
	bool adopted;	 /* an upload was started since: the server is the adopted one */
	unsigned slot;	 /* private to rights_kept.c */
	uint64_t serial;
};

struct rights_kept *rights_kept_new(void);
void rights_kept_free(struct rights_kept *k);

/* Remembers an answer of await_authorize(), if it is one that can be proved later. */
void rights_keep(struct metadb *db, const struct credential *c, const char *namespace,
		 const char *name, const struct authorization *a);
/*
 * What is remembered, without an upload, and how to prove it; false: look it up. Until a
 * statement has proved it (ERR_STALE_RIGHTS: it does not hold any more) it is a guess.
 */
bool rights_recall(struct metadb *db, const struct credential *c, const char *namespace,
		   const char *name, struct authorization *out, struct rights_proof *proof);
/* An upload was started under it. */
void rights_confirm(struct metadb *db, const struct rights_proof *proof);

/*
 * For the statements that bring the proof: true while it holds. a to d: four parameters, "$7"
 * and so on, bound by rights_bind() in this order. Of a snapshot only what came after its
 * xmin can be new, and that is the end of an index which is mostly empty.
 */
#define RIGHTS_HOLD(a, b, c, d)                                                        \
	"NOT EXISTS (SELECT FROM rights_change l "                                     \
	"WHERE l.xid >= pg_snapshot_xmin(" a "::pg_snapshot) "                         \
	"AND NOT pg_visible_in_snapshot(l.xid, " a "::pg_snapshot) AND l.token_id IN " \
	"(0, " c ") AND l.package_id IN (0, " d ")) "                                  \
	"AND date_part('epoch', now())::bigint < " b
struct pg_tx;
struct pg_stmt;
void rights_bind(struct pg_tx *tx, struct pg_stmt *s, const struct rights_proof *proof);
