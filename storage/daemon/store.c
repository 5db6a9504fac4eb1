/* Opening, closing, checkpoints and counters. */
#include "storage/daemon/store.h"

#include <stdlib.h>

#include "proto/base/crc32c.h"
#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "storage/daemon/store_inside.h"

/* Segments that PUTs leave to deletes and to compaction. */
#define RESERVE_SEGMENTS 4

int store_open_dir(const char *dir, const struct store_options *o, struct store **out)
{
	char *index_dir = xasprintf("%s/index", dir);
	struct index_base *base;
	struct disk *disk;
	int rc = disk_posix_open(dir, &disk);

	if (rc == 0) {
		rc = index_lmdb_open(index_dir, &base);
		if (rc == 0)
			rc = store_open(disk, base, o, out);
		else
			disk->ops->free(disk);
	}
	free(index_dir);
	return rc;
}

static void store_free(struct store *s)
{
	store_scrub_free(s);
	segment_table_fini(&s->segments);
	index_free(s->index);
	s->disk->ops->free(s->disk);
	pthread_mutex_destroy(&s->identity_lock);
	pthread_mutex_destroy(&s->checkpointing);
	free(s->strays);
	free(s->batch);
	free(s);
}

int store_open(struct disk *disk, struct index_base *base, const struct store_options *o,
	       struct store **out)
{
	struct store *s = xcalloc(1, sizeof(*s));
	int rc;

	assert(o->segment_size > SEGMENT_START);
	s->disk = disk;
	s->index = index_new(base);
	s->batch = xcalloc(1, sizeof(*s->batch));
	s->segment_size = (o->segment_size + LOG_PAGE - 1) & ~(uint64_t)(LOG_PAGE - 1);
	s->floor = o->floor;
	s->checkpoint_bytes = o->checkpoint_bytes;
	segment_table_init(&s->segments);
	pthread_mutex_init(&s->identity_lock, NULL);
	pthread_mutex_init(&s->checkpointing, NULL);
	rc = store_recover(s, base, o->name);
	if (rc < 0)
		store_free(s);
	else
		*out = s;
	return rc;
}

int store_close(struct store *s)
{
	struct segment *open = s->open;
	int rc = 0, saved;

	if (open && !s->poisoned) {
		rc = store_seal(open);
		if (rc == 0)
			rc = s->disk->ops->sync(open->file);
	}
	saved = store_checkpoint(s);
	store_free(s);
	return rc < 0 ? rc : saved;
}

int store_checkpoint(struct store *s)
{
	struct watermark mark;
	uint64_t before;
	int rc;

	/* Recovery may have read what it could not sync: that must not get into the base. */
	if (s->poisoned)
		return ERR_POISONED;
	pthread_mutex_lock(&s->checkpointing);
	before = s->unsaved;
	failpoint(FP_CHECKPOINT_BEFORE);
	rc = index_checkpoint(s->index, &mark);
	failpoint(FP_CHECKPOINT_DONE);
	if (rc == 0)
		s->unsaved -= before;
	pthread_mutex_unlock(&s->checkpointing);
	if (rc < 0)
		log_warn("checkpoint failed", "reason=\"%s\"", err_text(rc));
	return rc;
}

bool store_checkpoint_due(const struct store *s)
{
	return s->unsaved >= s->checkpoint_bytes;
}

void store_poison(struct store *s, const char *what, int rc)
{
	if (!atomic_exchange(&s->poisoned, true))
		log_error("disk is poisoned: nothing is acknowledged any more",
			  "step=\"%s\" reason=\"%s\"", what, err_text(rc));
}

bool store_poisoned(const struct store *s)
{
	return s->poisoned;
}

void store_identity(const struct store *s, struct store_identity *out)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&s->identity_lock;

	pthread_mutex_lock(lock);
	*out = s->identity;
	pthread_mutex_unlock(lock);
}

