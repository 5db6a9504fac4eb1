/* A segment file and the table of all. The table is one of the holders of its segments. */
#include "storage/daemon/segment.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "storage/daemon/cursor.h"

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
	failpoint(FP_ROLL_CREATED);
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
	(*out)->holders = 1;
out:
	free(pages);
	return rc;
}

void segment_release(struct segment *s)
{
	if (!s || --s->holders > 0)
		return;
	s->file->disk->ops->close(s->file);
	free(s);
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
		segment_read_pages(s, page, at, LOG_PAGE);
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
	s->deletes = SEGMENT_UNKNOWN;
	s->holders = 1;
	rc = read_superblock(s, id);
	/* Was it being made when the power went, or has it lost both superblocks? */
	if (rc == ERR_CORRUPT &&
	    (s->size <= SEGMENT_START ||
	     segment_walk(s, SEGMENT_START, s->size, visit_nothing, NULL) == SEGMENT_START))
		rc = ERR_NOT_FOUND;
	if (rc < 0)
		segment_release(s);
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
		segment_release(t->all[i]);
	free(t->all);
	pthread_rwlock_destroy(&t->lock);
}

void segment_table_add(struct segment_table *t, struct segment *s)
{
	pthread_rwlock_wrlock(&t->lock);
	assert(t->count == 0 || t->all[t->count - 1]->super.segment < s->super.segment);
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->all = xrealloc(t->all, t->room * sizeof(*t->all));
	}
	t->all[t->count++] = s;
	pthread_rwlock_unlock(&t->lock);
}

/* Where in the table the segment is, or would be. The lock is held. */
static size_t table_index(const struct segment_table *t, uint64_t id)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->all[middle]->super.segment < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct segment *segment_table_hold(struct segment_table *t, uint64_t id)
{
	struct segment *found = NULL;
	size_t at;

	pthread_rwlock_rdlock(&t->lock);
	at = table_index(t, id);
	if (at < t->count && t->all[at]->super.segment == id && !t->all[at]->retired) {
		found = t->all[at];
		found->holders++;
	}
	pthread_rwlock_unlock(&t->lock);
	return found;
}

void segment_table_retire(struct segment_table *t, struct segment *s)
{
	pthread_rwlock_wrlock(&t->lock);
	s->retired = true;
	pthread_rwlock_unlock(&t->lock);
}

struct segment *segment_table_unheld(struct segment_table *t, uint64_t after)
{
	struct segment *found = NULL;

	pthread_rwlock_rdlock(&t->lock);
	for (size_t i = 0; i < t->count && !found; i++) {
		if (t->all[i]->retired && t->all[i]->holders == 1 &&
		    t->all[i]->super.segment > after)
			found = t->all[i];
	}
	pthread_rwlock_unlock(&t->lock);
	return found;
}

void segment_table_remove(struct segment_table *t, struct segment *s)
{
	size_t at;

	pthread_rwlock_wrlock(&t->lock);
	at = table_index(t, s->super.segment);
	assert(at < t->count && t->all[at] == s && s->retired && s->holders == 1);
	t->count--;
	memmove(t->all + at, t->all + at + 1, (t->count - at) * sizeof(*t->all));
	pthread_rwlock_unlock(&t->lock);
	segment_release(s);
}
