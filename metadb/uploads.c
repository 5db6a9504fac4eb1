/*
 * Uploads as rows: each function is one call of schema/0032 or 0034, one round trip.
 *
 * Chunks travel as parallel arrays: partition, digest, length, epoch; debts as pairs of
 * partition and node. The database numbers the chunks behind those it has.
 */
#include "metadb/uploads.h"

#include <string.h>

#include "metadb/blobs.h"
#include "metadb/metadb_private.h"

/*
 * What is remembered of an upload, and when its statement was sent. How it stands under its id
 * and version never changes as long as it is the same server (one that was put back begins anew
 * at an older version): that of another version is another key.
 */
struct kept_upload {
	struct upload upload;
	uint64_t losses;
	int64_t at_ms;
};

static struct kept_upload moment(const struct metadb *db)
{
	return (struct kept_upload){.losses = pg_pool_losses(db->pool),
				    .at_ms = clock_now_ms()};
}

static size_t upload_key(const struct upload *u, int64_t version, char key[CACHE_KEY_MAX])
{
	return (size_t)snprintf(key, CACHE_KEY_MAX, "%s/%lld", u->id, (long long)version);
}

/* How it stood before is of no use any more. */
static void remember(struct metadb *db, struct arena *a, struct kept_upload *k,
		     const struct upload *u)
{
	char key[CACHE_KEY_MAX];

	k->upload = *u;
	cache_drop(db->upload_cache, key, upload_key(u, u->version - 1, key));
	memcpy(cache_add(db->upload_cache, a, key, upload_key(u, u->version, key), sizeof(*k)),
	       k, sizeof(*k));
}

/* Nor one that may be over by now: its end is not among what a statement looks at. */
static bool fresh(const struct metadb *db, const struct kept_upload *k)
{
	int64_t age = clock_now_ms() - k->at_ms;

	return k->losses == pg_pool_losses(db->pool) && age < RIGHTS_KEPT_MS &&
	       age < db->upload_life_ms;
}

bool upload_recall(struct metadb *db, const char *id, const char *version, struct upload *out)
{
	const struct kept_upload *k;
	struct arena *a;
	char key[CACHE_KEY_MAX];
	int len = snprintf(key, sizeof(key), "%s/%s", id, version);
	bool found;

	if (len < 0 || (size_t)len >= sizeof(key))
		return false;
	a = arena_new();
	k = cache_find(db->upload_cache, a, key, (size_t)len, NULL);
	found = k != NULL && fresh(db, k);
	if (found)
		*out = k->upload;
	arena_free(a);
	return found;
}

/* The answer of a statement that brings a proof: 0, or there is none. */
static int proved(struct pg_tx *tx, const struct rights_proof *proof)
{
	return proof != NULL && pg_null(pg_tx_rows(tx, 0), 0, 0) ? ERR_STALE_RIGHTS : 0;
}

#define START_CALL \
	"upload_start(" ACTOR_SQL ", $5, $6, $7, $8, $9, $10 * interval '1 millisecond')"

/* With the rights proved, or known to be what they are. */
static void add_start(struct pg_tx *tx, const struct actor *who,
		      const struct package_target *target, enum digest_algorithm algorithm,
		      int64_t life_ms)
{
	struct pg_stmt *s = pg_tx_add(
		tx, target->proof == NULL
			    ? "SELECT " START_CALL
			    : "SELECT CASE WHEN " RIGHTS_HOLD(
				      "$11", "$12", "$13", "$14") " THEN " START_CALL " END");

	pg_bind_actor(s, who);
	pg_bind_int8(s, target->namespace_id);
	pg_bind_text(s, target->name);
	pg_bind_int8(s, target->package_id);
	pg_bind_bool(s, target->published);
	pg_bind_int2(s, algorithm);
	pg_bind_int8(s, life_ms);
	if (target->proof != NULL)
		rights_bind(tx, s, target->proof);
}

/* What the proof says needs no look: the package, and the server's adoption. */
static void add_start_known(struct pg_tx *tx, const struct actor *who,
			    const struct package_target *target,
			    enum digest_algorithm algorithm, int64_t life_ms)
{
	struct pg_stmt *s = pg_tx_add(
		tx, "SELECT CASE WHEN " RIGHTS_HOLD(
			    "$5", "$6", "$7", "$8") " THEN upload_start_known($1, $2, $7, $3, "
						    "$4 * interval '1 millisecond') END");

