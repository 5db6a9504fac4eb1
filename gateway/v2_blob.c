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
#include "gateway/blob_read.h"
#include "gateway/handlers.h"
#include "gateway/range.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/blobs.h"
#include "metadb/map_watch.h"
#include "proto/base/log.h"

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

/*
 * No copy could be read. A row that is gone meanwhile explains it (a deletion overtook a long
 * read); otherwise bytes that must be there are not, now: never a 404.
 */
static int await_explain(struct request *rq, const struct digest *d,
			 const struct wire_pair *chunk, int rc)
{
	struct digest missing = {.algorithm = DIGEST_SHA256};
	struct blob_info again;

	if (rc != ERR_NOT_FOUND && rc != ERR_UNAVAILABLE && rc != -ETIMEDOUT)
		return give_up(rq, rc, "reading the blob from storage");
	map_watch_poke(rq->worker->map);
	if (await_blob_find(rq->worker->metadb, rq->arena, rq->package_id, d, false, &again) ==
	    ERR_NOT_FOUND)
		return refuse(rq, BLOB_UNKNOWN, NULL);
	if (chunk != NULL)
		memcpy(missing.bytes, chunk->digest, sizeof(chunk->digest));
	log_error("blob unreadable", "digest=%s chunk=%s gen=%llu why=\"%s\"",
		  digest_str(rq->arena, d),
		  chunk == NULL ? "unknown" : digest_str(rq->arena, &missing),
		  chunk == NULL ? 0ULL : (unsigned long long)chunk->gen, err_text(rc));
	return give_up(rq, ERR_UNAVAILABLE, "reading the blob from storage");
}

/* Send what the reader brings, beginning with `piece`, which it has brought already. */
static int await_pieces(struct request *rq, const struct digest *d, struct store_reader *r,
			struct store_bytes piece)
{
	int rc;

	do {
		rc = await_send(rq, piece.buf->data + piece.offset, piece.len);
		buf_unref(piece.buf);
		if (rc < 0)
			return give_up(rq, rc, "sending the blob");
		rc = await_store_read(r, &piece);
	} while (rc == 0 && piece.len > 0);
	return rc < 0 ? await_explain(rq, d, store_reader_failed(r), rc) : rq->answer.status;
}

/* The answer begins when its first bytes are there: until then it may still be a 503. */
static int await_stream(struct request *rq, const struct digest *d,
			const struct blob_info *blob, enum range_kind kind,
			const struct byte_range *range)
{
	uint64_t length = (uint64_t)(range->last - range->first + 1);
	struct store_bytes piece;
	struct store_reader *r;
	int status;

	r = blob_read_start(rq, blob->chunks, (uint64_t)range->first, length);
	status = await_store_read(r, &piece);
	if (status < 0) {
		status = await_explain(rq, d, store_reader_failed(r), status);
		goto out;
	}
	describe(rq, d);
	if (kind == RANGE_PART)
		reply_header(rq, "Content-Range", "bytes %lld-%lld/%lld",
			     (long long)range->first, (long long)range->last,
			     (long long)blob->size);
	reply_start(rq, kind == RANGE_PART ? 206 : 200, octets, (int64_t)length);
	status = await_pieces(rq, d, r, piece);
out:
	store_reader_end(r);
	return status;
}

static int await_get(struct request *rq, const struct digest *d, const struct blob_info *blob)
{
	const char *text = request_header(rq, "Range");
	struct byte_range range = {0};
	enum range_kind kind = RANGE_WHOLE;

	if (text != NULL)
		kind = range_parse(text, strlen(text), (int64_t)blob->size, &range);
	if (kind == RANGE_UNSATISFIABLE) {
		reply_header(rq, "Content-Range", "bytes */%lld", (long long)blob->size);
		return refuse(rq, RANGE_INVALID, NULL);
	}
	if (kind == RANGE_WHOLE)
		range = (struct byte_range){0, (int64_t)blob->size - 1};
	if (blob->size > 0)
		return await_stream(rq, d, blob, kind, &range);
	describe(rq, d);
	return reply_bytes(rq, 200, octets, "", 0);
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
