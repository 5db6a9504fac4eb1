/* Filling, hashing and cutting; the drawing is in the header. */
#include "gateway/chunk_fill.h"

#include <string.h>

static void begin_chunk(struct chunk_fill *f)
{
	f->count = 0;
	f->len = 0;
	f->hashed = 0;
	f->shared = f->blob.algorithm == DIGEST_SHA256 && f->blob.total == 0;
	hasher_init(&f->chunk, DIGEST_SHA256);
}

void chunk_fill_init(struct chunk_fill *f, const struct hasher *blob)
{
	memset(f, 0, sizeof(*f));
	f->blob = *blob;
	begin_chunk(f);
}

void chunk_fill_fini(struct chunk_fill *f)
{
	for (unsigned i = 0; i < f->count; i++)
		buf_unref(f->block[i]);
	begin_chunk(f);
	f->carried = 0;
}

bool chunk_fill_full(const struct chunk_fill *f)
{
	return f->len == CHUNK_MAX;
}

size_t chunk_fill_room(const struct chunk_fill *f, unsigned char **at)
{
	struct buf *b = f->count > 0 ? f->block[f->count - 1] : NULL;

	if (b == NULL || b->len == b->capacity)
		return 0;
	*at = b->data + b->len;
	return b->capacity - b->len;
}

void chunk_fill_block(struct chunk_fill *f, struct buf *b)
{
	assert(f->count < CHUNK_BLOCKS && b->len == 0 && b->capacity >= f->carried);
	assert(f->count == 0 || f->block[f->count - 1]->len == BUF_BLOCK);
	f->block[f->count++] = b;
	if (f->carried > 0) {
		size_t n = f->carried;

		memcpy(b->data, f->carry, n);
		f->carried = 0;
		chunk_fill_add(f, n);
	}
}

/* A last block without bytes (taken for bytes that were cut, or never came) goes back. */
static void drop_empty_block(struct chunk_fill *f)
{
	if (f->count > 0 && f->block[f->count - 1]->len == 0)
		buf_unref(f->block[--f->count]);
}

/* Hash up to `end`, which lies in the last block or right behind it. */
static void hash_to(struct chunk_fill *f, size_t end)
{
	struct buf *b = f->block[f->count - 1];
	const unsigned char *from = b->data + (f->hashed - (f->len - b->len));
	size_t n = end - f->hashed;

	if (f->shared)
		hasher_add(&f->blob, from, n);
	else
		hasher_add_both(&f->blob, &f->chunk, from, n);
	f->hashed = end;
}

void chunk_fill_add(struct chunk_fill *f, size_t len)
{
	struct buf *b = f->block[f->count - 1];

	assert(b->len + len <= b->capacity);
	b->len += len;
	f->len += len;
	hash_to(f, f->len / CHUNK_ALIGN * CHUNK_ALIGN);
}

size_t chunk_fill_pending(const struct chunk_fill *f)
{
	return f->len + f->carried;
}

/* All bytes are hashed: hand the blocks over and begin the next chunk. */
static void hand_over(struct chunk_fill *f, struct chunk_closed *out)
{
	struct digest d;

	assert(f->hashed == f->len);
	memcpy(out->block, f->block, sizeof(out->block));
	out->count = f->count;
	out->len = (uint32_t)f->len;
	hasher_digest(f->shared ? &f->blob : &f->chunk, &d);
	memcpy(out->sha256, d.bytes, SHA256_BYTES);
	out->blob = f->blob;
	begin_chunk(f);
}

bool chunk_fill_close(struct chunk_fill *f, struct chunk_closed *out)
{
	assert(f->carried == 0);
	drop_empty_block(f);
	if (f->len == 0)
		return false;
	hash_to(f, f->len);
	hand_over(f, out);
	return true;
}

bool chunk_fill_cut(struct chunk_fill *f, struct chunk_closed *out)
{
	size_t rest = f->len % CHUNK_ALIGN;
	struct buf *last;

	if (f->count == 0)
		return false;
	last = f->block[f->count - 1];
	assert(rest <= last->len);
	memcpy(f->carry, last->data + last->len - rest, rest);
	f->carried = rest;
	last->len -= rest;
	f->len -= rest;
	drop_empty_block(f);
	if (f->len == 0)
		return false;
	hand_over(f, out);
	return true;
}
