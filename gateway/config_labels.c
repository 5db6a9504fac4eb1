/*
 * One lookup and one read more for each manifest of an image. A config is one chunk, mostly
 * pushed a moment ago, and a few KiB. An image is often pushed under several tags, so those
 * that were read last are kept: a digest's bytes never change, and whether the package has them
 * is asked when the manifest is recorded, which comes before anything of them is shown.
 */
#include "gateway/config_labels.h"

#include <string.h>

#include "gateway/blob_read.h"
#include "gateway/worker.h"
#include "metadb/cache.h"
#include "metadb/lookups.h"
#include "proto/base/buf.h"
#include "proto/base/log.h"

/* The longest wait for a piece: whoever pushes while storage is slow waits no longer than this.
 */
#define CONFIG_WAIT_MS 2000
/* Of what is kept, one: an eighth of gateway/worker.c's CONFIG_CACHE. */
#define CONFIG_KEPT_MAX ((size_t)128 * 1024)

/* Memory for a config, of the one budget. */
struct room {
	struct buf_pool *pool;
	size_t bytes;
};

static void give_back(void *arg)
{
	struct room *room = arg;

	buf_unreserve(room->pool, room->bytes);
}

/* Room for its text, in the arena; NULL: there is none now. */
static char *await_room(struct request *rq, size_t bytes)
{
	struct room *room = arena_alloc(rq->arena, sizeof(*room));

	*room = (struct room){rq->worker->bufs, bytes};
	if (await_reserve(room->pool, bytes, CONFIG_WAIT_MS) < 0)
		return NULL;
	arena_defer(rq->arena, give_back, room);
	return arena_alloc(rq->arena, bytes);
}

static int await_text(struct request *rq, const struct chunk_list *list, char *to)
{
	struct store_reader *r =
		blob_read_start_within(rq, list, 0, list->size, CONFIG_WAIT_MS);
	struct store_bytes piece;
	int rc;

	while ((rc = await_store_read(r, &piece)) == 0 && piece.len > 0) {
		memcpy(to, piece.buf->data + piece.offset, piece.len);
		to += piece.len;
		buf_unref(piece.buf);
	}
	store_reader_end(r);
	return rc;
}

/* Kept under its digest, unless it is large, or these are not its bytes. */
static void keep(struct request *rq, const struct digest *d, struct slice text)
{
	unsigned char key[CACHE_KEY_MAX];
	struct digest is;

	digest_of(d->algorithm, text.data, text.len, &is);
	if (text.len <= CONFIG_KEPT_MAX && digest_equal(&is, d))
		memcpy(cache_add(rq->worker->configs, rq->arena, key, cache_digest_key(d, key),
				 text.len),
		       text.data, text.len);
}

/* A config's text. Empty: the package has no such blob, or it is too large to be one. */
static int await_config(struct request *rq, const struct digest *d, struct slice *out)
{
	unsigned char key[CACHE_KEY_MAX];
	struct blob_info blob;
	char *text;
	int rc;

	out->data = cache_find(rq->worker->configs, rq->arena, key, cache_digest_key(d, key),
			       &out->len);
	if (out->data != NULL)
		return 0;
	*out = (struct slice){"", 0};
	rc = await_blob_find(rq->worker->metadb, rq->arena, rq->package_id, d, true, &blob);
	if (rc < 0 || blob.size == 0 || blob.size > LABEL_CONFIG_MAX)
		return 0;
	text = await_room(rq, blob.size);
	rc = text == NULL ? ERR_FULL : await_text(rq, blob.chunks, text);
	if (rc < 0)
		return rc;
	*out = (struct slice){text, blob.size};
	keep(rq, d, *out);
	return 0;
}

void await_config_labels(struct request *rq, const struct manifest *m, struct labels *out,
			 const char **platform)
{
	const struct digest *d = &m->config.digest;
	struct slice text;
	int rc;

	*platform = NULL;
	if (m->kind != MANIFEST_IMAGE || rq->package_id == 0 ||
	    !media_image_config(m->config.media_type))
		return;
	rc = await_config(rq, d, &text);
	if (rc < 0)
		log_info("a config's labels were not read", "digest=%s why=\"%s\"",
			 digest_str(rq->arena, d), err_text(rc));
	else if (text.len > 0)
		labels_add(out, labels_of_config(rq->arena, text.data, text.len, platform));
}
