/*
 * Uploads: from POST to the blob's row. Bytes first, row last.
 *
 * Starting one commits an instance (its gen, never used again) and the upload row before any
 * byte is sent to storage. Chunks that are durable on a write quorum are then recorded in
 * batches, each in one statement guarded by `version`: of two writers one wins, the other gets
 * ERR_CONFLICT (answer 416 with the size that await_upload_load() tells). No leases: any worker
 * of any gateway may take the next request. What members have not acknowledged is owed, in the
 * same transaction. Result codes common to all functions: metadb/metadb.h.
 */
#pragma once

#include "metadb/metadb.h"
#include "metadb/packages.h"
#include "proto/model/cluster.h"
#include "proto/model/digest.h"

#define UPLOAD_ID_LEN	  36
#define UPLOAD_STATE_MAX  512
#define UPLOAD_CHUNKS_MAX 65536

struct upload {
	char id[UPLOAD_ID_LEN + 1]; /* uuid, lower case */
	int64_t package_id;
	int64_t account_id;
	int64_t gen;
	int64_t version;
	uint64_t size;	 /* bytes recorded: the offset at which the next request goes on */
	uint32_t chunks; /* chunks recorded: index of the next one */
	enum digest_algorithm
		algorithm; /* asked for at the start; sha256 unless said otherwise */
	/* hasher_save() of everything recorded (opaque here); empty at the start. */
	unsigned char state[UPLOAD_STATE_MAX];
	size_t state_len;
};

/* A chunk that a write quorum holds, and who of its members has not said so. */
struct upload_chunk {
	unsigned char digest[SHA256_BYTES];
	uint32_t len;  /* > 0 */
	int64_t epoch; /* of the map it was written under */
	uint8_t owing_count;
	uint16_t owing[MAP_REPLICAS_MAX]; /* node ids */
};

/*
 * Begins an upload by account `who` into a package, which is made (unpublished) when it has no
 * id. ERR_NOT_FOUND: the namespace or package is gone; ERR_CONFLICT: struct package_target.
 */
int await_upload_start(struct metadb *db, const struct actor *who,
		       const struct package_target *target, enum digest_algorithm algorithm,
		       struct upload *out) MUST_CHECK;

/* For the next request of a session: ERR_NOT_FOUND unless it is open and belongs to both. */
int await_upload_load(struct metadb *db, const char *id, int64_t package_id, int64_t account_id,
		      struct upload *out) MUST_CHECK;

/*
 * The same without asking, from memory: how it stood at that version (its decimal digits), if
 * this worker has brought it there less than RIGHTS_KEPT_MS ago. That nobody has brought it
 * further is what await_upload_append() and await_upload_commit() find out. False: not known.
 */
bool upload_recall(struct metadb *db, const char *id, const char *version, struct upload *out);

/*
 * Records `count` more chunks (0 is fine) and the hash state that stands after them. On success
 * version, size, chunks and state of *u are those of the row. ERR_CONFLICT: somebody else was
 * faster, or the session is gone; ERR_LIMIT: more than UPLOAD_CHUNKS_MAX chunks;
 * ERR_STALE_RIGHTS: `proof` (NULL: none is needed) fails, nothing was recorded.
 */
int await_upload_append(struct metadb *db, struct upload *u, const struct upload_chunk *chunk,
			size_t count, const void *state, size_t state_len,
			const struct rights_proof *proof) MUST_CHECK;

struct upload_commit {
	int64_t gen;   /* of the instance that serves the blob now */
	bool existed;  /* the blob was there: this upload's own instance is dead */
	bool repeated; /* the session had been committed before (a lost answer) */
};
/*
 * The end: records the last chunks, checks that indexes and lengths are complete, makes or
 * finds the blob, links it to the package under protection and removes the upload; one round
 * trip. The caller has checked that the bytes have this digest. Repeating it after a lost
 * answer is fine. ERR_CONFLICT: another writer was faster; ERR_NOT_FOUND: no such session, and
 * the package has no such blob; ERR_CORRUPT: the recorded chunks have gaps (a bug, logged);
 * ERR_STALE_RIGHTS as above.
 */
int await_upload_commit(struct metadb *db, const struct actor *who, const struct upload *u,
			const struct upload_chunk *chunk, size_t count,
			const struct digest *digest, const struct rights_proof *proof,
			struct upload_commit *out) MUST_CHECK;

/* The chunks of a session as it stands; ERR_CONFLICT: somebody else wrote to it since. */
struct chunk_list;
int await_upload_chunks(struct metadb *db, struct arena *a, const struct upload *u,
			const struct chunk_list **out) MUST_CHECK;
/*
 * From now on the session is for digests of that algorithm: `state` is the hash of what it has.
 * *u is updated; ERR_CONFLICT: somebody else wrote to it, or it is gone.
 */
int await_upload_switch(struct metadb *db, struct upload *u, enum digest_algorithm a,
			const void *state, size_t state_len) MUST_CHECK;

/* Ends a session and marks its instance dead; ERR_NOT_FOUND when it is gone already. */
int await_upload_cancel(struct metadb *db, const char *id, int64_t package_id,
			int64_t account_id) MUST_CHECK;
