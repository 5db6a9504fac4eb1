/*
 * Storing a manifest is one call of manifest_store() in schema/0107. Its digests go sorted and
 * without repetition: rows are locked in that order, and what is missing comes back as
 * positions.
 */
#include "metadb/manifests.h"

#include <stdlib.h>
#include <string.h>

#include "metadb/metadb_private.h"

struct digest_set {
	struct digest *digest;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return digest_compare(a, b);
}

static struct digest_set sorted(struct arena *a, const struct digest *d, size_t count)
{
	struct digest_set set = {arena_alloc(a, count * sizeof(*d)), 0};

	if (count == 0)
		return set;
	memcpy(set.digest, d, count * sizeof(*d));
	qsort(set.digest, count, sizeof(*d), compare);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !digest_equal(&set.digest[i], &set.digest[set.count - 1]))
			set.digest[set.count++] = set.digest[i];
	return set;
}

static int compare_told(const void *a, const void *b)
{
	const struct manifest_told *x = a, *y = b;

	return digest_compare(&x->digest, &y->digest);
}

/* Mostly there are none, and an array that is NULL costs nothing. */
static void bind_set(struct pg_stmt *s, const struct digest *d, size_t count)
{
	if (count == 0) {
		pg_bind_null(s, PG_INT2S);
		pg_bind_null(s, PG_BYTEAS);
		return;
	}
	pg_bind_digests(s, d, count);
}

/* Digests and platforms, sorted; the first that was said of a manifest. */
static void bind_told(struct pg_stmt *s, const struct manifest_new *m)
{
	size_t size = m->told_count * sizeof(*m->told), n = 0;
	struct manifest_told *told = arena_alloc(s->arena, size + 1);
	struct digest *digest = arena_alloc(s->arena, (m->told_count + 1) * sizeof(*digest));
	struct pg_array platforms;

	if (size > 0)
		memcpy(told, m->told, size);
	qsort(told, m->told_count, sizeof(*told), compare_told);
	pg_array_init(&platforms, s->arena, PG_TEXT, m->told_count);
	for (size_t i = 0; i < m->told_count; i++) {
		if (n > 0 && digest_equal(&digest[n - 1], &told[i].digest))
			continue;
		digest[n++] = told[i].digest;
		pg_array_text(&platforms, told[i].platform);
	}
	bind_set(s, digest, n);
	if (n == 0)
		pg_bind_null(s, PG_TEXTS);
	else
		pg_bind_array(s, &platforms);
}

static void bind_put(struct pg_stmt *s, const struct actor *who, const struct manifest_new *m,
		     const struct digest_set *blobs, const struct digest_set *children,
		     const struct digest_set *images)
{
	struct pg_array tags;

	pg_bind_actor(s, who);
	pg_bind_int8(s, m->target.namespace_id);
	pg_bind_text(s, m->target.name);
	pg_bind_int8(s, m->target.package_id);
	pg_bind_bool(s, m->target.published);
	pg_bind_digest(s, &m->digest);
	pg_bind_int2(s, m->kind);
	pg_bind_text(s, m->media_type);
	pg_bind_text(s, m->artifact_type);
	pg_bind_digest(s, m->config);
	pg_bind_digest(s, m->subject);
	pg_bind_text(s, m->annotations);
	pg_bind_bytes(s, m->bytes.data, m->bytes.len);
	bind_set(s, blobs->digest, blobs->count);
	bind_set(s, children->digest, children->count);
	pg_array_init(&tags, s->arena, PG_TEXT, m->tags_count);
	for (size_t i = 0; i < m->tags_count; i++)
		pg_array_text(&tags, m->tags[i]);
	pg_bind_array(s, &tags);
	pg_bind_text(s, m->labels);
	pg_bind_text(s, m->source);
	pg_bind_text(s, m->own_source);
	pg_bind_int2(s, (int)m->pusher_role);
	bind_set(s, images->digest, images->count);
	pg_bind_text(s, m->layer_type);
	pg_bind_text(s, m->platform);
	bind_told(s, m);
}

/* A record: status, manifest_id, package_id, created, published, absent_blobs, absent_children
 */
#define PUT_CALL                                                                      \
	"manifest_store(" ACTOR_SQL ", $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, " \
	"$15, $16, $17, $18::jsonb, $19, $20, $21, $22, $23, $24, $25::jsonb, $26, "  \
	"$27, $28, $29, $30, $31, $32, $33, $34, $35)"

