/*
 * Scrub: two walkers over the log, one segment a call.
 *
 *   segments:  3      4      7      8      9
 *             |####| |####| |####| |####| |##    |
 *                           ↑               ↑  ↑
 *                           next        fresh  target
 *
 * `next` goes round over everything, in step with the time: by when half of the pass's time is
 * over, half of the bytes have been read. `fresh` follows the end of the log in larger steps,
 * so that what is new is looked at soon; `target` is where it wants to go now. Segments are the
 * unit of `next`, places are that of `fresh`.
 *
 * Both are kept in the small file "scrub", a line of text. If it is lost, `fresh` reads
 * everything once more.
 *
 * A segment that cannot be read does not hold up the others: it is left for the next pass.
 *
 * The walk over a segment does not see a copy whose head is damaged. It shows in the sum: the
 * segment counts more live bytes than were seen. Then the index is asked who they are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/failpoint.h"
#include "proto/base/log.h"
#include "storage/daemon/store_chores.h"

#define READ_AHEAD     ((size_t)1 << 20)
#define FRESH_SECONDS  (6 * 3600)
#define SAVE_SECONDS   60
#define STATE_FILE     "scrub"
#define STATE_TEXT_MAX 200
#define STATE_FORMAT   "scrub 1 %lld %llu %llu %llu %lld\n"

struct scrub {
	int64_t began; /* the pass */
	uint64_t next; /* segments before it are done in this pass */
	struct store_place fresh, target;
	int64_t fresh_at; /* when fresh last set out */
	int64_t saved_at;
};

struct reading {
	struct store *s;
	const struct chores *chores;
	struct chores_report *out;
	struct cursor cursor;
	uint64_t paced, seen;
};

static bool place_before(const struct store_place *a, const struct store_place *b)
{
	return a->segment != b->segment ? a->segment < b->segment : a->offset < b->offset;
}

static void load(struct store *s, int64_t now)
{
	struct scrub *scrub = s->scrub = xcalloc(1, sizeof(*scrub));
	unsigned long long next, segment, offset;
	char text[STATE_TEXT_MAX + 1];
	long long began, fresh_at;
	size_t len;

	scrub->began = scrub->saved_at = now;
	if (s->disk->ops->load(s->disk, STATE_FILE, text, STATE_TEXT_MAX, &len) < 0)
		return;
	text[len] = '\0';
	if (sscanf(text, STATE_FORMAT, &began, &next, &segment, &offset, &fresh_at) != 5)
		return;
	scrub->began = began;
	scrub->next = next;
	scrub->fresh = (struct store_place){segment, offset & ~(uint64_t)(LOG_PAGE - 1)};
	scrub->target = scrub->fresh;
	scrub->fresh_at = fresh_at;
}

static void save(struct store *s, int64_t now)
{
	struct scrub *scrub = s->scrub;
	char text[STATE_TEXT_MAX];
	int len, rc;

	if (now - scrub->saved_at < SAVE_SECONDS)
		return;
	len = snprintf(text, sizeof(text), STATE_FORMAT, (long long)scrub->began,
		       (unsigned long long)scrub->next,
		       (unsigned long long)scrub->fresh.segment,
		       (unsigned long long)scrub->fresh.offset, (long long)scrub->fresh_at);
	rc = s->disk->ops->save(s->disk, STATE_FILE, text, (size_t)len);
	if (rc < 0)
		log_warn("place of the scrub not saved", "reason=\"%s\"", err_text(rc));
	scrub->saved_at = now;
}

void store_scrub_free(struct store *s)
{
	free(s->scrub);
}

/* --- reading a piece of a segment ----------------------------------------------------- */

static int check_copy(void *arg, const struct index_entry *e)
{
	struct reading *r = arg;
	const unsigned char *bytes;
	int rc = store_copy_check(&r->cursor, e, &bytes);

	if (rc == ERR_CORRUPT)
		store_copy_is_bad(r->s, r->chores, e, r->out);
	else if (rc < 0)
		return rc;
	if (rc == 0) {
		r->out->checked++;
		r->out->checked_bytes += record_size(e->len);
	}
	return store_paced(r->chores, &r->cursor, &r->paced) ? 0 : -ECANCELED;
}

static int check_record(struct reading *r, const struct record *record)
{
	struct index_entry e;
	int rc = 0;

	if (record->type == RECORD_PUT && store_counts(r->s, record, &e, &rc)) {
		r->seen += record_size(record->len);
		rc = check_copy(r, &e);
	}
	if (rc == 0 && !store_paced(r->chores, &r->cursor, &r->paced))
		rc = -ECANCELED;
	return rc;
}

/* Check [from, to) of a segment; the whole of a finished one is checked against its count. */
static int read_segment(struct store *s, const struct chores *chores, struct chores_report *out,
			struct segment *segment, uint64_t from, uint64_t to)
{
	struct reading r = {.s = s, .chores = chores, .out = out};
	bool whole = from == SEGMENT_START && to == segment->end && segment != s->open;
	struct record record;
	int rc = 0;

