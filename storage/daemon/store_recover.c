/*
 * Recovery: from whatever a crash left to a store that serves.
 *
 *   segments:   11      12      13 ← watermark      14        15
 *             |####|  |####|  |######:######|  |########|  |###     |
 *               in the base          └──────── replayed ────────┘
 *
 * Each segment from the watermark on is synced first, so that nothing is believed that only the
 * page cache holds, and then read from the medium. Every record that checks out counts, in the
 * order of the log; what does not is stepped over and stays where it is. A PUT whose header is
 * right and whose payload is not becomes a bad copy, known by name, unless there is another.
 * Nothing is appended to these segments any more: the first commit begins a new one.
 */
#include <stdlib.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "storage/daemon/store_inside.h"

#define PAGE_ENTRIES 1024

static int by_id(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static void note_stray(struct store *s, uint64_t id)
{
	s->strays = xrealloc(s->strays, (s->stray_count + 1) * sizeof(*s->strays));
	s->strays[s->stray_count++] = id;
}

/* Open one segment and put it into the table, if it is ours. */
static int load_segment(struct store *s, uint64_t id, bool *know_node)
{
	struct segment *segment;
	int rc = segment_open(s->disk, id, &segment);

	if (rc == ERR_NOT_FOUND) {
		rc = s->disk->ops->unlink(s->disk, id);
		log_info("half-made segment removed", "segment=%llu result=%d",
			 (unsigned long long)id, rc);
		return 0;
	}
	if (rc == ERR_CORRUPT || rc == -EIO) {
		log_error("segment without a superblock is left alone",
			  "segment=%llu reason=\"%s\"", (unsigned long long)id, err_text(rc));
		note_stray(s, id);
		return 0;
	}
	if (rc < 0)
		return rc;
	/* A disk that lost its identity file still knows it from its segments. */
	if (!*know_node)
		memcpy(s->identity.node, segment->super.node, STORE_UUID_SIZE);
	*know_node = true;
	if (memcmp(s->identity.node, segment->super.node, STORE_UUID_SIZE) != 0) {
		log_error("segment of another disk is left alone", "segment=%llu",
			  (unsigned long long)id);
		segment_release(segment);
		note_stray(s, id);
		return 0;
	}
	segment_table_add(&s->segments, segment);
	return 0;
}

static int load_segments(struct store *s, bool *know_node)
{
	uint64_t *ids;
	size_t count;
	int rc = s->disk->ops->list(s->disk, &ids, &count);

	if (rc < 0)
		return rc;
	if (count > 0)
		qsort(ids, count, sizeof(*ids), by_id);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = load_segment(s, ids[i], know_node);
	s->next_segment = count > 0 ? ids[count - 1] + 1 : 1;
	free(ids);
	if (rc == 0 && count > 0) {
		int synced = s->disk->ops->sync_names(s->disk);

		if (synced < 0)
			store_poison(s, "sync of the segments' folder", synced);
	}
	return rc;
}

static int load_identity_and_segments(struct store *s, const char *name)
{
	struct store_identity made;
	int found = identity_load(s->disk, &s->identity), rc;
	bool know_node = found == 0;

	if (found == -EPROTO)
		return found;
	if (found == 0 && s->identity.name[0] && name[0] && strcmp(s->identity.name, name) != 0)
		return ERR_CONFLICT;
	rc = load_segments(s, &know_node);
	if (rc < 0 || found == 0)
		return rc;
	identity_make(s->disk, name, &made);
	if (know_node)
		memcpy(made.node, s->identity.node, STORE_UUID_SIZE);
	s->identity = made;
	rc = identity_save(s->disk, &made);
	if (rc == 0 || !know_node)
		return rc;
	log_error("identity not saved", "reason=\"%s\"", err_text(rc));
	return 0;
}

/* Does the entry point into a segment that is there? */
static bool place_exists(struct store *s, const struct index_entry *e)
{
	struct segment *segment = segment_table_hold(&s->segments, e->place.segment);
	bool exists = segment && e->place.offset >= SEGMENT_START &&
		      e->place.offset + record_size(e->len) <= segment->size;

	segment_release(segment);
	return exists;
}

/* Count what the base holds; what points nowhere (the disk went back in time) is bad. */
static int count_base(struct store *s, struct index_base *base)
{
	struct chunk_key from = {0}, last;
	struct index_entry *page = xmalloc(PAGE_ENTRIES * sizeof(*page));
	size_t count;
	int rc;

	memset(&last, 0xff, sizeof(last));
	do {
		rc = base->ops->list(base, &from, &last, page, PAGE_ENTRIES, &count);
		for (size_t i = 0; rc == 0 && i < count; i++) {
			store_account(s, &page[i], +1);
			if (page[i].state == INDEX_GOOD && !place_exists(s, &page[i]))
				store_drop_bad(s, &page[i].key, &page[i].place);
		}
		if (rc == 0 && count > 0)
			from = page[count - 1].key;
	} while (rc == 0 && count > 0 && chunk_key_next(&from));
	free(page);
	return rc;
}

static int load_base(struct store *s, struct index_base *base, struct watermark *mark)
{
	int rc = base->ops->load(base, s->identity.node, mark);

	if (rc == 0)
		rc = count_base(s, base);
	if (rc == 0)
		return 0;
	log_warn("index is built anew from the log", "reason=\"%s\"", err_text(rc));
	*mark = (struct watermark){0};
	s->found.index_rebuilt = true;
	s->good = s->bad = 0;
	for (size_t i = 0; i < s->segments.count; i++)
		s->segments.all[i]->live = 0;
	return base->ops->reset(base, s->identity.node);
}

struct replay {
	struct store *store;
	struct watermark mark;
};

static void on_record(void *arg, const struct record *r, bool good)
{
	struct replay *replay = arg;
	struct store *s = replay->store;
	struct index_entry e = {r->key, r->place, r->len, INDEX_GOOD}, old;

	s->found.replayed++;
	if (replay->mark.seq != 0 && r->seq > replay->mark.seq + 1)
		s->found.replayed_gaps += r->seq - replay->mark.seq - 1;
	if (r->seq > replay->mark.seq)
		replay->mark.seq = r->seq;
	if (r->type == RECORD_DEL)
		e.state = INDEX_GONE;
	else if (!good)
		e.state = INDEX_BAD;
	s->found.replayed_bad += e.state == INDEX_BAD;
	if (e.state == INDEX_BAD && index_get(s->index, &e.key, &old) == 0)
		return;
	index_begin(s->index);
	store_apply(s, &e);
	index_end(s->index, &replay->mark);
}

/* The log leaves a segment where a later superblock cuts it. */
static void apply_cuts(struct store *s)
{
	for (size_t i = 0; i < s->segments.count; i++) {
		const struct store_place *cut = &s->segments.all[i]->super.cut;
		struct segment *segment = segment_table_hold(&s->segments, cut->segment);

		if (segment && cut->offset < segment->end)
			segment->end = cut->offset;
		segment_release(segment);
	}
}

static void replay_segment(struct replay *replay, struct segment *segment, uint64_t from)
{
	struct store *s = replay->store;
	uint64_t to = segment->end;
	int rc;

	if (from >= to)
		return;
	rc = s->disk->ops->sync(segment->file);
	if (rc < 0)
		store_poison(s, "fdatasync in recovery", rc);
	segment->end = segment_walk(segment, from, to, on_record, replay);
	s->found.replayed_bytes += segment->end - from;
	replay->mark.place = (struct store_place){segment->super.segment, segment->end};
	index_begin(s->index);
	index_end(s->index, &replay->mark);
	/* Behind its end there are zeros, or what was cut off. */
	if (rc == 0)
		(void)store_seal(segment);
}

int store_recover(struct store *s, struct index_base *base, const char *name)
{
	struct replay replay = {.store = s};
	int rc = load_identity_and_segments(s, name);

	if (rc < 0)
		return rc;
	rc = load_base(s, base, &replay.mark);
	if (rc < 0)
		return rc;
	base->ops->trust(base);
	index_begin(s->index);
	index_end(s->index, &replay.mark);
	if (s->next_segment <= replay.mark.place.segment)
		s->next_segment = replay.mark.place.segment + 1;
	apply_cuts(s);
	failpoint(FP_RECOVER_OPENED);
	for (size_t i = 0; i < s->segments.count; i++) {
		struct segment *segment = s->segments.all[i];
		bool marked = segment->super.segment == replay.mark.place.segment;

		if (segment->super.segment >= replay.mark.place.segment)
			replay_segment(&replay, segment,
				       marked ? replay.mark.place.offset : SEGMENT_START);
	}
	s->next_seq = replay.mark.seq + 1;
	s->unsaved = s->found.replayed_bytes;
	s->found.stopped_clean = !s->found.index_rebuilt && s->found.replayed_bytes == 0;
	log_info("store recovered",
		 "chunks=%llu bad=%llu segments=%zu replayed=%llu damaged=%llu missing=%llu "
		 "bytes=%llu rebuilt=%d",
		 (unsigned long long)s->good, (unsigned long long)s->bad, s->segments.count,
		 (unsigned long long)s->found.replayed,
		 (unsigned long long)s->found.replayed_bad,
		 (unsigned long long)s->found.replayed_gaps,
		 (unsigned long long)s->found.replayed_bytes, s->found.index_rebuilt);
	failpoint(FP_RECOVER_REPLAYED);
	/* So that the next start does not replay the same. */
	if (s->unsaved > 0 && store_checkpoint(s) < 0)
		log_warn("the next start replays the log again", "bytes=%llu",
			 (unsigned long long)s->unsaved);
	return 0;
}
