/* Promises about blobs: one call of blob_promise() in schema/0023. */
#include "metadb/blobs.h"

#include <string.h>

#include "metadb/metadb_private.h"

int await_blob_promise(struct metadb *db, int64_t package_id, const struct digest *d,
		       struct blob_info *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT gen, size, lost FROM blob_promise($1, $2, $3, "
			      "$4 * interval '1 millisecond') "
			      "WHERE gen IS NOT NULL");
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
