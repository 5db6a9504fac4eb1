/*
 * The cursor keeps a window of the segment in memory and slides it forward:
 *
 *        from                     at                             to
 *   ──────┼───────┬──────────────┼──────────────┬────────────────┼──
 *                 |          window             |
 *
 * What the medium refuses to give is read again page by page; a page that cannot be read is
 * filled with a byte that is in no record, so that it is damage and not emptiness.
 */
#include "storage/daemon/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/crc32c.h"

#define UNREADABLE 0xdb

void segment_read_pages(struct segment *s, unsigned char *buf, uint64_t offset, size_t len)
{
	const struct disk_ops *ops = s->file->disk->ops;

	if (ops->read_medium(s->file, buf, len, offset) == 0)
		return;
	for (size_t at = 0; at < len; at += LOG_PAGE) {
		if (ops->read_medium(s->file, buf + at, LOG_PAGE, offset + at) < 0)
			memset(buf + at, UNREADABLE, LOG_PAGE);
	}
}

void cursor_init(struct cursor *c, struct segment *s, uint64_t from, uint64_t to, size_t ahead)
{
	assert(from % LOG_PAGE == 0 && ahead % LOG_PAGE == 0 && ahead > 0);
	*c = (struct cursor){.segment = s,
			     .at = {s->super.segment, from},
			     .limit = to & ~(uint64_t)(LOG_PAGE - 1),
			     .end = from,
			     .ahead = ahead};
}

void cursor_fini(struct cursor *c)
{
	free(c->bytes);
}

void cursor_forget(struct cursor *c)
{
	c->len = 0;
}

/* Make the window hold [offset, offset + len), and what follows. */
static void slide(struct cursor *c, uint64_t offset, size_t len)
{
	uint64_t rest;
	size_t want;

	c->start = offset & ~(uint64_t)(LOG_PAGE - 1);
	want = (size_t)(offset - c->start) + len;
	want = (want + LOG_PAGE - 1) & ~(size_t)(LOG_PAGE - 1);
	if (want < c->ahead)
		want = c->ahead;
	rest = c->limit - c->start;
	c->len = rest < want ? (size_t)rest : want;
	if (c->room < c->len) {
		free(c->bytes);
		c->room = c->len;
		if (posix_memalign((void **)&c->bytes, LOG_PAGE, c->room) != 0)
			fatal("out of memory");
	}
	segment_read_pages(c->segment, c->bytes, c->start, c->len);
	c->read += c->len;
}

const unsigned char *cursor_bytes(struct cursor *c, uint64_t offset, size_t len)
{
	assert(len <= record_size(CHUNK_MAX));
	if (offset + len > c->limit)
		return NULL;
	if (offset < c->start || offset + len > c->start + c->len)
		slide(c, offset, len);
	return c->bytes + (offset - c->start);
}

static bool all_zero(const unsigned char *bytes, size_t len)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

bool cursor_next(struct cursor *c, struct record *out)
{
	const unsigned char *bytes;

	while ((bytes = cursor_bytes(c, c->at.offset, RECORD_ALIGN)) != NULL) {
		if (all_zero(bytes, RECORD_ALIGN)) {
			c->at.offset += RECORD_ALIGN;
			continue;
		}
		bytes = cursor_bytes(c, c->at.offset, RECORD_HEADER);
		if (bytes && record_decode(bytes, c->segment->super.salt, &c->at, out) == 0) {
			c->at.offset += record_size(out->len);
			c->end = c->at.offset;
			return true;
		}
		c->at.offset += RECORD_ALIGN;
		c->end = c->at.offset;
	}
	return false;
}

bool cursor_payload_good(struct cursor *c, const struct record *r)
{
	uint32_t head = record_head_size(r->len), crcs[CHUNK_BLOCKS_MAX];
	const unsigned char *bytes = cursor_bytes(c, r->place.offset, head);

	if (!bytes || record_crcs(bytes, r->len, crcs) < 0)
		return false;
	for (uint32_t done = 0, i = 0; done < r->len; done += CHUNK_BLOCK, i++) {
		uint32_t len = r->len - done < CHUNK_BLOCK ? r->len - done : CHUNK_BLOCK;

		bytes = cursor_bytes(c, r->place.offset + head + done, len);
		if (!bytes || crc32c_add(0, bytes, len) != crcs[i])
			return false;
	}
	return true;
}

uint64_t segment_walk(struct segment *s, uint64_t from, uint64_t to, segment_visit *visit,
		      void *arg)
{
	struct cursor c;
	struct record r;
	uint64_t end;

	cursor_init(&c, s, from, to, CURSOR_HEADERS);
	while (cursor_next(&c, &r))
		visit(arg, &r, cursor_payload_good(&c, &r));
	end = (c.end + LOG_PAGE - 1) & ~(uint64_t)(LOG_PAGE - 1);
	cursor_fini(&c);
	return end < to ? end : to;
}
