/*
 * Nodes, epochs and keys as rows. The first epoch is the one transaction that must look in
 * between: under an advisory lock it reads the nodes, computes the map here, and stores it.
 */
#include "metadb/cluster_rows.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "metadb/key_watch.h"
#include "metadb/metadb_private.h"
#include "proto/base/log.h"

/* A key signs for thirty days and verifies for as long again; it is known to all gateways ten
 * minutes before it signs (they look every thirty seconds). */
#define KEY_PERIOD_SQL "interval '30 days'"
#define KEY_LEAD_SQL   "interval '10 minutes'"

int await_cluster_uuid(struct metadb *db, char uuid[37])
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	pg_tx_add(tx, "SELECT uuid::text FROM cluster");
	rc = await_pg_tx(tx);
	if (rc == 0) {
		snprintf(uuid, 37, "%s", pg_text(pg_tx_rows(tx, 0), 0, 0));
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}

static bool uuid_valid(const char *text)
{
	if (strlen(text) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	}
	return true;
}

int await_node_register(struct metadb *db, const struct node_notice *n, uint16_t *id,
			bool *changed)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s;
	int rc;

	if (!uuid_valid(n->uuid))
		return ERR_SYNTAX;
	a = arena_new();
	tx = pg_tx_new(db, a, PG_WRITE);
	s = pg_tx_add(tx, "SELECT status, node_id FROM "
			  "node_register($1::uuid, $2, $3, $4, $5, $6, $7, $8)");
	pg_bind_text(s, n->uuid);
	pg_bind_text(s, n->name);
	pg_bind_text(s, n->zone);
	pg_bind_text(s, n->control);
	pg_bind_text(s, n->bulk);
	pg_bind_int8(s, (int64_t)n->incarnation);
	pg_bind_int8(s, n->total);
	pg_bind_int8(s, n->used);
	rc = await_pg_tx(tx);
	if (rc == 0) {
		int64_t status = pg_int(pg_tx_rows(tx, 0), 0, 0);

		*id = (uint16_t)pg_int(pg_tx_rows(tx, 0), 0, 1);
		*changed = status == 1;
		rc = pg_tx_error(tx);
		if (rc == 0 && status == 2)
			rc = ERR_CONFLICT;
		if (rc == 0 && status == 3)
			rc = ERR_DENIED;
	}
	arena_free(a);
	return rc;
}

/* 1: a look without locks says that it is time for the first epoch. */
static int await_epoch_is_due(struct metadb *db, struct arena *a, const char *const *name,
			      size_t count)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_array names;
	struct pg_stmt *s;
	int rc;

	s = pg_tx_add(tx,
		      "SELECT NOT EXISTS (SELECT FROM cluster_map) AND $2 = (SELECT count(*) "
		      "FROM node WHERE name = ANY ($1) AND retired_at IS NULL)");
	pg_array_init(&names, a, PG_TEXT, count);
	for (size_t i = 0; i < count; i++)
		pg_array_text(&names, name[i]);
	pg_bind_array(s, &names);
	pg_bind_int8(s, (int64_t)count);
	rc = await_pg_tx(tx);
	return rc < 0 ? rc : pg_bool(pg_tx_rows(tx, 0), 0, 0);
}

/* 1: this transaction holds the lock and there is no epoch yet. */
static int await_epoch_is_missing(struct pg_tx *tx)
{
	int rc = await_pg_begin(tx);

	if (rc < 0)
		return rc;
	pg_tx_add(tx, "SELECT pg_advisory_xact_lock(1885430635, 2)::text");
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	/* In a statement after the lock, so that it sees what the lock's last holder wrote. */
	pg_tx_add(tx, "SELECT count(*) FROM cluster_map");
	rc = await_pg_tx(tx);
	return rc < 0 ? rc : pg_int(pg_tx_rows(tx, 0), 0, 0) == 0;
}

/* The registered ones among the names; fewer than `count` when some are missing. */
static int await_named_nodes(struct pg_tx *tx, struct arena *a, const char *const *name,
			     size_t count, struct map_node **out)
{
	struct pg_stmt *s = pg_tx_add(tx, "SELECT id, weight, uuid::text, zone FROM node "
					  "WHERE name = ANY ($1) AND retired_at IS NULL "
					  "ORDER BY id");
	struct pg_array names;
	struct pg_rows *r;
	int found;
	int rc;

	pg_array_init(&names, a, PG_TEXT, count);
	for (size_t i = 0; i < count; i++)
		pg_array_text(&names, name[i]);
	pg_bind_array(s, &names);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	r = pg_tx_rows(tx, 0);
	found = pg_rows_count(r);
	*out = arena_alloc(a, ((size_t)found + 1) * sizeof(**out));
	for (int i = 0; i < found; i++) {
		struct map_node *n = &(*out)[i];

		n->id = (uint16_t)pg_int(r, i, 0);
		n->weight = (unsigned)pg_int(r, i, 1);
		snprintf(n->uuid, sizeof(n->uuid), "%s", pg_text(r, i, 2));
		snprintf(n->zone, sizeof(n->zone), "%s", pg_text(r, i, 3));
	}
	rc = pg_tx_error(tx);
	return rc < 0 ? rc : found;
}

