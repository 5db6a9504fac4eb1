/*
 * Reading a byte range of a blob: its chunks in order, a few pieces ahead.
 *
 *   r = store_reader_start(c, chunks, count, offset, length, timeout_ms);
 *   while ((rc = await_store_read(r, &piece)) == 0 && piece.len > 0) {
 *           rc = await_body_send(…, piece.buf, piece.offset, piece.len);
 *           …
 *   }
 *   store_reader_end(r);                                            always
 *
 * Every piece is reserved in the buffer pool before it is asked for; a reader keeps up to
 * STORE_READER_WINDOW pieces on their way or waiting to be taken, one when the pool is
 * contended. Bytes come verified (CRC32C of each 64 KiB block), in order, trimmed to the range.
 */
#pragma once

#include "proto/base/task.h"
#include "storage/client/client.h"

#define STORE_READER_WINDOW 4

struct store_reader;

struct store_bytes {
	struct buf *buf; /* a reference that the caller drops with buf_unref() */
	size_t offset;	 /* in buf->data */
	size_t len;	 /* 0: the end was reached, buf is NULL */
};

/*
 * chunks: all of the blob, in order; they must live as long as the reader. The range
 * offset…offset+length lies inside the sum of their lengths (asserted). timeout_ms: the longest
 * wait for a piece.
 */
struct store_reader *store_reader_start(struct store_client *c, const struct wire_pair *chunks,
					size_t count, uint64_t offset, uint64_t length,
					int64_t timeout_ms);

/* Errors are those of storage/client/get.h, and -ECANCELED; after one the reader gives no more.
 */
int await_store_read(struct store_reader *r, struct store_bytes *out) MUST_CHECK;

/* The chunk that await_store_read() failed on; NULL when that was not for want of a copy. */
const struct wire_pair *store_reader_failed(const struct store_reader *r);

void store_reader_end(struct store_reader *r);
