/*
 * Each check is one statement, thus one snapshot: a cluster that is in use is no finding.
 * Foreign keys are checked as well, because a PostgreSQL that lost writes does not keep them.
 */
#include "metadb/consistency.h"

#include "metadb/metadb_private.h"

static const struct {
	const char *name;
	const char *sql;
} checks[] = {
	{"blob_of_a_dead_instance",
	 "SELECT count(*) FROM blob JOIN instance USING (gen) WHERE dead_at IS NOT NULL"},
	{"upload_of_a_dead_instance",
	 "SELECT count(*) FROM upload JOIN instance USING (gen) WHERE dead_at IS NOT NULL"},
	{"live_instance_of_nobody",
	 "SELECT count(*) FROM instance i WHERE i.dead_at IS NULL "
	 "AND NOT EXISTS (SELECT FROM blob b WHERE b.gen = i.gen) "
	 "AND NOT EXISTS (SELECT FROM upload u WHERE u.gen = i.gen)"},
	{"blob_and_chunks_disagree",
	 "SELECT count(*) FROM blob b CROSS JOIN LATERAL (SELECT count(*) AS n, "
	 "coalesce(max(idx) + 1, 0) AS last, coalesce(sum(len), 0) AS bytes "
	 "FROM chunk c WHERE c.gen = b.gen) s WHERE s.n <> s.last OR s.bytes <> b.size"},
	{"upload_and_chunks_disagree",
	 "SELECT count(*) FROM upload u CROSS JOIN LATERAL (SELECT count(*) AS n, "
	 "coalesce(max(idx) + 1, 0) AS last, coalesce(sum(len), 0) AS bytes "
	 "FROM chunk c WHERE c.gen = u.gen) s "
	 "WHERE s.n <> s.last OR s.n <> u.chunks OR s.bytes <> u.size"},
	{"chunk_in_a_wrong_partition",
	 "SELECT count(*) FROM chunk "
	 "WHERE part <> (get_byte(digest, 0) << 6) + (get_byte(digest, 1) >> 2)"},
	{"chunk_of_an_impossible_shape",
	 "SELECT count(*) FROM chunk WHERE idx < 0 OR len <= 0 OR length(digest) <> 32 "
	 "OR part NOT BETWEEN 0 AND 16383"},
	{"blob_of_an_impossible_shape",
	 "SELECT count(*) FROM blob WHERE size < 0 OR length(digest) IS DISTINCT FROM "
	 "CASE algorithm WHEN 1 THEN 32 WHEN 2 THEN 64 END"},
	{"manifest_of_an_unknown_kind",
	 "SELECT count(*) FROM manifest WHERE kind NOT IN (1, 2)"},
	{"tag_of_an_impossible_name",
	 "SELECT count(*) FROM tag WHERE length(name) NOT BETWEEN 1 AND 128"},
	{"tag_that_is_not_what_its_name_says",
	 "SELECT count(*) FROM tag WHERE aside = tag_counts(name)"},
	{"row_of_a_package_that_is_gone",
	 "SELECT count(*) FROM (SELECT package_id FROM package_blob "
	 "UNION SELECT package_id FROM upload UNION SELECT package_id FROM manifest "
	 "UNION SELECT package_id FROM tag) r "
	 "WHERE NOT EXISTS (SELECT FROM package p WHERE p.id = r.package_id)"},
	{"chunk_without_an_instance",
	 "SELECT count(*) FROM chunk c "
	 "WHERE NOT EXISTS (SELECT FROM instance i WHERE i.gen = c.gen)"},
	{"upload_without_an_instance",
	 "SELECT count(*) FROM upload u "
	 "WHERE NOT EXISTS (SELECT FROM instance i WHERE i.gen = u.gen)"},
	{"blob_without_an_instance",
	 "SELECT count(*) FROM blob b "
	 "WHERE NOT EXISTS (SELECT FROM instance i WHERE i.gen = b.gen)"},
	{"blob_without_a_link",
	 "SELECT count(*) FROM blob b WHERE NOT EXISTS (SELECT FROM package_blob l "
	 "WHERE l.algorithm = b.algorithm AND l.digest = b.digest) "
	 "AND NOT EXISTS (SELECT FROM blob_review r "
	 "WHERE r.algorithm = b.algorithm AND r.digest = b.digest)"},
	{"link_without_a_blob",
	 "SELECT count(*) FROM package_blob l WHERE NOT EXISTS (SELECT FROM blob b "
	 "WHERE b.algorithm = l.algorithm AND b.digest = l.digest)"},
	{"link_that_nobody_needs_and_nobody_reviews",
	 "SELECT count(*) FROM package_blob l WHERE l.review_at IS NULL "
	 "AND NOT EXISTS (SELECT FROM manifest_blob r WHERE r.package_id = l.package_id "
	 "AND r.algorithm = l.algorithm AND r.digest = l.digest)"},
	{"manifest_needs_a_blob_that_is_not_linked",
	 "SELECT count(*) FROM manifest_blob r WHERE NOT EXISTS (SELECT FROM package_blob l "
	 "WHERE l.package_id = r.package_id AND l.algorithm = r.algorithm "
	 "AND l.digest = r.digest)"},
	{"need_of_a_manifest_that_is_gone",
	 "SELECT count(*) FROM manifest_blob r "
	 "WHERE NOT EXISTS (SELECT FROM manifest m WHERE m.id = r.manifest_id)"},
	{"manifest_needs_a_deleted_link",
	 "SELECT count(*) FROM manifest_blob r JOIN manifest m ON m.id = r.manifest_id "
	 "JOIN package_blob l ON l.package_id = r.package_id AND l.algorithm = r.algorithm "
	 "AND l.digest = r.digest WHERE m.deleted_at IS NULL AND l.deleted_at IS NOT NULL"},
	{"index_needs_a_manifest_that_is_gone",
	 "SELECT count(*) FROM manifest_child c JOIN manifest i ON i.id = c.manifest_id "
	 "WHERE i.deleted_at IS NULL AND NOT EXISTS (SELECT FROM manifest m "
	 "WHERE m.package_id = c.package_id AND m.algorithm = c.algorithm "
	 "AND m.digest = c.digest AND m.deleted_at IS NULL)"},
	{"index_misses_a_manifest_that_is_there",
	 "SELECT count(*) FROM manifest_absent a JOIN manifest m "
	 "USING (package_id, algorithm, digest) WHERE m.deleted_at IS NULL"},
	{"tag_of_a_deleted_manifest",
	 "SELECT count(*) FROM tag t WHERE NOT EXISTS (SELECT FROM manifest m "
	 "WHERE m.id = t.manifest_id AND m.package_id = t.package_id "
	 "AND m.deleted_at IS NULL AND m.deferred_at IS NULL)"},
	{"deferred_manifest_that_no_index_needs",
	 "SELECT count(*) FROM manifest m WHERE m.deferred_at IS NOT NULL AND EXISTS (SELECT "
	 "FROM package p WHERE p.id = m.package_id AND p.deleted_at IS NULL) AND NOT EXISTS ("
	 "SELECT FROM manifest_child c JOIN manifest i ON i.id = c.manifest_id "
	 "WHERE c.package_id = m.package_id AND c.algorithm = m.algorithm "
	 "AND c.digest = m.digest AND i.deleted_at IS NULL AND m.deleted_at IS NULL)"},
	{"manifest_bytes_of_another_digest",
	 "SELECT count(*) FROM manifest WHERE length(bytes) <> size OR digest <> "
	 "CASE algorithm WHEN 1 THEN sha256(bytes) ELSE sha512(bytes) END"},
	{"grant_under_another_name",
	 "SELECT count(*) FROM (SELECT package_id, namespace_id, name FROM package_grant "
	 "UNION ALL SELECT package_id, namespace_id, name FROM package_team) g "
	 "JOIN package p ON p.id = g.package_id "
	 "WHERE (g.namespace_id, g.name) IS DISTINCT FROM (p.namespace_id, p.name)"},
	{"package_linked_to_a_repository_of_elsewhere",
	 "SELECT count(*) FROM package p JOIN repository r ON r.id = p.repository_id "
	 "WHERE p.deleted_at IS NULL AND r.owner_id <> p.namespace_id"},
	{"lost_blob", "SELECT count(*) FROM blob WHERE lost_at IS NOT NULL"},
};