static void put_whole(struct pg_tx *tx, const struct actor *who, const struct manifest_new *m,
		      const struct digest_set *blobs, const struct digest_set *children,
		      const struct digest_set *images)
{
	struct pg_stmt *s = pg_tx_add(
		tx, m->target.proof == NULL
			    ? "SELECT " PUT_CALL
			    : "SELECT CASE WHEN " RIGHTS_HOLD("$36", "$37", "$38",
							      "$39") " THEN " PUT_CALL " END");

	bind_put(s, who, m, blobs, children, images);
	if (m->target.proof != NULL)
		rights_bind(tx, s, m->target.proof);
}

/* Stored without children, which follow (schema/0094). */
static void put_sparse(struct pg_tx *tx, const struct actor *who, const struct manifest_new *m,
		       const struct digest_set *blobs, const struct digest_set *children,
		       const struct digest_set *images)
{
	const struct digest_set none = {NULL, 0};
	struct pg_stmt *s =
		pg_tx_add(tx, "SELECT p, index_children(p.manifest_id, p.package_id, $36, $37) "
			      "FROM " PUT_CALL " AS p");

	bind_put(s, who, m, blobs, &none, images);
	pg_bind_digests(s, children->digest, children->count);
}

/* Positions (from 1) in a set → the digests there. */
static size_t pick(struct pg_rows *r, int column, struct arena *a, const struct digest_set *set,
		   const struct digest **out)
{
	int64_t *position;
	size_t count = pg_int8s(r, 0, column, a, &position);
	struct digest *picked = arena_alloc(a, (count + 1) * sizeof(*picked));

	for (size_t i = 0; i < count; i++) {
		if (position[i] < 1 || position[i] > (int64_t)set->count) {
			r->error = ERR_PROTOCOL;
			return 0;
		}
		picked[i] = set->digest[position[i] - 1];
	}
	*out = picked;
	return count;
}

int await_manifest_put(struct metadb *db, struct arena *a, const struct actor *who,
		       const struct manifest_new *m, struct manifest_put *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_WRITE);
	struct digest_set blobs;
	struct digest_set children;
	struct digest_set images;
	struct pg_record room;
	struct pg_rows r;
	int64_t status;
	int rc;

	memset(out, 0, sizeof(*out));
	if (m->blobs_count + m->children_count > MANIFEST_REFERENCES_MAX ||
	    m->images_count > MANIFEST_IMAGES_MAX)
		return ERR_LIMIT;
	/* Its statement, which is rare, brings no proof. */
	if (m->sparse && m->children_count > 0 && m->target.proof != NULL)
		return ERR_STALE_RIGHTS;
	blobs = sorted(a, m->blobs, m->blobs_count);
	children = sorted(a, m->children, m->children_count);
	images = sorted(a, m->images, m->images_count);
	if (m->sparse && children.count > 0)
		put_sparse(tx, who, m, &blobs, &children, &images);
	else
		put_whole(tx, who, m, &blobs, &children, &images);
	rc = await_pg_tx(tx);
	if (rc < 0)
		return rc;
	if (m->target.proof != NULL && pg_null(pg_tx_rows(tx, 0), 0, 0))
		return ERR_STALE_RIGHTS;
	r = pg_record_open(pg_tx_rows(tx, 0), 0, 0, &room);
	status = pg_int(&r, 0, 0);
	out->manifest_id = pg_int(&r, 0, 1);
	out->package_id = pg_int(&r, 0, 2);
	out->created = pg_bool(&r, 0, 3);
	out->published = pg_bool(&r, 0, 4);
	out->missing_blobs_count = pick(&r, 5, a, &blobs, &out->missing_blobs);
	out->missing_children_count = pick(&r, 6, a, &children, &out->missing_children);
	if (r.error < 0)
		return r.error;
	return status == 0 ? 0 : ERR_NOT_FOUND;
}

int await_tags_list(struct metadb *db, struct arena *a, int64_t package_id, const char *last,
		    size_t limit, struct name_list *out)
{
	struct pg_tx *tx = pg_tx_new(db, a, PG_READ);
	struct pg_stmt *s = pg_tx_add(tx, "SELECT name FROM list_tags($1, $2, $3) AS name");

	pg_bind_int8(s, package_id);
	pg_bind_text(s, last == NULL ? "" : last);
	pg_bind_int8(s, (int64_t)limit + 1);
	return await_name_list(tx, a, limit, out);
}
