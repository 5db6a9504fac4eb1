/*
 * The base of the index in LMDB: table "chunks" of digest ‖ gen (big-endian, so that keys sort)
 * → place, length, state; table "meta" with one record: format, node, watermark.
 *
 * A commit syncs in full, so the tables and their watermark are one state. LMDB 0.9 keeps no
 * checksums of its pages: a wrong entry must be harmless, and is, because every record is
 * checked against the key it is read for. Whatever does not open is wiped.
 *
 * Rotten pages can also crash LMDB. So each start leaves a byte in the file "opening", and
 * takes the file away once every page has been used: all entries were read, a commit went
 * through. Two bytes found there are two starts that died in this short time, and the index is
 * wiped; one may have been a kill -9.
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/crc32c.h"
#include "proto/base/log.h"
#include "storage/daemon/index.h"

#define FORMAT	    1
#define MAP_SIZE    ((size_t)64 << 30) /* address space, not memory: ~118 bytes an entry */
#define READERS_MAX 1024
#define KEY_SIZE    (CHUNK_DIGEST_SIZE + 8)
#define DEATHS_MAX  2

struct lmdb_base {
	struct index_base base;
	char *dir;
	char *opening; /* path of the file */
	MDB_env *env;
	MDB_dbi chunks, meta;
};

struct stored_place {
	uint64_t segment, offset;
	uint32_t len, state;
};

struct stored_meta {
	uint32_t format, zero;
	unsigned char node[STORE_UUID_SIZE];
	uint64_t segment, offset, seq;
	uint32_t zero_too, crc; /* of what stands before it */
};

static char mark_key[] = {'m', 'a', 'r', 'k'};

static struct lmdb_base *lmdb_of(struct index_base *b)
{
	return (struct lmdb_base *)b;
}

static int error_of(int rc)
{
	if (rc >= 0)
		return -rc;
	if (rc == MDB_NOTFOUND)
		return ERR_NOT_FOUND;
	return rc == MDB_MAP_FULL ? -ENOSPC : ERR_CORRUPT;
}

static void key_encode(const struct chunk_key *key, unsigned char out[KEY_SIZE])
{
	uint64_t gen = htobe64(key->gen);

	memcpy(out, key->digest, CHUNK_DIGEST_SIZE);
	memcpy(out + CHUNK_DIGEST_SIZE, &gen, sizeof(gen));
}

static int entry_decode(const MDB_val *key, const MDB_val *value, struct index_entry *out)
{
	struct stored_place stored;
	uint64_t gen;

	if (key->mv_size != KEY_SIZE || value->mv_size != sizeof(stored))
		return ERR_CORRUPT;
	memcpy(&stored, value->mv_data, sizeof(stored));
	memcpy(out->key.digest, key->mv_data, CHUNK_DIGEST_SIZE);
	memcpy(&gen, (char *)key->mv_data + CHUNK_DIGEST_SIZE, sizeof(gen));
	out->key.gen = be64toh(gen);
	out->place.segment = le64toh(stored.segment);
	out->place.offset = le64toh(stored.offset);
	out->len = le32toh(stored.len);
	out->state = le32toh(stored.state);
	if (out->len > CHUNK_MAX || (out->state != INDEX_GOOD && out->state != INDEX_BAD))
		return ERR_CORRUPT;
	return 0;
}

static int base_get(struct index_base *base, const struct chunk_key *key,
		    struct index_entry *out)
{
	struct lmdb_base *b = lmdb_of(base);
	unsigned char bytes[KEY_SIZE];
	MDB_val k = {KEY_SIZE, bytes}, v;
	MDB_txn *txn;
	int rc = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return error_of(rc);
	key_encode(key, bytes);
	rc = error_of(mdb_get(txn, b->chunks, &k, &v));
	if (rc == 0)
		rc = entry_decode(&k, &v, out);
	mdb_txn_abort(txn);
	return rc;
}