	pg_bind_int8(s, target->package_id);
	pg_bind_int8(s, who->account_id);
	pg_bind_int2(s, algorithm);
	pg_bind_int8(s, life_ms);
	rights_bind(tx, s, target->proof);
}

int await_upload_start(struct metadb *db, const struct actor *who,
		       const struct package_target *target, enum digest_algorithm algorithm,
		       struct upload *out)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct kept_upload kept = moment(db);
	bool known = target->proof != NULL && target->proof->adopted;
	int rc;

	memset(out, 0, sizeof(*out));
	if (known)
		add_start_known(tx, who, target, algorithm, db->upload_life_ms);
	else
		add_start(tx, who, target, algorithm, db->upload_life_ms);
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = proved(tx, target->proof);
	if (rc == 0) {
		struct pg_record room;
		struct pg_rows r = pg_record_open(pg_tx_rows(tx, 0), 0, 0, &room);

		snprintf(out->id, sizeof(out->id), "%s", pg_text(&r, 0, 0));
		out->package_id = pg_int(&r, 0, 1);
		out->account_id = who->account_id;
		out->gen = pg_int(&r, 0, 2);
		out->algorithm = algorithm;
		rc = r.error;
	}
	if (rc == 0 && target->proof != NULL && !known)
		rights_confirm(db, target->proof);
	if (rc == 0)
		remember(db, a, &kept, out);
	arena_free(a);
	return rc;
}

/* 8-4-4-4-12 lower-case hex. */
bool upload_id_valid(const char *id)
{
	if (strlen(id) != UPLOAD_ID_LEN)
		return false;
	for (int i = 0; i < UPLOAD_ID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? id[i] != '-' : strchr("0123456789abcdef", id[i]) == NULL)
			return false;
	}
	return true;
}

int upload_take(struct pg_rows *r, int row, int column, struct upload *out)
{
	struct slice state;

	out->gen = pg_int(r, row, column);
	out->version = pg_int(r, row, column + 1);
	out->size = (uint64_t)pg_int(r, row, column + 2);
	out->chunks = (uint32_t)pg_int(r, row, column + 3);
	out->algorithm = (enum digest_algorithm)pg_int(r, row, column + 4);
	state = pg_bytes(r, row, column + 5);
	if (r->error != 0)
		return r->error;
	if (state.len > UPLOAD_STATE_MAX)
		return ERR_CORRUPT;
	memcpy(out->state, state.data, state.len);
	out->state_len = state.len;
	return 0;
}

int await_upload_load(struct metadb *db, const char *id, int64_t package_id, int64_t account_id,
		      struct upload *out)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s;
	struct pg_rows *r;
	int rc;

	if (!upload_id_valid(id)) {
		memset(out, 0, sizeof(*out));
		return ERR_NOT_FOUND;
	}
	a = arena_new();
	id = arena_strdup(a, id); /* it may be a part of *out */
	memset(out, 0, sizeof(*out));
	tx = pg_tx_new(db, a, PG_READ);
	s = pg_tx_add(tx, "SELECT gen, version, size, chunks, algorithm, state FROM upload "
			  "WHERE id = $1::uuid AND package_id = $2 AND account_id = $3 "
			  "AND expires_at > now()");
	pg_bind_text(s, id);
	pg_bind_int8(s, package_id);
	pg_bind_int8(s, account_id);
	rc = await_pg_tx(tx);
	if (rc < 0)
		goto out;
	r = pg_tx_rows(tx, 0);
	rc = ERR_NOT_FOUND;
	if (pg_rows_count(r) == 0)
		goto out;
	memcpy(out->id, id, UPLOAD_ID_LEN);
	out->package_id = package_id;
	out->account_id = account_id;
	rc = upload_take(r, 0, 0, out);
out:
	arena_free(a);
	return rc;
}

