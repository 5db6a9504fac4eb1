/*
 * Tag or digest → manifest, and the bytes of a manifest.
 *
 * What a tag points to and whether a package has a digest is asked each time. The bytes under a
 * digest cannot change: they are cached by digest, for all packages together, and only handed
 * out to a caller who came with a row of his package.
 */
#include <string.h>

#include "metadb/lookups.h"
#include "metadb/metadb_private.h"

struct manifest_lookup {
	struct batch_item item;
	struct arena *arena;
	int64_t package_id;
	const struct reference *ref;
	struct manifest_info *out;
};

static void bind_find(struct pg_stmt *s, struct batch_item *const *item, size_t count)
{
	struct pg_array package, tag, algorithm, bytes;

	pg_array_init(&package, s->arena, PG_INT8, count);
	pg_array_init(&tag, s->arena, PG_TEXT, count * 2);
	pg_array_init(&algorithm, s->arena, PG_INT2, count);
	pg_array_init(&bytes, s->arena, PG_BYTEA, count);
	for (size_t i = 0; i < count; i++) {
		const struct manifest_lookup *l = (const struct manifest_lookup *)item[i];
		const struct digest *d = &l->ref->digest;

		pg_array_int8(&package, l->package_id);
		if (l->ref->is_digest) {
			pg_array_null(&tag);
			pg_array_int2(&algorithm, d->algorithm);
			pg_array_bytes(&bytes, d->bytes, digest_size(d->algorithm));
		} else {
			pg_array_text(&tag, l->ref->tag);
			pg_array_null(&algorithm);
			pg_array_null(&bytes);
		}
	}
	pg_bind_array(s, &package);
	pg_bind_array(s, &tag);
	pg_bind_array(s, &algorithm);
	pg_bind_array(s, &bytes);
}

static int take_find(struct batch_item *item, struct pg_rows *r, int row)
{
	struct manifest_lookup *l = (struct manifest_lookup *)item;
	struct manifest_info *out = l->out;

	out->id = pg_int(r, row, 1);
	out->package_id = l->package_id;
	pg_digest(r, row, 2, &out->digest);
	out->kind = (enum manifest_kind)pg_int(r, row, 4);
	out->media_type = arena_strdup(l->arena, pg_text(r, row, 5));
	out->size = (size_t)pg_int(r, row, 6);
	return 0;
}

const struct batch_kind lookup_manifest_kind = {
	.what = "which manifest it is",
	.sql = "SELECT ord, id, algorithm, digest, kind, media_type, size "
	       "FROM find_manifest($1, $2, $3, $4)",
	.max = 256,
	.bind = bind_find,
	.take = take_find,
};

int await_manifest_find(struct metadb *db, struct arena *a, int64_t package_id,
			const struct reference *ref, struct manifest_info *out)
{
	struct manifest_lookup l = {
		.arena = a,
		.package_id = package_id,
		.ref = ref,
		.out = out,
	};

	memset(out, 0, sizeof(*out));
	return await_batch(db->manifest, &l.item);
}

struct bytes_lookup {
	struct batch_item item;
	struct metadb *db;
	struct arena *arena;
	const struct manifest_info *manifest;
	struct slice *out;
};

static void bind_bytes(struct pg_stmt *s, struct batch_item *const *item, size_t count)
{
	struct pg_array ids;

	pg_array_init(&ids, s->arena, PG_INT8, count);
	for (size_t i = 0; i < count; i++)
		pg_array_int8(&ids, ((const struct bytes_lookup *)item[i])->manifest->id);
	pg_bind_array(s, &ids);
}

static int take_bytes(struct batch_item *item, struct pg_rows *r, int row)
{
	struct bytes_lookup *l = (struct bytes_lookup *)item;
	struct slice bytes = pg_bytes(r, row, 1);
	unsigned char key[CACHE_KEY_MAX];
	size_t key_len = cache_digest_key(&l->manifest->digest, key);
	char *copy;

	if (r->error != 0)
		return r->error;
	if (bytes.len != l->manifest->size)
		return ERR_CORRUPT;
	copy = cache_add(l->db->manifest_cache, l->arena, key, key_len, bytes.len);
	memcpy(copy, bytes.data, bytes.len);
	*l->out = (struct slice){copy, bytes.len};
	return 0;
}

const struct batch_kind lookup_manifest_bytes_kind = {
	.what = "the bytes of a manifest",
	.sql = "SELECT ord, bytes FROM find_manifest_bytes($1)",
	.max = 16, /* each may be megabytes */
	.bind = bind_bytes,
	.take = take_bytes,
};

int await_manifest_bytes(struct metadb *db, struct arena *a, const struct manifest_info *m,
			 struct slice *out)
{
	struct bytes_lookup l = {.db = db, .arena = a, .manifest = m, .out = out};
	unsigned char key[CACHE_KEY_MAX];
	size_t key_len = cache_digest_key(&m->digest, key);

	out->data = cache_find(db->manifest_cache, a, key, key_len, &out->len);
	if (out->data != NULL)
		return 0;
	return await_batch(db->manifest_bytes, &l.item);
}