static int base_list(struct index_base *base, const struct chunk_key *from,
		     const struct chunk_key *to, struct index_entry *out, size_t max,
		     size_t *count)
{
	struct lmdb_base *b = lmdb_of(base);
	unsigned char bytes[KEY_SIZE];
	MDB_val k = {KEY_SIZE, bytes}, v;
	MDB_cursor *cursor;
	MDB_txn *txn;
	int rc = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	*count = 0;
	if (rc != 0)
		return error_of(rc);
	key_encode(from, bytes);
	rc = mdb_cursor_open(txn, b->chunks, &cursor);
	if (rc == 0) {
		rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
		while (rc == 0 && *count < max) {
			struct index_entry e;

			/* One bad entry must not hide the others. */
			if (entry_decode(&k, &v, &e) == 0) {
				if (chunk_key_compare(&e.key, to) > 0)
					break;
				out[(*count)++] = e;
			}
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? 0 : error_of(rc);
}

static uint32_t meta_crc(const struct stored_meta *m)
{
	return htole32(crc32c_add(0, m, offsetof(struct stored_meta, crc)));
}

static int meta_put(struct lmdb_base *b, MDB_txn *txn, const struct stored_meta *m)
{
	MDB_val k = {sizeof(mark_key), mark_key}, v = {sizeof(*m), (void *)m};

	return mdb_put(txn, b->meta, &k, &v, 0);
}

/* ERR_NOT_FOUND when there is none that is whole and ours. */
static int meta_get(struct lmdb_base *b, MDB_txn *txn, struct stored_meta *out)
{
	MDB_val k = {sizeof(mark_key), mark_key}, v;
	int rc = mdb_get(txn, b->meta, &k, &v);

	if (rc != 0)
		return error_of(rc);
	if (v.mv_size != sizeof(*out))
		return ERR_NOT_FOUND;
	memcpy(out, v.mv_data, sizeof(*out));
	return out->crc == meta_crc(out) && le32toh(out->format) == FORMAT ? 0 : ERR_NOT_FOUND;
}

static int base_load(struct index_base *base, const unsigned char node[STORE_UUID_SIZE],
		     struct watermark *out)
{
	struct lmdb_base *b = lmdb_of(base);
	struct stored_meta m;
	MDB_txn *txn;
	int rc = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return error_of(rc);
	rc = meta_get(b, txn, &m);
	mdb_txn_abort(txn);
	if (rc < 0)
		return rc;
	if (memcmp(m.node, node, STORE_UUID_SIZE) != 0)
		return ERR_NOT_FOUND;
	out->place.segment = le64toh(m.segment);
	out->place.offset = le64toh(m.offset);
	out->seq = le64toh(m.seq);
	return 0;
}

static int base_apply(struct index_base *base, const struct index_entry *entries, size_t count,
		      const struct watermark *mark)
{
	struct lmdb_base *b = lmdb_of(base);
	struct stored_meta m;
	MDB_txn *txn;
	int rc = mdb_txn_begin(b->env, NULL, 0, &txn);

	if (rc != 0)
		return error_of(rc);
	rc = meta_get(b, txn, &m);
	for (size_t i = 0; i < count && rc == 0; i++) {
		const struct index_entry *e = &entries[i];
		struct stored_place stored = {htole64(e->place.segment),
					      htole64(e->place.offset), htole32(e->len),
					      htole32(e->state)};
		unsigned char bytes[KEY_SIZE];
		MDB_val k = {KEY_SIZE, bytes}, v = {sizeof(stored), &stored};

		key_encode(&e->key, bytes);
		if (e->state == INDEX_GONE) {
			rc = mdb_del(txn, b->chunks, &k, NULL);
			rc = rc == MDB_NOTFOUND ? 0 : error_of(rc);
		} else {
			rc = error_of(mdb_put(txn, b->chunks, &k, &v, 0));
		}
	}
	if (rc == 0) {
		m.segment = htole64(mark->place.segment);
		m.offset = htole64(mark->place.offset);
		m.seq = htole64(mark->seq);
		m.crc = meta_crc(&m);
		rc = error_of(meta_put(b, txn, &m));
	}
	if (rc < 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return error_of(mdb_txn_commit(txn));
}

static int open_tables(struct lmdb_base *b)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(b->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "chunks", MDB_CREATE, &b->chunks);
	if (rc == 0)
		rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &b->meta);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* An LMDB code; 0: b->env is open. */
static int env_open(struct lmdb_base *b)
{
	int rc = mdb_env_create(&b->env);

	if (rc != 0)
		fatal("mdb_env_create: %s", mdb_strerror(rc));
	mdb_env_set_mapsize(b->env, MAP_SIZE);
	mdb_env_set_maxdbs(b->env, 2);
	mdb_env_set_maxreaders(b->env, READERS_MAX);
	rc = mdb_env_open(b->env, b->dir, MDB_NOTLS | MDB_NORDAHEAD, 0640);
	if (rc == 0)
		rc = open_tables(b);
	if (rc != 0) {
		mdb_env_close(b->env);
		b->env = NULL;
	}
	return rc;
}

/* Throw away what is there, whatever it is, and begin anew. */
static int env_wipe(struct lmdb_base *b)
{
	static const char *const names[] = {"data.mdb", "lock.mdb"};

	if (b->env)
		mdb_env_close(b->env);
	b->env = NULL;
	for (int i = 0; i < 2; i++) {
		char *path = xasprintf("%s/%s", b->dir, names[i]);
		int rc = unlink(path);

		free(path);
		if (rc < 0 && errno != ENOENT)
			return errno;
	}
	return env_open(b);
}

static int base_reset(struct index_base *base, const unsigned char node[STORE_UUID_SIZE])
{
	struct lmdb_base *b = lmdb_of(base);
	struct stored_meta m = {.format = htole32(FORMAT)};
	MDB_txn *txn;
	int rc = env_wipe(b);

	if (rc == 0)
		rc = mdb_txn_begin(b->env, NULL, 0, &txn);
	if (rc != 0)
		return error_of(rc);
	memcpy(m.node, node, STORE_UUID_SIZE);
	m.crc = meta_crc(&m);
	rc = meta_put(b, txn, &m);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return error_of(rc);
	}
	return error_of(mdb_txn_commit(txn));
}

/* One start more; returns how many before it have died. */
static off_t note_opening(const struct lmdb_base *b)
{
	int fd = open(b->opening, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0640);
	struct stat st = {0};

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || write(fd, "x", 1) < 0)
		log_warn("start not noted beside the index", "reason=\"%s\"", err_text(-errno));
	close(fd);
	return st.st_size;
}

