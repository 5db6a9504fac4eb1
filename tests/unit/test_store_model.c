/*
 * The store against a model: random operations, faults, crashes and rot, in episodes of a fresh
 * disk each. After every restart everything is compared.
 *
 *	PACKHOUSE_MODEL_OPERATIONS   how many operations (20000)
 *	PACKHOUSE_SEED               where the random numbers begin (1)
 *
 * An episode is a list of steps, each with its own random numbers, so that steps can be left
 * out: a failing episode is shrunk to the steps that matter, and printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/log.h"
#include "tests/unit/storage/options.h"
#include "tests/unit/storage/world.h"

#define EPISODE 250

enum step_kind {
	STEP_COMMIT,
	STEP_READ,
	STEP_LIST,
	STEP_CHECKPOINT,
	STEP_CHECKPOINT_FAILS,
	STEP_STOP,
	STEP_KILL,
	STEP_POWER_CUT,
	STEP_DIE_IN_COMMIT,
	STEP_FULL,
	STEP_WRITE_FAILS,
	STEP_SYNC_FAILS,
	STEP_CREATE_FAILS,
	STEP_READ_FAILS,
	STEP_FLIP_BIT,
	STEP_COMPACT,
	STEP_COMPACT_FAULT,
	STEP_DIE_IN_COMPACT,
	STEP_SCRUB,
	STEP_EMPTY,
	STEP_KINDS
};

static const struct {
	const char *name;
	unsigned weight;
} step_kinds[STEP_KINDS] = {
	[STEP_COMMIT] = {"commit", 460},
	[STEP_READ] = {"read", 220},
	[STEP_LIST] = {"list", 40},
	[STEP_CHECKPOINT] = {"checkpoint", 60},
	[STEP_CHECKPOINT_FAILS] = {"failing checkpoint", 15},
	[STEP_STOP] = {"clean stop", 20},
	[STEP_KILL] = {"kill -9", 25},
	[STEP_POWER_CUT] = {"power cut", 30},
	[STEP_DIE_IN_COMMIT] = {"death in a commit", 25},
	[STEP_FULL] = {"disk full on or off", 15},
	[STEP_WRITE_FAILS] = {"write fault", 35},
	[STEP_SYNC_FAILS] = {"sync fault", 10},
	[STEP_CREATE_FAILS] = {"create fault", 10},
	[STEP_READ_FAILS] = {"read fault", 20},
	[STEP_FLIP_BIT] = {"bit flip", 15},
	[STEP_COMPACT] = {"compaction", 60},
	[STEP_COMPACT_FAULT] = {"fault in compaction", 20},
	[STEP_DIE_IN_COMPACT] = {"death in compaction", 20},
	[STEP_SCRUB] = {"scrub", 20},
	[STEP_EMPTY] = {"empty it", 5},
};

struct step {
	enum step_kind kind;
	uint64_t seed;
};

static struct step step_random(struct rng *r)
{
	struct step s = {STEP_COMMIT, 0};
	unsigned sum = 0, at;

	for (int i = 0; i < STEP_KINDS; i++)
		sum += step_kinds[i].weight;
	at = (unsigned)rng_below(r, sum);
	while (at >= step_kinds[s.kind].weight)
		at -= step_kinds[s.kind++].weight;
	s.seed = rng_next(r);
	return s;
}

/* Start again, with the current index, an older one or none. */
static bool restart(struct world *w, struct rng *r)
{
	uint64_t choice = rng_below(r, 4);

	if (choice == 1)
		tindex_rewind(w->index, 1 + rng_below(r, 3));
	if (choice == 2)
		tindex_rewind(w->index, 1000);
	return world_start(w);
}

static bool commit_with_fault(struct world *w, struct rng *r, enum vdisk_fault kind)
{
	bool right;

	vdisk_fail(w->v, kind, 1 + (unsigned)rng_below(r, 2));
	right = world_commit(w, r, true);
	vdisk_fail_none(w->v);
	return right;
}

static bool compact_with_fault(struct world *w, struct rng *r)
{
	enum vdisk_fault kind = (enum vdisk_fault)rng_below(r, FAULT_KINDS + 1);
	bool right;

	if (kind == FAULT_KINDS)
		tindex_fail(w->index, true);
	else
		vdisk_fail(w->v, kind, 1 + (unsigned)rng_below(r, 4));
	right = world_compact(w, r, true);
	vdisk_fail_none(w->v);
	tindex_fail(w->index, false);
	return right;
}

/* The steps after which there is another process. */
static bool step_restart(struct world *w, enum step_kind kind, struct rng *r)
{
	if (kind == STEP_STOP && !world_stop(w))
		return false;
	if (kind == STEP_DIE_IN_COMMIT) {
		vdisk_die_before(w->v, 1 + rng_below(r, 5));
		if (!world_commit(w, r, false))
			return false;
	}
	if (kind == STEP_DIE_IN_COMPACT) {
		vdisk_die_before(w->v, 1 + rng_below(r, 12));
		if (!world_compact(w, r, false))
			return false;
	}
	if (kind == STEP_POWER_CUT || (kind >= STEP_DIE_IN_COMMIT && rng_percent(r, 70)))
		world_power_cut(w, (enum power_cut)rng_below(r, CUT_KINDS));
	else if (kind != STEP_STOP)
		world_kill(w);
	return restart(w, r);
}