int store_adopt_cluster(struct store *s, const unsigned char cluster[STORE_UUID_SIZE])
{
	static const unsigned char none[STORE_UUID_SIZE];
	struct store_identity changed;
	int rc = 0;

	pthread_mutex_lock(&s->identity_lock);
	changed = s->identity;
	if (memcmp(changed.cluster, none, STORE_UUID_SIZE) == 0) {
		memcpy(changed.cluster, cluster, STORE_UUID_SIZE);
		rc = identity_save(s->disk, &changed);
		if (rc == 0)
			memcpy(s->identity.cluster, cluster, STORE_UUID_SIZE);
	} else if (memcmp(changed.cluster, cluster, STORE_UUID_SIZE) != 0) {
		rc = ERR_CONFLICT;
	}
	pthread_mutex_unlock(&s->identity_lock);
	return rc;
}

void store_account(struct store *s, const struct index_entry *e, int sign)
{
	struct segment *segment;

	if (e->state == INDEX_BAD)
		s->bad += (uint64_t)sign;
	if (e->state != INDEX_GOOD)
		return;
	s->good += (uint64_t)sign;
	segment = segment_table_hold(&s->segments, e->place.segment);
	if (segment)
		segment->live += (uint64_t)sign * record_size(e->len);
	segment_release(segment);
}

void store_apply(struct store *s, const struct index_entry *e)
{
	struct index_entry old;

	if (index_set(s->index, e, &old))
		store_account(s, &old, -1);
	store_account(s, e, +1);
}

uint64_t store_segment_size(const struct store *s, uint64_t record)
{
	uint64_t size = SEGMENT_START + ((record + LOG_PAGE - 1) & ~(uint64_t)(LOG_PAGE - 1));

	return size < s->segment_size ? s->segment_size : size;
}

/* What PUTs may take of the disk's free bytes. */
static uint64_t beyond_reserve(const struct store *s, uint64_t free_bytes)
{
	uint64_t segments = RESERVE_SEGMENTS * s->segment_size;
	uint64_t reserve = s->floor > segments ? s->floor : segments;

	return free_bytes > reserve ? free_bytes - reserve : 0;
}

bool store_may_begin(const struct store *s, uint64_t size, uint64_t free_bytes)
{
	return beyond_reserve(s, free_bytes) >= size;
}

uint32_t store_block_crcs(const struct iovec *parts, int part_count,
			  uint32_t crcs[CHUNK_BLOCKS_MAX])
{
	uint32_t count = 0, fill = 0; /* fill: bytes of the current block that are in crcs */

	for (int i = 0; i < part_count; i++) {
		const unsigned char *at = parts[i].iov_base;
		size_t rest = parts[i].iov_len;

		while (rest > 0) {
			size_t len = CHUNK_BLOCK - fill < rest ? CHUNK_BLOCK - fill : rest;

			if (fill == 0) {
				assert(count < CHUNK_BLOCKS_MAX);
				crcs[count++] = 0;
			}
			crcs[count - 1] = crc32c_add(crcs[count - 1], at, len);
			fill = (fill + (uint32_t)len) % CHUNK_BLOCK;
			at += len;
			rest -= len;
		}
	}
	return count;
}

/* A segment is begun whole or not at all, so less than one is no room. */
static void measure_room(const struct store *s, uint64_t rest_of_open, struct store_stats *out)
{
	uint64_t largest = record_size(CHUNK_MAX), spare = beyond_reserve(s, out->free_bytes);

	out->room_bytes = rest_of_open + spare - spare % s->segment_size;
	out->full = rest_of_open < largest &&
		    !store_may_begin(s, store_segment_size(s, largest), out->free_bytes);
}

void store_stats(struct store *s, struct store_stats *out)
{
	struct segment *open;

	*out = s->found;
	out->chunks = s->good;
	out->bad_chunks = s->bad;
	out->groups = s->groups;
	out->unsaved_bytes = s->unsaved;
	if (s->disk->ops->free_space(s->disk, &out->free_bytes) < 0)
		out->free_bytes = 0;
	pthread_rwlock_rdlock(&s->segments.lock);
	open = s->open;
	measure_room(s, open ? open->size - open->end : 0, out);
	out->segments = s->segments.count;
	for (size_t i = 0; i < s->segments.count; i++) {
		const struct segment *segment = s->segments.all[i];

		out->segment_bytes += segment->size;
		out->live_bytes += segment->live;
		out->dead_bytes += segment_used(segment) - segment->live;
	}
	pthread_rwlock_unlock(&s->segments.lock);
}
