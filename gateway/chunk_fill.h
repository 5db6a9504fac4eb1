/*
 * The chunk of an upload that is being filled: blocks of payload and their hashes.
 *
 *   block 0        block 1        block 2
 *   [############] [############] [#####..........]     len: bytes received
 *                                    ^ hashed: always a multiple of 64 until the end
 *
 * Bytes are read from the socket straight into the blocks. Two hashes run along: the blob's,
 * over everything since the upload began, and the chunk's own; for the first chunk of a sha256
 * blob they are the same, and one serves both. Because hashing stops at multiples of 64, the
 * chunk can be cut there at any time with a hash state that has no tail: what lies behind the
 * cut (at most 63 bytes) is carried into the next chunk. No I/O; loop thread only (buffers).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/model/digest.h"

#define CHUNK_BLOCKS 16
#define CHUNK_MAX    (CHUNK_BLOCKS * BUF_BLOCK)
#define CHUNK_ALIGN  64

struct chunk_fill {
	struct buf *block[CHUNK_BLOCKS]; /* all but the last are full */
	unsigned count;
	size_t len;
	size_t hashed;
	struct hasher blob;  /* over the blob, as far as `hashed` */
	struct hasher chunk; /* over this chunk; unused while `shared` */
	bool shared;	     /* the chunk begins where the blob does */
	unsigned char carry[CHUNK_ALIGN];
	size_t carried; /* bytes in carry, to stand first in the next block */
};

/* What a chunk is once it is closed; the blocks' references are the receiver's. */
struct chunk_closed {
	struct buf *block[CHUNK_BLOCKS];
	unsigned count;
	uint32_t len; /* > 0 */
	unsigned char sha256[SHA256_BYTES];
	struct hasher blob; /* the blob's hash state at its end */
};

/* `blob` is the state that the upload stands at. */
void chunk_fill_init(struct chunk_fill *f, const struct hasher *blob);
/* Drops what was not closed. */
void chunk_fill_fini(struct chunk_fill *f);

/* Room behind the last byte: its size, 0 when a block is needed (or the chunk is full). */
size_t chunk_fill_room(const struct chunk_fill *f, unsigned char **at);
bool chunk_fill_full(const struct chunk_fill *f);
/* Append an empty block (the reference is taken over); carried bytes move into it. */
void chunk_fill_block(struct chunk_fill *f, struct buf *b);
/* `len` bytes were written to where chunk_fill_room() said. */
void chunk_fill_add(struct chunk_fill *f, size_t len);

/* Bytes received and not yet in a closed chunk. */
size_t chunk_fill_pending(const struct chunk_fill *f);

/* Close with all that is there: false when that is nothing. */
bool chunk_fill_close(struct chunk_fill *f, struct chunk_closed *out);
/* Close at the last multiple of 64 and carry the rest; gives all its blocks back to the budget
 * or to `out`. False: there were less than 64 bytes, only carried. */
bool chunk_fill_cut(struct chunk_fill *f, struct chunk_closed *out);
