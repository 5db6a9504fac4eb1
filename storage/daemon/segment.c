/*
 * The walk keeps a window of the segment in memory and slides it forward:
 *
 *        from                  position                          to
 *   ──────┼───────┬──────────────┼──────────────┬────────────────┼──
 *                 |          window             |
 *
 * What the medium refuses to give is read again page by page; a page that cannot be read is
 * filled with a byte that is in no record, so that it is damage and not emptiness.
 */
#include "storage/daemon/segment.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/crc32c.h"
#include "proto/base/log.h"

#define WINDOW	   ((size_t)256 << 10)
#define UNREADABLE 0xdb

int segment_create(struct disk *d, const struct superblock *super, uint64_t size,
		   struct segment **out, bool *unsynced)
{
	unsigned char *pages = xcalloc(2, LOG_PAGE);
	struct iovec part = {pages, SEGMENT_START};
	struct disk_file *file;
	int rc = d->ops->create(d, super->segment, size, &file);

	*unsynced = false;
	if (rc < 0)
		goto out;
	superblock_encode(super, pages);
	superblock_encode(super, pages + LOG_PAGE);
	rc = d->ops->write(file, &part, 1, 0);
	if (rc == 0) {
		rc = d->ops->sync(file);
		if (rc == 0)
			rc = d->ops->sync_names(d);
		*unsynced = rc < 0;
	}
	if (rc < 0) {
		d->ops->close(file);
		if (!*unsynced && d->ops->unlink(d, super->segment) < 0)
			log_warn("half-made segment left", "segment=%llu",
				 (unsigned long long)super->segment);
		goto out;
	}
	*out = xcalloc(1, sizeof(**out));
	(*out)->super = *super;
	(*out)->file = file;
	(*out)->size = size;
	(*out)->end = SEGMENT_START;
out:
	free(pages);
	return rc;
}

void segment_free(struct segment *s)
{
	if (!s)
		return;
	s->file->disk->ops->close(s->file);
	free(s);
}

/* Read whole pages; what cannot be read is filled with UNREADABLE. */
static void read_pages(struct segment *s, unsigned char *buf, uint64_t offset, size_t len)
{
	const struct disk_ops *ops = s->file->disk->ops;

	if (ops->read_medium(s->file, buf, len, offset) == 0)
		return;
	for (size_t at = 0; at < len; at += LOG_PAGE) {
		if (ops->read_medium(s->file, buf + at, LOG_PAGE, offset + at) < 0)
			memset(buf + at, UNREADABLE, LOG_PAGE);
	}
}

struct window {
	struct segment *segment;
	uint64_t limit; /* nothing is read from here on */
	uint64_t start;
	size_t len;
	unsigned char *bytes;
};

static void window_init(struct window *w, struct segment *s, uint64_t limit)
{
	*w = (struct window){.segment = s, .limit = limit & ~(uint64_t)(LOG_PAGE - 1)};
	if (posix_memalign((void **)&w->bytes, LOG_PAGE, WINDOW) != 0)
		fatal("out of memory");
}

/* Bytes [offset, offset + len), len ≤ WINDOW − LOG_PAGE; NULL beyond the limit. */
static const unsigned char *window_at(struct window *w, uint64_t offset, size_t len)
{
	assert(len <= WINDOW - LOG_PAGE);
	if (offset + len > w->limit)
		return NULL;
	if (offset < w->start || offset + len > w->start + w->len) {
		uint64_t rest;

		w->start = offset & ~(uint64_t)(LOG_PAGE - 1);
		rest = w->limit - w->start;
		w->len = rest < WINDOW ? (size_t)rest : WINDOW;
		read_pages(w->segment, w->bytes, w->start, w->len);
	}
	return w->bytes + (offset - w->start);
}

static bool all_zero(const unsigned char *bytes, size_t len)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* Does the payload of the record pass its checks? */
static bool payload_good(struct window *w, const struct record *r)
{
	uint32_t head = record_head_size(r->len), crcs[CHUNK_BLOCKS_MAX];
	const unsigned char *bytes = window_at(w, r->place.offset, head);

	if (!bytes || record_crcs(bytes, r->len, crcs) < 0)
		return false;
	for (uint32_t done = 0, i = 0; done < r->len; done += CHUNK_BLOCK, i++) {
		uint32_t len = r->len - done < CHUNK_BLOCK ? r->len - done : CHUNK_BLOCK;

		bytes = window_at(w, r->place.offset + head + done, len);
		if (!bytes || crc32c_add(0, bytes, len) != crcs[i])
			return false;
	}
	return true;
}