static bool step_run(struct world *w, const struct step *s)
{
	struct rng r = {s->seed};
	bool right;
	int rc;

	vdisk_seed(w->v, rng_next(&r));
	switch (s->kind) {
	case STEP_COMMIT:
		return world_commit(w, &r, false);
	case STEP_READ:
		return world_read(w, &r, false);
	case STEP_LIST:
		return world_list(w, &r);
	case STEP_CHECKPOINT:
		rc = store_checkpoint(w->s);
		if (rc < 0 && !w->poisoned)
			snprintf(w->error, sizeof(w->error), "a checkpoint failed: %d", rc);
		return !w->error[0];
	case STEP_CHECKPOINT_FAILS:
		tindex_fail(w->index, true);
		rc = store_checkpoint(w->s);
		tindex_fail(w->index, false);
		return true;
	case STEP_FULL:
		world_fill(w, rng_percent(&r, 50));
		return true;
	case STEP_WRITE_FAILS:
		return commit_with_fault(w, &r, FAULT_WRITE);
	case STEP_SYNC_FAILS:
		return commit_with_fault(w, &r,
					 rng_percent(&r, 70) ? FAULT_SYNC : FAULT_SYNC_NAMES);
	case STEP_CREATE_FAILS:
		return commit_with_fault(w, &r, FAULT_CREATE);
	case STEP_READ_FAILS:
		vdisk_fail(w->v, FAULT_READ, 1 + (unsigned)rng_below(&r, 2));
		right = world_read(w, &r, true);
		vdisk_fail_none(w->v);
		return right;
	case STEP_FLIP_BIT:
		world_flip_bit(w, &r);
		return true;
	case STEP_COMPACT:
		return world_compact(w, &r, false);
	case STEP_COMPACT_FAULT:
		return compact_with_fault(w, &r);
	case STEP_SCRUB:
		return world_scrub(w, &r, false);
	case STEP_EMPTY:
		return world_empty(w, &r);
	default:
		return step_restart(w, s->kind, &r);
	}
}

struct episode {
	uint64_t seed;
	struct step steps[EPISODE];
	size_t count;
	char error[256];
	size_t failed_at;
	uint64_t restarts, commits, reads, moved, removed;
};

/* True when store and model agreed to the end. */
static bool episode_run(struct episode *e)
{
	struct world *w = world_new(e->seed);
	bool right = world_start(w);
	size_t i = 0;

	for (; right && i < e->count; i++)
		right = step_run(w, &e->steps[i]);
	if (right) {
		world_kill(w);
		right = world_start(w);
	}
	e->failed_at = i;
	memcpy(e->error, w->error, sizeof(e->error));
	e->restarts = w->restarts;
	e->commits = w->commits;
	e->reads = w->reads;
	e->moved = w->moved;
	e->removed = w->removed;
	world_free(w);
	return right;
}

/* Leave out steps as long as the rest still fails: halves first, single ones last. */
static void episode_shrink(struct episode *e)
{
	struct episode *less = malloc(sizeof(*less));

	e->count = e->failed_at;
	for (size_t piece = e->count / 2 + 1; piece > 0; piece /= 2) {
		for (size_t at = 0; at < e->count;) {
			size_t n = piece < e->count - at ? piece : e->count - at;

			*less = *e;
			less->count = e->count - n;
			memmove(less->steps + at, e->steps + at + n,
				(e->count - at - n) * sizeof(*less->steps));
			if (episode_run(less))
				at += n;
			else
				*e = *less;
		}
	}
	free(less);
}

static void episode_report(struct episode *e)
{
	print_error("seed %llu: %s\n", (unsigned long long)e->seed, e->error);
	for (size_t i = 0; i < e->count; i++)
		print_error("  %2zu %-20s %016llx\n", i + 1, step_kinds[e->steps[i].kind].name,
			    (unsigned long long)e->steps[i].seed);
}

static void the_store_does_what_the_model_does(void **state)
{
	uint64_t operations = option("PACKHOUSE_MODEL_OPERATIONS", 20000);
	uint64_t seed = option("PACKHOUSE_SEED", 1), done = 0, restarts = 0, commits = 0;
	uint64_t moved = 0, removed = 0;
	struct episode *e = malloc(sizeof(*e));
	(void)state;

	for (; done < operations; seed++) {
		struct rng r = {seed};

		option_running_seed(seed);
		memset(e, 0, sizeof(*e));
		e->seed = seed;
		while (e->count < EPISODE)
			e->steps[e->count++] = step_random(&r);
		if (!episode_run(e)) {
			episode_shrink(e);
			if (!episode_run(e))
				episode_report(e);
			fail();
		}
		done += e->count;
		restarts += e->restarts;
		commits += e->commits;
		moved += e->moved;
		removed += e->removed;
	}
	print_message("%llu operations (%llu commits, %llu restarts, %llu copies moved, %llu "
		      "segments removed), seeds %llu…%llu: 0 divergences\n",
		      (unsigned long long)done, (unsigned long long)commits,
		      (unsigned long long)restarts, (unsigned long long)moved,
		      (unsigned long long)removed,
		      (unsigned long long)option("PACKHOUSE_SEED", 1),
		      (unsigned long long)seed - 1);
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_store_does_what_the_model_does),
	};

	log_open("test", LOG_ERROR + 1); /* faults are the test's normal life */
	option_report_aborts();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