/* Six arrays: parts, digests, lens, epochs; parts and nodes of the debts. */
static void bind_chunks(struct pg_stmt *s, const struct upload_chunk *chunk, size_t count)
{
	struct pg_array part, digest, len, epoch, owing_part, owing_node;

	pg_array_init(&part, s->arena, PG_INT2, count);
	pg_array_init(&digest, s->arena, PG_BYTEA, count);
	pg_array_init(&len, s->arena, PG_INT4, count);
	pg_array_init(&epoch, s->arena, PG_INT8, count);
	pg_array_init(&owing_part, s->arena, PG_INT2, count);
	pg_array_init(&owing_node, s->arena, PG_INT4, count);
	for (size_t i = 0; i < count; i++) {
		int p = (int)partition_of(chunk[i].digest);

		assert(chunk[i].len > 0 && chunk[i].owing_count <= MAP_REPLICAS_MAX);
		pg_array_int2(&part, p);
		pg_array_bytes(&digest, chunk[i].digest, SHA256_BYTES);
		pg_array_int4(&len, (int32_t)chunk[i].len);
		pg_array_int8(&epoch, chunk[i].epoch);
		for (unsigned k = 0; k < chunk[i].owing_count; k++) {
			pg_array_int2(&owing_part, p);
			pg_array_int4(&owing_node, chunk[i].owing[k]);
		}
	}
	pg_bind_array(s, &part);
	pg_bind_array(s, &digest);
	pg_bind_array(s, &len);
	pg_bind_array(s, &epoch);
	pg_bind_array(s, &owing_part);
	pg_bind_array(s, &owing_node);
}

static void bind_one_chunk(struct pg_stmt *s, const struct upload_chunk *chunk)
{
	assert(chunk->len > 0);
	pg_bind_int2(s, (int)partition_of(chunk->digest));
	pg_bind_bytes(s, chunk->digest, SHA256_BYTES);
	pg_bind_int4(s, (int32_t)chunk->len);
	pg_bind_int8(s, chunk->epoch);
}

#define RECORD_ONE                                                            \
	"upload_record_one($1::uuid, $2, $3, $4 * interval '1 millisecond', " \
	"$5, $6, $7, $8)"
#define RECORD_ALL                                                        \
	"upload_record($1::uuid, $2, $3, $4 * interval '1 millisecond', " \
	"$5, $6, $7, $8, $9, $10)"

static const char *append_sql(bool one, bool proves)
{
	if (!proves)
		return one ? "SELECT " RECORD_ONE : "SELECT " RECORD_ALL;
	return one ? "SELECT CASE WHEN " RIGHTS_HOLD("$9", "$10", "$11",
						     "$12") " THEN " RECORD_ONE " END"
		   : "SELECT CASE WHEN " RIGHTS_HOLD("$11", "$12", "$13",
						     "$14") " THEN " RECORD_ALL " END";
}

static void appended(struct upload *u, const struct upload_chunk *chunk, size_t count,
		     const void *state, size_t state_len)
{
	u->version++;
	u->chunks += (uint32_t)count;
	for (size_t i = 0; i < count; i++)
		u->size += chunk[i].len;
	if (state_len > 0)
		memcpy(u->state, state, state_len);
	u->state_len = state_len;
}

int await_upload_append(struct metadb *db, struct upload *u, const struct upload_chunk *chunk,
			size_t count, const void *state, size_t state_len,
			const struct rights_proof *proof)
{
	struct kept_upload kept = moment(db);
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s;
	bool one = count == 1 && chunk->owing_count == 0;
	int rc;

	assert(state_len <= UPLOAD_STATE_MAX);
	if (u->chunks + count > UPLOAD_CHUNKS_MAX)
		return ERR_LIMIT;
	a = arena_new();
	tx = pg_tx_new(db, a, PG_WRITE);
	s = pg_tx_add(tx, append_sql(one, proof != NULL));
	pg_bind_text(s, u->id);
	pg_bind_int8(s, u->version);
	pg_bind_bytes(s, state, state_len);
	pg_bind_int8(s, db->upload_life_ms);
	if (one)
		bind_one_chunk(s, chunk);
	else
		bind_chunks(s, chunk, count);
	if (proof != NULL)
		rights_bind(tx, s, proof);
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = proved(tx, proof);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_CONFLICT;
	if (rc == 0) {
		appended(u, chunk, count, state, state_len);
		remember(db, a, &kept, u);
	}
	arena_free(a);
	return rc;
}

/* It was done before, maybe long ago: the blob is still there, and is promised anew. */
static int await_repeated(struct metadb *db, const struct upload *u,
			  const struct digest *digest, struct upload_commit *out)
{
	struct blob_info blob;
	int rc = await_blob_promise(db, u->package_id, digest, &blob);

	out->gen = blob.gen;
	return rc;
}

