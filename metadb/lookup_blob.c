/*
 * Package and digest → gen, size and the chunks.
 *
 * Whether the package has the blob is asked each time. The chunks of a gen never change: they
 * come along with the first answer when the blob is of ordinary size, in a second statement
 * when it is huge, and are cached by gen. A list is 36 bytes a chunk on the way: length (4,
 * big-endian) and SHA-256.
 */
#include <string.h>

#include "metadb/lookups.h"
#include "metadb/metadb_private.h"
#include "metadb/uploads.h"
#include "proto/base/log.h"

#define CHUNK_BYTES 36

struct blob_lookup {
	struct batch_item item;
	int64_t package_id;
	const struct digest *digest;
	bool with_chunks;
	bool open; /* of an upload: more chunks may come, so the list is not to be cached */
	struct metadb *db;
	struct arena *arena;
	struct blob_info *out;
};

static void bind_find(struct pg_stmt *s, struct batch_item *const *item, size_t count)
{
	struct pg_array package, algorithm, bytes, chunks;

	pg_array_init(&package, s->arena, PG_INT8, count);
	pg_array_init(&algorithm, s->arena, PG_INT2, count);
	pg_array_init(&bytes, s->arena, PG_BYTEA, count);
	pg_array_init(&chunks, s->arena, PG_BOOL, count);
	for (size_t i = 0; i < count; i++) {
		const struct blob_lookup *l = (const struct blob_lookup *)item[i];

		pg_array_int8(&package, l->package_id);
		pg_array_int2(&algorithm, l->digest->algorithm);
		pg_array_bytes(&bytes, l->digest->bytes, digest_size(l->digest->algorithm));
		pg_array_bool(&chunks, l->with_chunks);
	}
	pg_bind_array(s, &package);
	pg_bind_array(s, &algorithm);
	pg_bind_array(s, &bytes);
	pg_bind_array(s, &chunks);
}

static struct chunk_list *list_room(struct blob_lookup *l, size_t count)
{
	size_t size = sizeof(struct chunk_list) + count * sizeof(struct chunk_ref);

	if (l->open)
		return arena_alloc(l->arena, size);
	return cache_add(l->db->chunk_cache, l->arena, &l->out->gen, sizeof(l->out->gen), size);
}

/* A list in the cache; NULL when it does not add up to the blob's size. */
static const struct chunk_list *list_make(struct blob_lookup *l, struct slice raw)
{
	const unsigned char *p = (const unsigned char *)raw.data;
	size_t count = raw.len / CHUNK_BYTES;
	struct chunk_list *list;
	uint64_t offset = 0;

	if (raw.len % CHUNK_BYTES != 0 || count > UPLOAD_CHUNKS_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++)
		offset += (uint64_t)p[i * CHUNK_BYTES] << 24 | p[i * CHUNK_BYTES + 1] << 16 |
			  p[i * CHUNK_BYTES + 2] << 8 | p[i * CHUNK_BYTES + 3];
	if (offset != l->out->size)
		return NULL;
	list = list_room(l, count);
	list->gen = l->out->gen;
	list->size = offset;
	list->count = (uint32_t)count;
	offset = 0;
	for (size_t i = 0; i < count; i++, p += CHUNK_BYTES) {
		struct chunk_ref *c = &list->chunk[i];

		c->len = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
		memcpy(c->digest, p + 4, SHA256_BYTES);
		c->offset = offset;
		offset += c->len;
	}
	return list;
}

static int take_find(struct batch_item *item, struct pg_rows *r, int row)
{
	struct blob_lookup *l = (struct blob_lookup *)item;

	l->out->gen = pg_int(r, row, 1);
	l->out->size = (uint64_t)pg_int(r, row, 2);
	l->out->lost = pg_bool(r, row, 3);
	if (!l->with_chunks || r->error != 0)
		return r->error;
	l->out->chunks = cache_find(l->db->chunk_cache, l->arena, &l->out->gen,
				    sizeof(l->out->gen), NULL);
	if (l->out->chunks == NULL && (!pg_null(r, row, 4) || l->out->size == 0))
		l->out->chunks = list_make(l, pg_bytes(r, row, 4));
	return r->error;
}

const struct batch_kind lookup_blob_kind = {
	.what = "where a blob is",
	.sql = "SELECT ord, gen, size, lost, chunks FROM find_blob($1, $2, $3, $4)",
	.max = 256,
	.bind = bind_find,
	.take = take_find,
};

static void bind_chunks(struct pg_stmt *s, struct batch_item *const *item, size_t count)
{
	struct pg_array gens;

	pg_array_init(&gens, s->arena, PG_INT8, count);
	for (size_t i = 0; i < count; i++)
		pg_array_int8(&gens, ((const struct blob_lookup *)item[i])->out->gen);
	pg_bind_array(s, &gens);
}

static int take_chunks(struct batch_item *item, struct pg_rows *r, int row)
{
	struct blob_lookup *l = (struct blob_lookup *)item;
	struct slice raw = pg_bytes(r, row, 1);

	if (r->error == 0)
		l->out->chunks = list_make(l, raw);
	return r->error;
}

const struct batch_kind lookup_chunks_kind = {
	.what = "the chunks of a blob",
	.sql = "SELECT ord, chunks FROM find_chunks($1)",
	.max = 4, /* each may be megabytes */
	.bind = bind_chunks,
	.take = take_chunks,
};

static int await_once(struct metadb *db, struct blob_lookup *l)
{
	int rc = await_batch(db->blob, &l->item);

	if (rc == 0 && l->with_chunks && l->out->chunks == NULL)
		rc = await_batch(db->chunks, &l->item);
	return rc;
}

int await_blob_find(struct metadb *db, struct arena *a, int64_t package_id,
		    const struct digest *d, bool with_chunks, struct blob_info *out)
{
	struct blob_lookup l = {
		.db = db,
		.arena = a,
		.package_id = package_id,
		.digest = d,
		.with_chunks = with_chunks,
		.out = out,
	};
	char text[DIGEST_TEXT_MAX];

	/* Twice: between its two statements a lost blob may have been healed and its old
	 * instance purged. */
	for (int i = 0; i < 2; i++) {
		int rc;

		memset(out, 0, sizeof(*out));
		out->digest = *d;
		rc = await_once(db, &l);
		if (rc < 0 || !with_chunks || out->chunks != NULL)
			return rc;
	}
	log_error("chunks do not add up to their blob", "digest=%s gen=%lld size=%llu",
		  digest_text(d, text), (long long)out->gen, (unsigned long long)out->size);
	return ERR_CORRUPT;
}

int await_upload_chunks(struct metadb *db, struct arena *a, const struct upload *u,
			const struct chunk_list **out)
{
	struct blob_info info = {.gen = u->gen, .size = u->size};
	struct blob_lookup l = {.db = db, .arena = a, .open = true, .out = &info};
	int rc = await_batch(db->chunks, &l.item);

	*out = info.chunks;
	if (rc == 0 && info.chunks == NULL)
		rc = ERR_CONFLICT; /* chunks were added since the row was read */
	return rc;
}
