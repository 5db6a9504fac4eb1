/*
 * Compaction: one victim at a time.
 *
 *   choose ─▶ copy what counts ─▶ checkpoint ─▶ retire ─▶ (last reader lets go) ─▶ remove
 *
 * The gate is the victim's count of live bytes: it is removed only when no good entry of the
 * index points into it, whatever happened on the way there. Between reading a record and
 * appending it anything may happen to its key; the committer looks again (store_commit.c). A
 * crash anywhere leaves the old copy, or both, of which the later one counts.
 *
 * DEL records matter to a replay of the whole log: they hide a PUT in an older segment. They go
 * when the victim is the oldest segment there is, and are written again otherwise. So they do
 * not count as dead, and when they become too many the oldest segment is taken however full it
 * is: whatever they hide comes to the front in the end.
 *
 * What must stay: the open segment; the newest one, so that numbers are never used again; one
 * whose superblock names a cut, as long as the segment is there that it cuts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "storage/daemon/store_chores.h"

#define GROUP_OPS	64
#define READ_AHEAD	((size_t)1 << 20)
#define DELETES_PERCENT 10 /* of all records; more: the oldest segment goes */

struct compaction {
	struct store *s;
	const struct chores *chores;
	struct chores_report *out;
	struct segment *victim;
	bool oldest;
	struct cursor cursor;
	uint64_t paced;
	/* The group that is being put together. */
	struct store_op ops[GROUP_OPS];
	struct iovec parts[GROUP_OPS];
	uint32_t crcs[GROUP_OPS][CHUNK_BLOCKS_MAX];
	size_t count;
	unsigned char *bytes; /* payloads, CHUNK_MAX in all */
	size_t fill;
};

/* --- which segment -------------------------------------------------------------------- */

/* Is the file of this segment there, usable or not? The table's lock is held. */
static bool segment_exists(const struct store *s, uint64_t id)
{
	for (size_t i = 0; i < s->stray_count; i++) {
		if (s->strays[i] == id)
			return true;
	}
	for (size_t i = 0; i < s->segments.count; i++) {
		if (s->segments.all[i]->super.segment == id)
			return true;
	}
	return false;
}

/* Is no older file there? The table's lock is held. */
static bool is_oldest(const struct store *s, const struct segment *segment)
{
	for (size_t i = 0; i < s->stray_count; i++) {
		if (s->strays[i] < segment->super.segment)
			return false;
	}
	return s->segments.all[0] == segment;
}

static bool may_go(const struct store *s, const struct segment *segment)
{
	uint64_t cut = segment->super.cut.segment;

	return !segment->retired && segment != s->open &&
	       segment != s->segments.all[s->segments.count - 1] &&
	       (cut == 0 || !segment_exists(s, cut));
}

/* Bytes that would have to be written again. */
static uint64_t kept_bytes(const struct store *s, const struct segment *segment)
{
	uint64_t deletes = segment->deletes;

	if (deletes == SEGMENT_UNKNOWN || is_oldest(s, segment))
		deletes = 0;
	return segment->live + deletes;
}

/* Has the log so many DEL records that the oldest segment must make way for them? */
static bool many_deletes(const struct store *s)
{
	uint64_t used = 0, deletes = 0;

	for (size_t i = 0; i < s->segments.count; i++) {
		const struct segment *segment = s->segments.all[i];

		used += segment_used(segment);
		deletes += segment->deletes == SEGMENT_UNKNOWN ? 0 : segment->deletes;
	}
	return deletes >= s->segment_size && deletes * 100 > used * DELETES_PERCENT;
}

/* The oldest that is wholly dead, or the one with the lowest share of what counts. */
static struct segment *find_victim(const struct store *s, unsigned percent)
{
	const struct segment_table *t = &s->segments;
	uint64_t best_kept = 0, best_used = 0;
	struct segment *best = NULL;

	for (size_t i = 0; i < t->count; i++) {
		uint64_t kept = kept_bytes(s, t->all[i]), used = segment_used(t->all[i]);

		if (!may_go(s, t->all[i]) || t->all[i]->put_off ||
		    (kept > 0 && kept * 100 >= used * percent))
			continue;
		if (!best || kept * best_used < best_kept * used) {
			best = t->all[i];
			best_kept = kept;
			best_used = used;
		}
		if (kept == 0)
			break;
	}
	if (!best && t->count > 0 && may_go(s, t->all[0]) && !t->all[0]->put_off &&
	    is_oldest(s, t->all[0]) && many_deletes(s))
		best = t->all[0];
	return best;
}

