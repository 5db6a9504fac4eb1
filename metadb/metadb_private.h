/*
 * What the files of this folder share behind metadb/metadb.h. Not for other folders.
 */
#pragma once

#include "metadb/batch.h"
#include "metadb/blobs.h"
#include "metadb/cache.h"
#include "metadb/metadb.h"
#include "metadb/modes.h"
#include "metadb/pg_pool.h"
#include "metadb/pg_tx.h"
#include "metadb/rights_kept.h"
#include "metadb/token_touch.h"

struct metadb {
	struct loop *loop;
	struct pg_conn_options options;
	struct pg_pool *pool;
	int64_t upload_life_ms;
	int64_t protection_ms;
	/* One a kind of lookup. */
	struct batch *caller;
	struct batch *authorize;
	struct batch *manifest;
	struct batch *manifest_bytes;
	struct batch *blob;
	struct batch *chunks;
	struct batch *modes;
	struct token_touch *touch;
	struct cache *manifest_cache; /* by digest */
	struct cache *chunk_cache;    /* by gen */
	enum registry_mode mode_seen;
	struct rights_kept *rights; /* what is proved later */
	uint64_t horizon_losses;    /* of connections, when rights_change was tidied last */
	struct cache *upload_cache; /* by id and version */
};

struct pg_pool *metadb_pool(struct metadb *db);

/* The registry's mode as a column of a lookup: one probe a statement, whatever its rows. */
#define MODE_COLUMN "(SELECT mode FROM registry_mode WHERE one)"
enum registry_mode mode_take(struct metadb *db, struct pg_rows *r, int row, int column);

/* The kinds of lookup, each in its file. */
extern const struct batch_kind lookup_caller_kind;
extern const struct batch_kind lookup_authorize_kind;
extern const struct batch_kind lookup_manifest_kind;
extern const struct batch_kind lookup_manifest_bytes_kind;
extern const struct batch_kind lookup_blob_kind;
extern const struct batch_kind lookup_chunks_kind;
extern const struct batch_kind lookup_modes_kind;

/* Parameters of the type `actor` in the SQL functions: ROW($1, $2, $3, $4)::actor. */
#define ACTOR_SQL "ROW($1, $2, $3, $4)::actor"
void pg_bind_actor(struct pg_stmt *s, const struct actor *who);

/*
 * Runs the one statement, whose first column is a status: an index into `answer`, which has
 * `count` codes.
 */
int await_status(struct pg_tx *tx, const int *answer, int64_t count) MUST_CHECK;

/* What the database takes for an upload's id; on anything else it would raise. */
bool upload_id_valid(const char *id);
/* gen, version, size, chunks, algorithm and state, from that column on. */
struct upload;
int upload_take(struct pg_rows *r, int row, int column, struct upload *out) MUST_CHECK;

/* Runs the one statement, which answers names, one more than `limit` when there are others
 * behind. */
struct name_list;
int await_name_list(struct pg_tx *tx, struct arena *a, size_t limit,
		    struct name_list *out) MUST_CHECK;

/* Of repository r and its owner, account o; a role stands behind them. */
#define REPOSITORY_COLUMNS                                                                 \
	"r.id, o.id, o.kind, o.login, o.site_admin, r.name, r.visibility, r.description, " \
	"r.homepage, r.url, extract(epoch FROM r.created_at)::bigint, "                    \
	"extract(epoch FROM r.updated_at)::bigint"
struct repository;
struct repository_list;
struct list_part;
void repository_take(struct pg_rows *r, int row, struct arena *a, struct repository *out);
/* Runs the one statement, which answers rows of these columns, one more than the part wants
 * when there are others behind. */
int await_repository_list_tx(struct pg_tx *tx, struct arena *a, const struct list_part *part,
			     struct repository_list *out) MUST_CHECK;
/* Runs the one statement, which answers enum repository_refusal. */
int await_refusal(struct pg_tx *tx) MUST_CHECK;

/* Writes a new epoch's row, in a transaction that holds the advisory lock of epochs. */
struct cluster_map;
int await_epoch_store(struct pg_tx *tx, struct arena *a, const struct cluster_map *map,
		      const char *reason) MUST_CHECK;