#define COMMIT_CALL                                                                \
	"upload_commit($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 * " \
	"interval '1 millisecond')"

int await_upload_commit(struct metadb *db, const struct actor *who, const struct upload *u,
			const struct upload_chunk *chunk, size_t count,
			const struct digest *digest, const struct rights_proof *proof,
			struct upload_commit *out)
{
	static const int answer[] = {0, 0, ERR_CONFLICT, ERR_NOT_FOUND};
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s;
	int rc;

	(void)who; /* a blob alone is nothing anybody sees: the manifest's push is what is
		      audited */
	memset(out, 0, sizeof(*out));
	if (u->chunks + count > UPLOAD_CHUNKS_MAX)
		return ERR_LIMIT;
	a = arena_new();
	tx = pg_tx_new(db, a, PG_WRITE);
	s = pg_tx_add(tx, proof == NULL
				  ? "SELECT " COMMIT_CALL
				  : "SELECT CASE WHEN " RIGHTS_HOLD("$13", "$14", "$15",
								    "$16") " THEN " COMMIT_CALL
									   " END");
	pg_bind_text(s, u->id);
	pg_bind_int8(s, u->version);
	pg_bind_int8(s, u->package_id);
	bind_chunks(s, chunk, count);
	pg_bind_digest(s, digest);
	pg_bind_int8(s, db->protection_ms);
	if (proof != NULL)
		rights_bind(tx, s, proof);
	rc = await_pg_tx(tx);
	if (rc == 0)
		rc = proved(tx, proof);
	if (rc == 0) {
		struct pg_record room;
		struct pg_rows r = pg_record_open(pg_tx_rows(tx, 0), 0, 0, &room);
		int64_t status = pg_int(&r, 0, 0);

		out->gen = pg_int(&r, 0, 1);
		out->existed = pg_bool(&r, 0, 2);
		out->repeated = status == 1;
		rc = r.error;
		if (rc == 0)
			rc = status < 0 || status > 3 ? ERR_PROTOCOL : answer[status];
	}
	arena_free(a);
	return rc == 0 && out->repeated ? await_repeated(db, u, digest, out) : rc;
}

int await_upload_cancel(struct metadb *db, const char *id, int64_t package_id,
			int64_t account_id)
{
	struct arena *a;
	struct pg_tx *tx;
	struct pg_stmt *s;
	int rc;

	if (!upload_id_valid(id))
		return ERR_NOT_FOUND;
	a = arena_new();
	tx = pg_tx_new(db, a, PG_WRITE);
	s = pg_tx_add(tx, "SELECT upload_cancel($1::uuid, $2, $3)");
	pg_bind_text(s, id);
	pg_bind_int8(s, package_id);
	pg_bind_int8(s, account_id);
	rc = await_pg_tx(tx);
	if (rc == 0 && !pg_bool(pg_tx_rows(tx, 0), 0, 0))
		rc = ERR_NOT_FOUND;
	arena_free(a);
	return rc;
}

int await_upload_switch(struct metadb *db, struct upload *u, enum digest_algorithm algorithm,
			const void *state, size_t state_len)
{
	struct arena *a = arena_new();
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct pg_stmt *s;
	int rc;

	assert(state_len <= UPLOAD_STATE_MAX);
	s = pg_tx_add(tx,
		      "UPDATE upload SET version = version + 1, algorithm = $3, state = $4, "
		      "expires_at = now() + $5 * interval '1 millisecond' "
		      "WHERE id = $1::uuid AND version = $2 RETURNING version");
	pg_bind_text(s, u->id);
	pg_bind_int8(s, u->version);
	pg_bind_int2(s, algorithm);
	pg_bind_bytes(s, state, state_len);
	pg_bind_int8(s, db->upload_life_ms);
	rc = await_pg_tx(tx);
	if (rc == 0 && pg_rows_count(pg_tx_rows(tx, 0)) == 0)
		rc = ERR_CONFLICT;
	if (rc == 0) {
		u->version++;
		u->algorithm = algorithm;
		memcpy(u->state, state, state_len);
		u->state_len = state_len;
	}
	arena_free(a);
	return rc;
}
