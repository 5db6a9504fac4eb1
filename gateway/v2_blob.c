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
#include "gateway/etag.h"
#include "gateway/handlers.h"
#include "gateway/range.h"
#include "gateway/reply.h"
#include "gateway/worker.h"
#include "metadb/blobs.h"
#include "metadb/map_watch.h"
#include "proto/base/failpoint.h"
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
 * read); otherwise bytes that must be there are not, now: never a 404. An answer that has begun
 * can only be broken off.
 */
static int await_explain(struct request *rq, const struct digest *d,
			 const struct store_reader *r, int rc, bool begun)
{
	const struct wire_pair *chunk = store_reader_failed(r);
	struct digest missing = {.algorithm = DIGEST_SHA256};
	struct blob_info again;

	if (rc != ERR_NOT_FOUND && rc != ERR_UNAVAILABLE && rc != -ETIMEDOUT)
		return give_up(rq, rc, "reading the blob from storage");
	await_failpoint(FP_READ_FAILED);
	map_watch_poke(rq->worker->map);
	if (await_blob_find(rq->worker->metadb, rq->arena, rq->package_id, d, false, &again) ==
	    ERR_NOT_FOUND)
		return begun ? give_up(rq, ERR_NOT_FOUND, "reading the blob from storage")
			     : refuse(rq, BLOB_UNKNOWN, NULL);
	if (chunk != NULL)
		memcpy(missing.bytes, chunk->digest, sizeof(chunk->digest));
	log_error("blob unreadable", "digest=%s chunk=%s gen=%llu why=\"%s\"",
		  digest_str(rq->arena, d),
		  chunk == NULL ? "unknown" : digest_str(rq->arena, &missing),
		  chunk == NULL ? 0ULL : (unsigned long long)chunk->gen, err_text(rc));
	return give_up(rq, ERR_UNAVAILABLE, "reading the blob from storage");
}

/* What an answer consists of: the parts, each with a text before it, and a text at the end. */
struct plan {
	int status;
	const char *type;
	struct range_set set;
	const char *lead[RANGES_MAX];
	const char *tail;
	int64_t length; /* of all of it */
	int64_t size;	/* of the blob */
};

/* Instead of a status: the part was sent, the answer has not ended. */
#define GOES_ON (-1)

/* Send what the reader brings, beginning with `piece`, which it has brought already. */
static int await_pieces(struct request *rq, const struct digest *d, struct store_reader *r,
			const char *lead, struct store_bytes piece)
{
	struct iovec parts[2] = {{(void *)(uintptr_t)lead, strlen(lead)}};
	int rc;

	do {
		bool led = parts[0].iov_len > 0;

		parts[1] = (struct iovec){piece.buf->data + piece.offset, piece.len};
		rc = await_send_parts(rq, led ? parts : parts + 1, led ? 2 : 1);
		parts[0].iov_len = 0;
		buf_unref(piece.buf);
		if (rc < 0)
			return give_up(rq, rc, "sending the blob");
		rc = await_store_read(r, &piece);
	} while (rc == 0 && piece.len > 0);
	return rc < 0 ? await_explain(rq, d, r, rc, true) : GOES_ON;
}

static void start(struct request *rq, const struct digest *d, const struct plan *p)
{
	const struct byte_range *range = &p->set.part[0];

	describe(rq, d);
	if (p->status == 206 && p->set.count == 1)
		reply_header(rq, "Content-Range", "bytes %lld-%lld/%lld",
			     (long long)range->first, (long long)range->last,
			     (long long)p->size);
	reply_start(rq, p->status, p->type, p->length);
}

/*
 * Part i: GOES_ON, or the status of an answer that has ended. The answer begins when its first
 * bytes are there: until then it may still be a 503.
 */