int await_epoch_store(struct pg_tx *tx, struct arena *a, const struct cluster_map *map,
		      const char *reason)
{
	size_t size = map_encoded_size(map->replicas);
	unsigned char *parts = arena_alloc(a, size);
	struct pg_stmt *s;

	map_encode(map, parts);
	s = pg_tx_add(tx, "INSERT INTO cluster_map (epoch, replicas, parts, reason) "
			  "VALUES ($1, $2, $3, $4)");
	pg_bind_int8(s, map->epoch);
	pg_bind_int2(s, (int)map->replicas);
	pg_bind_bytes(s, parts, size);
	pg_bind_text(s, reason);
	s = pg_tx_add(tx, "SELECT record(NULL, 'cluster.epoch', NULL, NULL, "
			  "jsonb_build_object('epoch', $1, 'replicas', $2))::text");
	pg_bind_int8(s, map->epoch);
	pg_bind_int2(s, (int)map->replicas);
	return await_pg_tx(tx);
}

int await_first_epoch(struct metadb *db, const char *const *name, size_t count,
		      unsigned replicas)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct cluster_map map = {0};
	struct map_node *node = NULL;
	int rc;

	rc = await_epoch_is_due(db, a, name, count);
	if (rc > 0)
		rc = await_epoch_is_missing(tx);
	if (rc > 0)
		rc = await_named_nodes(tx, a, name, count, &node);
	if (rc <= 0 || (size_t)rc < count) {
		rc = rc < 0 ? rc : 0;
		goto out;
	}
	if (replicas == 0)
		replicas = map_default_replicas((unsigned)count);
	rc = map_compute(node, count, replicas, 1, &map);
	if (rc == 0)
		rc = await_epoch_store(tx, a, &map, "first");
	if (rc == 0)
		rc = await_pg_commit(tx);
	if (rc == 0)
		rc = 1;
out:
	map_fini(&map);
	arena_free(a); /* a transaction still open is rolled back */
	return rc;
}

static void make_key(unsigned char seed[SIGNING_KEY_BYTES],
		     unsigned char public[SIGNING_KEY_BYTES])
{
	size_t len = SIGNING_KEY_BYTES;
	EVP_PKEY *key = NULL;

	if (RAND_bytes(seed, SIGNING_KEY_BYTES) == 1)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
						   SIGNING_KEY_BYTES);
	if (key == NULL || EVP_PKEY_get_raw_public_key(key, public, &len) != 1)
		fatal("cannot make an Ed25519 key");
	EVP_PKEY_free(key);
}

int await_signing_key_rotate(struct metadb *db)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	unsigned char seed[SIGNING_KEY_BYTES];
	unsigned char public[SIGNING_KEY_BYTES];
	struct pg_stmt *s;
	int rc;

	make_key(seed, public);
	s = pg_tx_add(tx,
		      "SELECT signing_key_add($1, $2, " KEY_PERIOD_SQL ", " KEY_LEAD_SQL ")");
	pg_bind_bytes(s, seed, sizeof(seed));
	pg_bind_bytes(s, public, sizeof(public));
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = pg_bool(pg_tx_rows(tx, 0), 0, 0);
	OPENSSL_cleanse(seed, sizeof(seed));
	arena_free(a);
	return rc;
}

int await_cluster_figures(struct metadb *db, struct cluster_figures *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_rows *r;
	int rc;

	pg_tx_add(tx, "SELECT (SELECT coalesce(max(epoch), 0) FROM cluster_map), "
		      "(SELECT count(*) FROM node WHERE retired_at IS NULL), "
		      "(SELECT count(*) FROM node WHERE retired_at IS NULL "
		      "AND seen_at > now() - interval '15 seconds'), "
		      "(SELECT count(DISTINCT part) FROM partition_owes), "
		      "(SELECT count(*) FROM upload)");
	rc = await_pg_tx(tx);
	if (rc == 0) {
		r = pg_tx_rows(tx, 0);
		out->epoch = pg_int(r, 0, 0);
		out->nodes = pg_int(r, 0, 1);
		out->nodes_alive = pg_int(r, 0, 2);
		out->partitions_owing = pg_int(r, 0, 3);
		out->uploads_open = pg_int(r, 0, 4);
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}
