/*
 * Compaction and scrub in the model. They change nothing that a user sees; what they call bad
 * must have been damaged. Their calls to the outside, commit and pace, are where others come in
 * between: with that any order of two threads' steps is tried in one.
 */
#include <stdio.h>

#include "storage/daemon/chores.h"
#include "tests/unit/storage/world_inside.h"

#define CALLS_MAX     200
#define SEGMENTS_LEFT 4

struct visit {
	struct world *w;
	struct rng *r;
	bool excused, quiet, right;
};

static void disturb(struct visit *v)
{
	struct world *w = v->w;
	uint64_t what = rng_below(v->r, 100);

	if (v->quiet || !v->right || vdisk_dead(w->v))
		return;
	if (what < 25)
		v->right = world_commit(w, v->r, v->excused);
	else if (what < 30)
		v->right = world_read(w, v->r, v->excused);
	else if (what < 33)
		v->right = store_checkpoint(w->s) == 0 || v->excused || w->poisoned ||
			   vdisk_dead(w->v) || world_differs(w, NULL, "a checkpoint failed");
}

static void on_commit(void *arg, struct store_op *const ops[], size_t count)
{
	struct visit *v = arg;
	struct world *w = v->w;
	uint64_t syncs_failed;
	bool any_done = false;

	disturb(v);
	syncs_failed = world_failed_syncs(w);
	store_commit(w->s, ops, count);
	for (size_t i = 0; i < count; i++)
		any_done |= ops[i]->result == 0;
	if (any_done && w->poisoned)
		v->right = world_differs(w, NULL, "a poisoned disk moved something");
	if (world_failed_syncs(w) > syncs_failed && !store_poisoned(w->s))
		v->right = world_differs(w, NULL, "a sync failed and the disk is not poisoned");
	/* A group that succeeds settles the failures before it. */
	for (int i = 0; i < WORLD_KEYS && any_done; i++)
		w->keys[i].maybe = false;
	w->poisoned = store_poisoned(w->s);
	disturb(v);
}

static bool on_pace(void *arg, uint64_t bytes)
{
	struct visit *v = arg;

	(void)bytes;
	disturb(v);
	return v->quiet || rng_percent(v->r, 98);
}

static void on_bad(void *arg, const struct chunk_key *key)
{
	struct visit *v = arg;
	struct world *w = v->w;

	w->found_bad++;
	for (int i = 0; i < WORLD_KEYS; i++) {
		struct world_key *k = &w->keys[i];

		if (chunk_key_equal(&k->key, key) && !k->damaged && !k->ghost)
			v->right = world_differs(w, k, "the chores call a good chunk bad");
	}
}

static bool end_of(struct visit *v, int rc, const char *what)
{
	struct world *w = v->w;
	char text[80];

	w->poisoned = store_poisoned(w->s);
	if (!v->right || rc >= 0 || rc == -ECANCELED || v->excused || w->poisoned ||
	    vdisk_dead(w->v) || (rc == ERR_FULL && w->full))
		return v->right;
	snprintf(text, sizeof(text), "%s failed: %d", what, rc);
	return world_differs(w, NULL, text);
}

static bool compact(struct visit *v, unsigned percent)
{
	struct chores chores = {on_commit, on_pace, on_bad, v};
	struct chores_report report = {0};
	struct world *w = v->w;
	uint64_t syncs_failed = world_failed_syncs(w);
	int rc = 1;

	for (int i = 0; i < CALLS_MAX && rc > 0 && v->right; i++)
		rc = store_compact(w->s, &chores, percent, &report);
	if (world_failed_syncs(w) > syncs_failed && !store_poisoned(w->s))
		return world_differs(w, NULL, "a sync failed and the disk is not poisoned");
	w->moved += report.moved;
	w->removed += report.segments;
	if (rc > 0)
		return world_differs(w, NULL, "compaction never ends");
	return end_of(v, rc, "compaction");
}

bool world_compact(struct world *w, struct rng *r, bool excused)
{
	static const unsigned percents[] = {1, 30, 60, 60, 80, 90};
	struct visit v = {w, r, excused, rng_percent(r, 30), true};

	return compact(&v, percents[rng_below(r, 6)]);
}

bool world_scrub(struct world *w, struct rng *r, bool excused)
{
	struct visit v = {w, r, excused, rng_percent(r, 50), true};
	struct chores chores = {on_commit, on_pace, on_bad, &v};
	struct chores_report report = {0};
	int64_t age = 1 + (int64_t)rng_below(r, 1000);
	int rc = 1;

	w->now_s += 2 * age;
	for (int i = 0; i < CALLS_MAX && rc > 0 && v.right && report.passes == 0; i++)
		rc = store_scrub(w->s, &chores, age, w->now_s, &report);
	w->checked += report.checked;
	return end_of(&v, rc, "scrub");
}

bool world_empty(struct world *w, struct rng *r)
{
	struct visit v = {w, r, false, true, true};
	struct store_op ops[WORLD_KEYS], *order[WORLD_KEYS];
	struct store_stats stats;

	for (int i = 0; i < WORLD_KEYS; i++) {
		ops[i] = (struct store_op){.kind = STORE_DEL, .key = w->keys[i].key};
		order[i] = &ops[i];
	}
	store_commit(w->s, order, WORLD_KEYS);
	for (int i = 0; i < WORLD_KEYS; i++) {
		struct world_key *k = &w->keys[i];

		if (ops[i].result < 0)
			return w->poisoned || vdisk_dead(w->v) ||
			       world_differs(w, k, "a deletion failed without a reason");
		k->present = k->maybe = k->ghost = false;
	}
	if (!compact(&v, 60))
		return false;
	store_stats(w->s, &stats);
	if (stats.live_bytes > 0)
		return world_differs(w, NULL, "something lives in an empty store");
	return stats.segments <= SEGMENTS_LEFT || w->full || vdisk_dead(w->v) || w->poisoned ||
	       world_differs(w, NULL, "an emptied store keeps its room");
}