static int await_part(struct request *rq, const struct digest *d, const struct blob_info *blob,
		      const struct plan *p, unsigned i)
{
	const struct byte_range *range = &p->set.part[i];
	struct store_bytes piece;
	struct store_reader *r;
	int rc;

	r = blob_read_start(rq, blob->chunks, (uint64_t)range->first,
			    (uint64_t)(range->last - range->first + 1));
	rc = await_store_read(r, &piece);
	if (rc == 0 && i == 0)
		start(rq, d, p);
	if (rc == 0)
		rc = await_pieces(rq, d, r, p->lead[i], piece);
	else
		rc = await_explain(rq, d, r, rc, i > 0);
	store_reader_end(r);
	return rc;
}

static int await_parts(struct request *rq, const struct digest *d, const struct blob_info *blob,
		       const struct plan *p)
{
	for (unsigned i = 0; i < p->set.count; i++) {
		int status = await_part(rq, d, blob, p, i);

		if (status != GOES_ON)
			return status;
	}
	if (*p->tail != '\0') {
		int rc = await_send(rq, p->tail, strlen(p->tail));

		if (rc < 0)
			return give_up(rq, rc, "sending the blob");
	}
	return p->status;
}

/* multipart/byteranges (RFC 9110 §14.6). The boundary is as unforeseeable as the request's id.
 */
static void plan_multipart(struct request *rq, struct plan *p)
{
	p->type = arena_printf(rq->arena, "multipart/byteranges; boundary=%s", rq->id);
	for (unsigned i = 0; i < p->set.count; i++) {
		const struct byte_range *r = &p->set.part[i];

		p->lead[i] = arena_printf(rq->arena,
					  "\r\n--%s\r\nContent-Type: %s\r\n"
					  "Content-Range: bytes %lld-%lld/%lld\r\n\r\n",
					  rq->id, octets, (long long)r->first,
					  (long long)r->last, (long long)p->size);
		p->length += (int64_t)strlen(p->lead[i]) + r->last - r->first + 1;
	}
	p->tail = arena_printf(rq->arena, "\r\n--%s--\r\n", rq->id);
	p->length += (int64_t)strlen(p->tail);
}

/* Range counts for GET only (RFC 9110 §14.2), and with If-Range only for these very bytes. */
static enum range_kind read_ranges(struct request *rq, const struct digest *d, int64_t size,
				   struct range_set *out)
{
	const char *text = request_header(rq, "Range");
	const char *only = request_header(rq, "If-Range");

	if (text == NULL || (only != NULL && !etag_is(only, digest_str(rq->arena, d))))
		return RANGE_WHOLE;
	return range_parse(text, strlen(text), size, out);
}

static int await_get(struct request *rq, const struct digest *d, const struct blob_info *blob)
{
	int64_t size = (int64_t)blob->size;
	struct plan p = {.type = octets, .lead = {""}, .tail = "", .size = size};
	enum range_kind kind = read_ranges(rq, d, size, &p.set);

	if (kind == RANGE_UNSATISFIABLE) {
		reply_header(rq, "Content-Range", "bytes */%lld", (long long)size);
		return refuse(rq, RANGE_INVALID, NULL);
	}
	if (size == 0) {
		describe(rq, d);
		return reply_bytes(rq, 200, octets, "", 0);
	}
	if (kind == RANGE_WHOLE)
		p.set = (struct range_set){1, {{0, size - 1}}};
	p.status = kind == RANGE_PART ? 206 : 200;
	if (p.set.count > 1) {
		plan_multipart(rq, &p);
		return await_parts(rq, d, blob, &p);
	}
	p.length = p.set.part[0].last - p.set.part[0].first + 1;
	return await_parts(rq, d, blob, &p);
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
	if (etag_listed(request_header(rq, "If-None-Match"), digest_str(rq->arena, &d))) {
		describe(rq, &d);
		return reply(rq, 304);
	}
	await_failpoint(FP_READ_ROW);
	if (request_is(rq, METHOD_GET))
		return await_get(rq, &d, &blob);
	describe(rq, &d);
	return reply_bytes(rq, 200, octets, "", (size_t)blob.size);
}
