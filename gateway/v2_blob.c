/*
 * GET and HEAD /v2/{name}/blobs/{digest}: the row says whether and where, storage gives the
 * bytes.
 *
 * The right to read comes from the package's link to the digest, asked for at every request. A
 * writer who asks is promised that the blob stays long enough for his manifest
 * (metadb/blobs.h).
 */
#include <string.h>

#include "gateway/auth.h"
#include "gateway/handlers.h"
#include "gateway/range.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/blobs.h"
#include "metadb/map_watch.h"
#include "proto/base/log.h"
#include "storage/client/reader.h"

static const char octets[] = "application/octet-stream";

/* The blob's row, with chunks for GET, with the promise for a writer's HEAD. */
static int await_row(struct request *rq, const struct digest *d, struct blob_info *out)
{
	struct metadb *db = rq->worker->metadb;
	bool get = request_is(rq, METHOD_GET);

	if (!get && auth_may(rq, ACTION_PUSH))
		return await_blob_promise(db, rq->package_id, d, out);
	return await_blob_find(db, rq->arena, rq->package_id, d, get, out);
}

static void describe(struct request *rq, const struct digest *d)
{
	const char *text = digest_str(rq->arena, d);

	reply_header(rq, "Docker-Content-Digest", "%s", text);
	reply_header(rq, "ETag", "\"%s\"", text);
	reply_header(rq, "Accept-Ranges", "bytes");
}

/* Storage knows chunks by digest, gen and length. */
static struct wire_pair *pairs_of(struct arena *a, const struct chunk_list *list)
{
	struct wire_pair *pairs = arena_alloc(a, (list->count + 1) * sizeof(*pairs));

	for (uint32_t i = 0; i < list->count; i++) {
		memcpy(pairs[i].digest, list->chunk[i].digest, sizeof(pairs[i].digest));
		pairs[i].gen = (uint64_t)list->gen;
		pairs[i].len = list->chunk[i].len;
	}
	return pairs;
}

static int await_stream(struct request *rq, const struct chunk_list *list, uint64_t offset,
			uint64_t length)
{
	struct store_bytes piece;
	struct store_reader *r;
	int rc;

	r = store_reader_start(rq->worker->store, pairs_of(rq->arena, list), list->count,
			       offset, length, rq->worker->set->gateway_storage_timeout);
	while ((rc = await_store_read(r, &piece)) == 0 && piece.len > 0) {
		rc = await_send(rq, piece.buf->data + piece.offset, piece.len);
		buf_unref(piece.buf);
		if (rc < 0)
			break;
	}
	store_reader_end(r);
	return rc;
}

/*
 * No copy could be read. A row that is gone meanwhile explains it (a deletion overtook a long
 * read); otherwise bytes that must be there are not, now: never a 404.
 */
static int await_explain(struct request *rq, const struct digest *d, int rc)
{
	struct blob_info again;

	if (rc != ERR_NOT_FOUND && rc != ERR_UNAVAILABLE && rc != -ETIMEDOUT)
		return give_up(rq, rc, "sending the blob");
	map_watch_poke(rq->worker->map);
	if (await_blob_find(rq->worker->metadb, rq->arena, rq->package_id, d, false, &again) ==
		    ERR_NOT_FOUND &&
	    !rq->answer.started)
		return refuse(rq, BLOB_UNKNOWN, NULL);
	log_error("blob unreadable", "digest=%s why=\"%s\"", digest_str(rq->arena, d),
		  err_text(rc));
	return give_up(rq, ERR_UNAVAILABLE, "reading the blob from storage");
}

static int await_get(struct request *rq, const struct digest *d, const struct blob_info *blob)
{
	const char *text = request_header(rq, "Range");
	struct byte_range range = {0, (int64_t)blob->size - 1};
	enum range_kind kind = RANGE_WHOLE;
	int64_t length;
	int rc;

	if (text != NULL)
		kind = range_parse(text, strlen(text), (int64_t)blob->size, &range);
	if (kind == RANGE_UNSATISFIABLE) {
		reply_header(rq, "Content-Range", "bytes */%lld", (long long)blob->size);
		return refuse(rq, RANGE_INVALID, NULL);
	}
	if (kind == RANGE_WHOLE)
		range = (struct byte_range){0, (int64_t)blob->size - 1};
	describe(rq, d);
	if (blob->size == 0)
		return reply_bytes(rq, 200, octets, "", 0);
	if (kind == RANGE_PART)
		reply_header(rq, "Content-Range", "bytes %lld-%lld/%lld",
			     (long long)range.first, (long long)range.last,
			     (long long)blob->size);
	length = range.last - range.first + 1;
	reply_start(rq, kind == RANGE_PART ? 206 : 200, octets, length);
	rc = await_stream(rq, blob->chunks, (uint64_t)range.first, (uint64_t)length);
	if (rc < 0)
		return await_explain(rq, d, rc);
	return kind == RANGE_PART ? 206 : 200;
}

int v2_blob_get(struct request *rq)
{
	const char *text = request_param(rq, "digest");
	struct blob_info blob;
	struct digest d;
	int rc;

	if (digest_parse(text, strlen(text), &d) < 0)
		return refuse(rq, DIGEST_INVALID, "this is not a digest that is known here");
	rc = await_row(rq, &d, &blob);
	if (rc == ERR_NOT_FOUND)
		return refuse(rq, BLOB_UNKNOWN, NULL);
	if (rc < 0)
		return give_up(rq, rc, "looking up the blob");
	if (blob.lost)
		return give_up(rq, ERR_UNAVAILABLE, "finding a good copy of the blob");
	if (request_is(rq, METHOD_GET))
		return await_get(rq, &d, &blob);
	describe(rq, &d);
	return reply_bytes(rq, 200, octets, "", (size_t)blob.size);
}