	failpoint(FP_SCRUB_SEGMENT);
	cursor_init(&r.cursor, segment, from, to, READ_AHEAD);
	while (rc == 0 && cursor_next(&r.cursor, &record))
		rc = check_record(&r, &record);
	if (rc == 0 && whole && segment->live > r.seen)
		rc = store_entries_of(s, segment, check_copy, &r);
	cursor_fini(&r.cursor);
	return rc;
}

/* --- which piece ---------------------------------------------------------------------- */

/* Hold the first segment from `id` on, or NULL. */
static struct segment *hold_from(struct store *s, uint64_t id)
{
	struct segment *found = NULL;

	pthread_rwlock_rdlock(&s->segments.lock);
	for (size_t i = 0; i < s->segments.count && !found; i++) {
		struct segment *segment = s->segments.all[i];

		if (segment->super.segment >= id && !segment->retired)
			found = segment;
	}
	if (found)
		found->holders++;
	pthread_rwlock_unlock(&s->segments.lock);
	return found;
}

static struct store_place end_of_log(struct store *s)
{
	struct store_place end = {0};

	pthread_rwlock_rdlock(&s->segments.lock);
	if (s->segments.count > 0) {
		const struct segment *newest = s->segments.all[s->segments.count - 1];

		end = (struct store_place){newest->super.segment, newest->end};
	}
	pthread_rwlock_unlock(&s->segments.lock);
	return end;
}

/* 1: read a piece; 0: nothing is new enough. */
static int scrub_fresh(struct store *s, const struct chores *chores, int64_t age, int64_t now,
		       struct chores_report *out)
{
	int64_t wait = age / 4 < FRESH_SECONDS ? age / 4 : FRESH_SECONDS;
	struct scrub *scrub = s->scrub;
	struct segment *segment;
	uint64_t from, to;
	int rc;

	if (!place_before(&scrub->fresh, &scrub->target)) {
		if (now - scrub->fresh_at < wait && now >= scrub->fresh_at)
			return 0;
		scrub->fresh_at = now;
		scrub->target = end_of_log(s);
		if (!place_before(&scrub->fresh, &scrub->target))
			return 0;
	}
	segment = hold_from(s, scrub->fresh.segment);
	if (!segment || segment->super.segment > scrub->target.segment) {
		segment_release(segment);
		scrub->fresh = scrub->target;
		return 0;
	}
	from = to = SEGMENT_START;
	if (segment->super.segment == scrub->fresh.segment &&
	    scrub->fresh.offset > SEGMENT_START)
		from = scrub->fresh.offset;
	to = segment->end;
	if (segment->super.segment == scrub->target.segment && scrub->target.offset < to)
		to = scrub->target.offset;
	rc = from < to ? read_segment(s, chores, out, segment, from, to) : 0;
	if (rc == -ECANCELED)
		; /* the same once more */
	else if (segment->super.segment == scrub->target.segment)
		scrub->fresh = scrub->target;
	else
		scrub->fresh = (struct store_place){segment->super.segment + 1, 0};
	segment_release(segment);
	return rc < 0 ? rc : 1;
}

/* Is the pass behind its time? */
static bool behind(struct store *s, int64_t window, int64_t now)
{
	const struct scrub *scrub = s->scrub;
	double all = 0, done = 0;

	pthread_rwlock_rdlock(&s->segments.lock);
	for (size_t i = 0; i < s->segments.count; i++) {
		const struct segment *segment = s->segments.all[i];

		all += (double)segment_used(segment);
		if (segment->super.segment < scrub->next)
			done += (double)segment_used(segment);
	}
	pthread_rwlock_unlock(&s->segments.lock);
	return done * (double)window <= all * (double)(now - scrub->began);
}

/* 1: read a segment; 0: the pass has time, or is over and the next one has not begun. */
static int scrub_all(struct store *s, const struct chores *chores, int64_t age, int64_t now,
		     struct chores_report *out)
{
	int64_t window = age * 3 / 4;
	struct scrub *scrub = s->scrub;
	struct segment *segment = hold_from(s, scrub->next);
	int rc;

	if (!segment) {
		if (scrub->next == 0 || now - scrub->began < window)
			return 0;
		scrub->began = now;
		scrub->next = 0;
		out->passes++;
		return 1;
	}
	if (!behind(s, window, now)) {
		segment_release(segment);
		return 0;
	}
	rc = read_segment(s, chores, out, segment, SEGMENT_START, segment->end);
	if (rc != -ECANCELED)
		scrub->next = segment->super.segment + 1;
	segment_release(segment);
	return rc < 0 ? rc : 1;
}

int store_scrub(struct store *s, const struct chores *chores, int64_t age_s, int64_t now_s,
		struct chores_report *out)
{
	int rc;

	if (s->poisoned)
		return ERR_POISONED;
	if (!s->scrub)
		load(s, now_s);
	/* The clock went back. */
	if (s->scrub->began > now_s)
		s->scrub->began = now_s;
	if (s->scrub->saved_at > now_s)
		s->scrub->saved_at = now_s;
	rc = scrub_fresh(s, chores, age_s, now_s, out);
	if (rc == 0)
		rc = scrub_all(s, chores, age_s, now_s, out);
	if (rc > 0)
		save(s, now_s);
	return rc;
}