uint64_t segment_walk(struct segment *s, uint64_t from, uint64_t to, segment_visit *visit,
		      void *arg)
{
	struct store_place at = {s->super.segment, from};
	uint64_t end = from;
	struct window w;

	assert(from % LOG_PAGE == 0);
	window_init(&w, s, to);
	for (;;) {
		const unsigned char *bytes = window_at(&w, at.offset, RECORD_ALIGN);
		struct record r;

		if (!bytes)
			break;
		if (all_zero(bytes, RECORD_ALIGN)) {
			at.offset += RECORD_ALIGN;
			continue;
		}
		bytes = window_at(&w, at.offset, RECORD_HEADER);
		if (bytes && record_decode(bytes, s->super.salt, &at, &r) == 0) {
			visit(arg, &r, payload_good(&w, &r));
			at.offset += record_size(r.len);
		} else {
			at.offset += RECORD_ALIGN;
		}
		end = at.offset;
	}
	free(w.bytes);
	end = (end + LOG_PAGE - 1) & ~(uint64_t)(LOG_PAGE - 1);
	return end < to ? end : to;
}

static void visit_nothing(void *arg, const struct record *r, bool good)
{
	(void)arg;
	(void)r;
	(void)good;
}

/* One of the two copies of the superblock. */
static int read_superblock(struct segment *s, uint64_t id)
{
	unsigned char *page;
	int rc = ERR_CORRUPT;

	if (posix_memalign((void **)&page, LOG_PAGE, LOG_PAGE) != 0)
		fatal("out of memory");
	for (uint64_t at = 0; at < SEGMENT_START && rc < 0; at += LOG_PAGE) {
		struct superblock super;

		if (at + LOG_PAGE > s->size)
			break;
		read_pages(s, page, at, LOG_PAGE);
		rc = superblock_decode(page, &super);
		if (rc == 0 && super.segment != id)
			rc = ERR_CORRUPT;
		if (rc == 0)
			s->super = super;
		if (rc == -EPROTO)
			break;
	}
	free(page);
	return rc;
}

int segment_open(struct disk *d, uint64_t id, struct segment **out)
{
	struct segment *s = xcalloc(1, sizeof(*s));
	uint64_t size;
	int rc = d->ops->open(d, id, &s->file, &size);

	if (rc < 0) {
		free(s);
		return rc;
	}
	s->end = s->size = size;
	rc = read_superblock(s, id);
	/* Was it being made when the power went, or has it lost both superblocks? */
	if (rc == ERR_CORRUPT &&
	    (s->size <= SEGMENT_START ||
	     segment_walk(s, SEGMENT_START, s->size, visit_nothing, NULL) == SEGMENT_START))
		rc = ERR_NOT_FOUND;
	if (rc < 0)
		segment_free(s);
	else
		*out = s;
	return rc;
}

void segment_table_init(struct segment_table *t)
{
	*t = (struct segment_table){0};
	pthread_rwlock_init(&t->lock, NULL);
}

void segment_table_fini(struct segment_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		segment_free(t->all[i]);
	free(t->all);
	pthread_rwlock_destroy(&t->lock);
}

void segment_table_add(struct segment_table *t, struct segment *s)
{
	pthread_rwlock_wrlock(&t->lock);
	assert(t->count == 0 || t->all[t->count - 1]->super.segment < s->super.segment);
	if ((t->count & (t->count - 1)) == 0) /* full at each power of two */
		t->all = xrealloc(t->all, (t->count ? 2 * t->count : 1) * sizeof(*t->all));
	t->all[t->count++] = s;
	pthread_rwlock_unlock(&t->lock);
}

struct segment *segment_table_find(struct segment_table *t, uint64_t id)
{
	struct segment *found = NULL;
	size_t low = 0, high;

	pthread_rwlock_rdlock(&t->lock);
	high = t->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->all[middle]->super.segment < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < t->count && t->all[low]->super.segment == id)
		found = t->all[low];
	pthread_rwlock_unlock(&t->lock);
	return found;
}