#define COUNT (sizeof(checks) / sizeof(checks[0]))
_Static_assert(COUNT <= ROW_CHECKS_MAX, "the caller's array is too small");

int await_row_checks(struct metadb *db, struct row_check out[ROW_CHECKS_MAX])
{
	for (size_t i = 0; i < COUNT; i++) {
		struct arena *a = arena_new();
		struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
		int rc;

		pg_tx_add(tx, checks[i].sql);
		rc = await_pg_tx(tx);
		if (rc == 0) {
			out[i].name = checks[i].name;
			out[i].count = pg_int(pg_tx_rows(tx, 0), 0, 0);
			rc = pg_tx_error(tx);
		}
		arena_free(a);
		if (rc < 0)
			return rc;
	}
	return (int)COUNT;
}

int await_server_state(struct metadb *db, struct server_state *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	int rc;

	pg_tx_add(tx, "SELECT current_setting('fsync')::boolean, "
		      "current_setting('full_page_writes')::boolean, "
		      "current_setting('synchronous_standby_names') <> '', adopted(), "
		      "(SELECT max(epoch) FROM cluster_map), "
		      "(SELECT replicas FROM cluster_map ORDER BY epoch DESC LIMIT 1), "
		      "(SELECT count(DISTINCT part) FROM partition_owes WHERE urgent), "
		      "(SELECT behind FROM cluster)");
	rc = await_pg_tx(tx);
	if (rc == 0) {
		r = pg_tx_rows(tx, 0);
		out->fsync = pg_bool(r, 0, 0);
		out->full_page_writes = pg_bool(r, 0, 1);
		out->synchronous_standby = pg_bool(r, 0, 2);
		out->adopted = pg_bool(r, 0, 3);
		out->epoch = pg_int(r, 0, 4);
		out->replicas = pg_int(r, 0, 5);
		out->owing = pg_int(r, 0, 6);
		out->behind = pg_bool(r, 0, 7);
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}
