/* The handle: opens the pool, one batch a kind of lookup, and the caches; and the schema's
 * version. */
#include "metadb/metadb.h"

#include <stdlib.h>

#include "metadb/metadb_private.h"
#include "metadb/schema.h"
#include "proto/base/log.h"
#include "proto/base/settings.h"

#define MANIFEST_CACHE ((size_t)16 * 1024 * 1024)
#define CHUNK_CACHE    ((size_t)8 * 1024 * 1024)
#define UPLOAD_CACHE   ((size_t)1024 * 1024)

void metadb_options_load(struct metadb_options *o, const char *name)
{
	o->url = settings()->database_url;
	o->name = name;
	o->pooled = settings()->database_pooled;
	o->connections = (int)settings()->database_pool;
	o->timeout_ms = settings()->database_timeout;
	o->connect_timeout_ms = settings()->database_connect_timeout;
	o->upload_life_ms = settings()->gateway_upload_life;
	o->protection_ms = settings()->gateway_blob_protection;
	o->manifest_cache = MANIFEST_CACHE;
	o->chunk_cache = CHUNK_CACHE;
}

struct metadb *metadb_open(struct loop *l, const struct metadb_options *o)
{
	struct metadb *db = xcalloc(1, sizeof(*db));

	db->loop = l;
	db->options.url = o->url;
	db->options.name = o->name;
	db->options.pooled = o->pooled;
	db->options.connect_timeout_ms = o->connect_timeout_ms;
	/* The server gives up first, so that its answer still reaches us. */
	db->options.statement_timeout_ms = o->timeout_ms - o->timeout_ms / 8;
	db->upload_life_ms = o->upload_life_ms;
	db->protection_ms = o->protection_ms;
	db->pool = pg_pool_new(l, &db->options, o->connections, o->timeout_ms);
	db->caller = batch_new(l, db->pool, &lookup_caller_kind);
	db->authorize = batch_new(l, db->pool, &lookup_authorize_kind);
	db->manifest = batch_new(l, db->pool, &lookup_manifest_kind);
	db->manifest_bytes = batch_new(l, db->pool, &lookup_manifest_bytes_kind);
	db->blob = batch_new(l, db->pool, &lookup_blob_kind);
	db->chunks = batch_new(l, db->pool, &lookup_chunks_kind);
	db->modes = batch_new(l, db->pool, &lookup_modes_kind);
	db->touch = token_touch_new(l, db->pool);
	db->manifest_cache = cache_new(o->manifest_cache);
	db->chunk_cache = cache_new(o->chunk_cache);
	db->upload_cache = cache_new(UPLOAD_CACHE);
	db->rights = rights_kept_new();
	return db;
}

void metadb_close(struct metadb *db)
{
	if (db == NULL)
		return;
	batch_free(db->caller);
	batch_free(db->authorize);
	batch_free(db->manifest);
	batch_free(db->manifest_bytes);
	batch_free(db->blob);
	batch_free(db->chunks);
	batch_free(db->modes);
	token_touch_free(db->touch);
	pg_pool_free(db->pool);
	cache_free(db->manifest_cache);
	cache_free(db->chunk_cache);
	cache_free(db->upload_cache);
	rights_kept_free(db->rights);
	free(db);
}

bool metadb_up(const struct metadb *db, FILE *why)
{
	return pg_pool_up(db->pool, why);
}

struct pg_pool *metadb_pool(struct metadb *db)
{
	return db->pool;
}

void pg_bind_actor(struct pg_stmt *s, const struct actor *who)
{
	const char *rq = log_rq();

	assert(s->count == 0);
	if (who == NULL || who->account_id == 0)
		pg_bind_null(s, PG_INT8);
	else
		pg_bind_int8(s, who->account_id);
	if (who == NULL || who->token_id == 0)
		pg_bind_null(s, PG_INT8);
	else
		pg_bind_int8(s, who->token_id);
	pg_bind_text(s, rq[0] == '\0' ? NULL : arena_strdup(s->arena, rq));
	pg_bind_text(s, who == NULL ? NULL : who->remote);
}

int await_status(struct pg_tx *tx, const int *answer, int64_t count)
{
	int rc = await_pg_tx(tx);
	int64_t status;

	if (rc < 0)
		return rc;
	status = pg_int(pg_tx_rows(tx, 0), 0, 0);
	if (pg_tx_error(tx) < 0)
		return pg_tx_error(tx);
	return status < 0 || status >= count ? ERR_PROTOCOL : answer[status];
}

int schema_version_needed(void)
{
	return schema_count == 0 ? 0 : schema_scripts[schema_count - 1].version;
}

int await_schema_version(struct metadb *db, int *version)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	int rc;

	pg_tx_add(tx, "SELECT max(version) FROM schema_version");
	rc = await_pg_tx(tx);
	if (rc == 0) {
		*version = (int)pg_int(pg_tx_rows(tx, 0), 0, 0);
		rc = pg_tx_error(tx);
	}
	arena_free(a);
	return rc;
}