/* The free pages are read by a commit only. */
static void base_trust(struct index_base *base)
{
	struct lmdb_base *b = lmdb_of(base);
	struct stored_meta m;
	MDB_txn *txn;
	int rc = mdb_txn_begin(b->env, NULL, 0, &txn);

	if (rc == 0) {
		rc = meta_get(b, txn, &m) == 0 ? meta_put(b, txn, &m) : MDB_NOTFOUND;
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	if (rc != 0)
		log_warn("index cannot be written", "reason=\"%s\"", mdb_strerror(rc));
	unlink(b->opening);
}

static void base_free(struct index_base *base)
{
	struct lmdb_base *b = lmdb_of(base);

	if (b->env)
		mdb_env_close(b->env);
	unlink(b->opening);
	free(b->opening);
	free(b->dir);
	free(b);
}

static const struct index_base_ops lmdb_ops = {
	.load = base_load,
	.reset = base_reset,
	.get = base_get,
	.list = base_list,
	.apply = base_apply,
	.trust = base_trust,
	.free = base_free,
};

int index_lmdb_open(const char *dir, struct index_base **out)
{
	struct lmdb_base *b;
	int rc;

	if (mkdir(dir, 0750) < 0 && errno != EEXIST)
		return -errno;
	b = xcalloc(1, sizeof(*b));
	b->base.ops = &lmdb_ops;
	b->dir = xstrdup(dir);
	b->opening = xasprintf("%s/opening", dir);
	if (note_opening(b) >= DEATHS_MAX) {
		log_error("index has killed the last starts and is made anew", NULL);
		rc = env_wipe(b);
	} else {
		rc = env_open(b);
	}
	/* Its own codes are negative: something is there, but no index that can be used. */
	if (rc < 0 || rc == EINVAL || rc == EIO) {
		log_warn("index does not open and is made anew", "reason=\"%s\"",
			 mdb_strerror(rc));
		rc = env_wipe(b);
	}
	if (rc != 0) {
		base_free(&b->base);
		return error_of(rc);
	}
	*out = &b->base;
	return 0;
}
