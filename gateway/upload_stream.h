/*
 * The body of an upload's request on its way into storage.
 *
 *   socket → chunk_fill → store_put (R members) → durable on W → row in PostgreSQL
 *
 * Bytes first, rows last: a chunk is recorded only when a write quorum has acknowledged it, in
 * the order of the blob, together with the hash state behind it. So the session always stands
 * at a byte from which any worker of any gateway can go on.
 *
 * Memory: a stream fills one chunk and has at most UPLOAD_FLIGHTS under way. When the process's
 * buffer budget is used up, the stream that needs room cuts the fullest unfinished chunk of the
 * process short, its own or another's, and sends it.
 *
 *   s = upload_stream_new(rq, &upload, algorithm);       released with the request's arena
 *   rc = await_upload_stream_body(s, limit);             until the end of the body
 *   rc = await_upload_stream_record(s)                   PATCH: what was received is in the row
 *   rc = await_upload_stream_commit(s, &digest, &done)   PUT: the blob exists
 *
 * Codes: those of await_body_read(), of storage/client/put.h and metadb/uploads.h, and
 * ERR_LIMIT when the blob would be longer than `limit` or have more than gateway.blob_chunks.
 * After an error of the body or of storage await_upload_stream_record() may still be called: it
 * records what is durable. After -ECANCELED (the client went away while we waited for somebody
 * else) nothing may be called any more: a task of its own then does the same.
 *
 * Reading ends with -ETIMEDOUT, as the client's fault, gateway.upload_timeout after the request
 * began.
 */
#pragma once

#include "gateway/request.h"
#include "metadb/uploads.h"

#define UPLOAD_FLIGHTS 3

struct upload_stream;

/* `u` is the session's row; it is kept up to date and must live as long as the stream. */
struct upload_stream *upload_stream_new(struct request *rq, struct upload *u);
/* The blob's hash state cannot be read any more (ERR_CORRUPT), else 0. Call it first. */
int upload_stream_begin(struct upload_stream *s, enum digest_algorithm algorithm) MUST_CHECK;

/* Read the rest of the body into storage. Bytes may be still under way when it returns. */
int await_upload_stream_body(struct upload_stream *s, uint64_t limit) MUST_CHECK;

/* Record everything that was received, or after an error the durable part of it. */
int await_upload_stream_record(struct upload_stream *s) MUST_CHECK;

/*
 * Record the rest and turn the session into the blob `digest`. ERR_BAD_DIGEST: the bytes have
 * another one, which is in *actual.
 */
int await_upload_stream_commit(struct upload_stream *s, const struct digest *digest,
			       struct digest *actual, struct upload_commit *done) MUST_CHECK;

/* Are there any, those of lost clients included? The worker must not stop before. */
bool upload_streams_open(void);

/* Bytes of the blob received so far, recorded or not. */
uint64_t upload_stream_size(const struct upload_stream *s);
