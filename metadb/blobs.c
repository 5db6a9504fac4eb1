/*
 * Promises about blobs.
 *
 * Renewing and reading are one statement. If the link was collected while the renewal waited
 * for its row, the old snapshot of the reading part still shows it; so it counts as found only
 * when the renewal took place, or when it was not needed because plenty of protection was left.
 */
#include "metadb/blobs.h"

#include <string.h>

#include "metadb/metadb_private.h"

#define PROTECTION "$4 * interval '1 millisecond'"

static const char sql[] =
	"WITH renewed AS (UPDATE package_blob SET protect_until = now() + " PROTECTION " "
	"WHERE package_id = $1 AND algorithm = $2 AND digest = $3 AND deleted_at IS NULL "
	"AND protect_until < now() + " PROTECTION " / 2 RETURNING 1) "
	"SELECT b.gen, b.size, b.lost_at IS NOT NULL FROM package_blob l "
	"JOIN blob b USING (algorithm, digest) "
	"WHERE l.package_id = $1 AND l.algorithm = $2 AND l.digest = $3 "
	"AND l.deleted_at IS NULL AND (l.protect_until >= now() + " PROTECTION " / 2 "
	"OR EXISTS (SELECT FROM renewed))";

int await_blob_promise(struct metadb *db, int64_t package_id, const struct digest *d,
		       struct blob_info *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s = pg_tx_add(tx, sql);
	int rc;

	memset(out, 0, sizeof(*out));
	out->digest = *d;
	pg_bind_int8(s, package_id);
	pg_bind_digest(s, d);
	pg_bind_int8(s, db->protection_ms);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		struct pg_rows *r = pg_tx_rows(tx, 0);

		if (pg_rows_count(r) == 0) {
			rc = ERR_NOT_FOUND;
		} else {
			out->gen = pg_int(r, 0, 0);
			out->size = (uint64_t)pg_int(r, 0, 1);
			out->lost = pg_bool(r, 0, 2);
			rc = pg_tx_error(tx);
			if (rc == 0 && out->lost)
				rc = ERR_NOT_FOUND;
		}
	}
	arena_free(a);
	return rc;
}