/* Choose and hold a victim; false: there is none. */
static bool choose(struct compaction *c, unsigned percent)
{
	struct store *s = c->s;

	pthread_rwlock_rdlock(&s->segments.lock);
	c->victim = find_victim(s, percent);
	if (!c->victim) {
		for (size_t i = 0; i < s->segments.count; i++)
			s->segments.all[i]->put_off = false;
		c->victim = find_victim(s, percent);
	}
	if (c->victim) {
		c->victim->holders++;
		c->oldest = is_oldest(s, c->victim);
	}
	pthread_rwlock_unlock(&s->segments.lock);
	return c->victim != NULL;
}

bool store_newest_is_dead(struct store *s)
{
	bool dead = false;

	pthread_rwlock_rdlock(&s->segments.lock);
	if (s->segments.count > 0) {
		const struct segment *newest = s->segments.all[s->segments.count - 1];

		dead = newest->live == 0 && segment_used(newest) >= s->segment_size / 2;
	}
	pthread_rwlock_unlock(&s->segments.lock);
	return dead;
}

/* --- copying -------------------------------------------------------------------------- */

static int flush_group(struct compaction *c)
{
	struct store_op *order[GROUP_OPS];
	size_t count = c->count, bytes = c->fill;
	int rc = 0;

	if (count == 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		order[i] = &c->ops[i];
	failpoint(FP_COMPACT_READ);
	c->chores->commit(c->chores->arg, order, count);
	c->count = c->fill = 0;
	for (size_t i = 0; i < count; i++) {
		const struct store_op *op = &c->ops[i];

		if (op->result == ERR_CONFLICT)
			continue;
		if (op->result < 0) {
			rc = op->result;
		} else if (op->kind == STORE_MOVE) {
			c->out->moved++;
			c->out->moved_bytes += record_size(op->len);
		} else {
			c->out->kept++;
		}
	}
	if (rc == 0 && !c->chores->pace(c->chores->arg, bytes))
		rc = -ECANCELED;
	return rc;
}

/* Room for one more operation with so many bytes of payload. */
static int take_room(struct compaction *c, uint32_t len)
{
	return c->count == GROUP_OPS || c->fill + len > CHUNK_MAX ? flush_group(c) : 0;
}

static int move_copy(void *arg, const struct index_entry *e)
{
	struct compaction *c = arg;
	const unsigned char *bytes;
	struct iovec *part;
	int rc = take_room(c, e->len);

	if (rc == 0)
		rc = store_copy_check(&c->cursor, e, &bytes);
	if (rc == ERR_CORRUPT) {
		store_copy_is_bad(c->s, c->chores, e, c->out);
		return 0;
	}
	if (rc < 0)
		return rc;
	part = &c->parts[c->count];
	*part = (struct iovec){c->bytes + c->fill, e->len};
	memcpy(part->iov_base, bytes, e->len);
	c->fill += e->len;
	store_block_crcs(part, 1, c->crcs[c->count]);
	c->ops[c->count] = (struct store_op){.kind = STORE_MOVE,
					     .key = e->key,
					     .from = e->place,
					     .parts = part,
					     .part_count = 1,
					     .len = e->len,
					     .crcs = c->crcs[c->count]};
	c->count++;
	return store_paced(c->chores, &c->cursor, &c->paced) ? 0 : -ECANCELED;
}

static int keep_delete(struct compaction *c, const struct record *r)
{
	int rc = take_room(c, 0);

	if (rc == 0)
		c->ops[c->count++] = (struct store_op){.kind = STORE_KEEP, .key = r->key};
	return rc;
}

static int copy_record(struct compaction *c, const struct record *r)
{
	struct index_entry e;
	int rc = 0;

	if (r->type == RECORD_DEL)
		return c->oldest ? 0 : keep_delete(c, r);
	if (store_counts(c->s, r, &e, &rc))
		rc = move_copy(c, &e);
	return rc;
}

static int copy_all(struct compaction *c)
{
	struct record r;
	int rc = 0;

	cursor_init(&c->cursor, c->victim, SEGMENT_START, c->victim->end, READ_AHEAD);
	c->paced = 0;
	c->bytes = xmalloc(CHUNK_MAX);
	while (rc == 0 && cursor_next(&c->cursor, &r)) {
		rc = copy_record(c, &r);
		if (rc == 0 && !store_paced(c->chores, &c->cursor, &c->paced))
			rc = -ECANCELED;
	}
	if (rc == 0)
		rc = flush_group(c);
	/* Entries whose records the log does not show: their heads are damaged. */
	if (rc == 0 && c->victim->live > 0)
		rc = store_entries_of(c->s, c->victim, move_copy, c);
	if (rc == 0)
		rc = flush_group(c);
	free(c->bytes);
	cursor_fini(&c->cursor);
	return rc;
}

static int count_deletes(struct compaction *c)
{
	struct cursor cursor;
	uint64_t deletes = 0, paced = 0;
	struct record r;
	int rc = 0;

	cursor_init(&cursor, c->victim, SEGMENT_START, c->victim->end, CURSOR_HEADERS);
	while (rc == 0 && cursor_next(&cursor, &r)) {
		if (r.type == RECORD_DEL)
			deletes += record_size(0);
		if (!store_paced(c->chores, &cursor, &paced))
			rc = -ECANCELED;
	}
	cursor_fini(&cursor);
	if (rc == 0)
		c->victim->deletes = deletes;
	return rc;
}

/* --- removing ------------------------------------------------------------------------- */

static int remove_segment(struct store *s, struct segment *segment, struct chores_report *out)
{
	uint64_t size = segment->size;
	int rc;

	failpoint(FP_COMPACT_UNLINK);
	rc = s->disk->ops->unlink(s->disk, segment->super.segment);
	failpoint(FP_COMPACT_UNLINKED);
	if (rc < 0 && rc != -ENOENT) {
		log_warn("segment not removed", "segment=%llu reason=\"%s\"",
			 (unsigned long long)segment->super.segment, err_text(rc));
		return rc;
	}
	rc = s->disk->ops->sync_names(s->disk);
	if (rc < 0) {
		store_poison(s, "sync of the segments' folder", rc);
		return ERR_POISONED;
	}
	segment_table_remove(&s->segments, segment);
	out->segments++;
	out->freed_bytes += size;
	return 0;
}

/* Remove what is retired and not held. A file that does not want to go is tried again. */
static int remove_retired(struct store *s, struct chores_report *out)
{
	struct segment *segment;
	uint64_t after = 0;
	int rc = 0;

	while ((segment = segment_table_unheld(&s->segments, after)) != NULL) {
		int removed;

		after = segment->super.segment;
		removed = s->poisoned ? ERR_POISONED : remove_segment(s, segment, out);
		if (removed < 0)
			rc = removed;
		if (removed == ERR_POISONED)
			break;
	}
	return rc;
}

/* Nothing in the victim counts any more: let a checkpoint say so, then retire it. */
static int retire(struct compaction *c)
{
	int rc;

	failpoint(FP_COMPACT_COPIED);
	rc = c->victim->live == 0 ? store_checkpoint(c->s) : -EAGAIN;
	failpoint(FP_COMPACT_RETIRED);
	if (rc == 0)
		segment_table_retire(&c->s->segments, c->victim);
	return rc;
}

static int seal_newest(struct compaction *c)
{
	struct store_op op = {.kind = STORE_SEAL}, *order = &op;

	if (!store_newest_is_dead(c->s))
		return 0;
	c->chores->commit(c->chores->arg, &order, 1);
	return op.result == ERR_CONFLICT ? 0 : op.result;
}

static int empty(struct compaction *c, unsigned percent)
{
	bool count = !c->oldest && c->victim->deletes == SEGMENT_UNKNOWN;
	uint64_t kept = c->victim->live;
	int rc = count ? count_deletes(c) : 0;

	if (rc < 0)
		return rc;
	if (!c->oldest)
		kept += c->victim->deletes;
	/* Is it still worth it, now that the DEL records are known? */
	if (count && kept > 0 && kept * 100 >= segment_used(c->victim) * percent)
		return 0;
	if (kept > 0)
		rc = copy_all(c);
	return rc < 0 ? rc : retire(c);
}

int store_compact(struct store *s, const struct chores *chores, unsigned percent,
		  struct chores_report *out)
{
	struct compaction *c = xcalloc(1, sizeof(*c));
	uint64_t removed = out->segments;
	bool found = false;
	int rc, left;

	c->s = s;
	c->chores = chores;
	c->out = out;
	left = remove_retired(s, out);
	rc = s->poisoned ? ERR_POISONED : seal_newest(c);
	if (rc == 0 && choose(c, percent)) {
		found = true;
		failpoint(FP_COMPACT_CHOSEN);
		rc = empty(c, percent);
		c->victim->put_off = rc < 0 && rc != -ECANCELED;
		segment_release(c->victim);
		if (rc == 0)
			left = remove_retired(s, out);
	}
	free(c);
	if (rc < 0)
		return rc;
	return found || out->segments > removed ? 1 : left;
}
