/*
 * Crash states: a life of a store ends at a random call to its disk, and what was not synced is
 * lost, reordered and torn in many ways. Out of each such disk the store must rise with all
 *that it acknowledged, go on working, and rise again from a second crash.
 *
 *	PACKHOUSE_CRASH_STATES   how many disks to recover (2000)
 *	PACKHOUSE_SEED           where the random numbers begin (1)
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

/* One life's end is tried in so many ways; the last one is kill -9: the cache survives. */
#define KILL CUT_KINDS
static const enum power_cut cuts[] = {CUT_NONE,	   CUT_ALL,   CUT_SECTORS, CUT_SECTORS,
				      CUT_SECTORS, CUT_PAGES, CUT_PAGES,   CUT_TORN,
				      CUT_TORN,	   KILL};
#define CUTS (sizeof(cuts) / sizeof(cuts[0]))

static bool checkpoint(struct world *w)
{
	if (store_checkpoint(w->s) == 0 || w->poisoned || vdisk_dead(w->v))
		return true;
	snprintf(w->error, sizeof(w->error), "a checkpoint failed");
	return false;
}

/*
 * Ordinary days: commits, checkpoints, compaction, now and then a restart or a failing write.
 */
static bool live(struct world *w, struct rng *r, uint64_t days)
{
	bool right = true;

	while (right && days-- > 0 && !vdisk_dead(w->v)) {
		uint64_t what = rng_below(r, 100);

		vdisk_fail_none(w->v);
		if (what < 8) {
			right = checkpoint(w);
		} else if (what < 12) {
			right = world_stop(w) && (vdisk_dead(w->v) || world_start(w));
		} else if (what < 16) {
			world_kill(w);
			right = world_start(w);
		} else if (what < 24) {
			vdisk_fail(w->v, FAULT_WRITE, 1 + (unsigned)rng_below(r, 2));
			right = world_commit(w, r, true);
		} else if (what < 30) {
			right = world_read(w, r, false);
		} else if (what < 42) {
			right = world_compact(w, r, false);
		} else if (what < 44) {
			vdisk_fail(w->v, FAULT_UNLINK, 1);
			right = world_compact(w, r, true);
		} else if (what < 46) {
			right = world_scrub(w, r, false);
		} else {
			right = world_commit(w, r, false);
		}
	}
	vdisk_fail_none(w->v);
	return right;
}

/* What is left of the index: the current one, an older one or none. */
static void age_index(struct world *w, struct rng *r)
{
	if (rng_percent(r, 60))
		tindex_rewind(w->index, rng_percent(r, 40) ? 1000 : rng_below(r, 4));
}

/* The power goes and comes back, and often goes again in the middle of recovery. */
static bool crash(struct world *w, struct rng *r, enum power_cut kind)
{
	if (kind == KILL)
		world_kill(w);
	else
		world_power_cut(w, kind);
	age_index(w, r);
	if (rng_percent(r, 30)) {
		vdisk_die_before(w->v, 1 + rng_below(r, 6));
		if (!world_start(w))
			return false;
		world_power_cut(w, (enum power_cut)rng_below(r, CUT_KINDS));
		age_index(w, r);
	}
	return world_start(w);
}

/* The last life of a world, up to the call to the disk at which it ends. */
static struct world *live_and_die(uint64_t seed, struct rng *r)
{
	struct world *w = world_new(seed);
	uint64_t days = rng_below(r, 25);

	if (!world_start(w) || !live(w, r, days))
		return w;
	vdisk_die_before(w->v, 1 + rng_below(r, 12));
	for (int i = 0; i < 12 && !vdisk_dead(w->v); i++) {
		if (!live(w, r, 1))
			return w;
	}
	world_kill(w);
	return w;
}

static void check(const struct world *w, uint64_t seed, size_t cut, const char *when)
{
	if (!w->error[0])
		return;
	print_error("seed %llu, cut %zu, %s: %s\n", (unsigned long long)seed, cut, when,
		    w->error);
	fail();
}

static void nothing_acknowledged_is_lost_in_a_crash(void **state)
{
	uint64_t states = option("PACKHOUSE_CRASH_STATES", 2000), done = 0;
	uint64_t first_seed = option("PACKHOUSE_SEED", 1), seed = first_seed, commits = 0;
	(void)state;

	for (; done < states; seed++) {
		struct rng r = {seed};
		struct world *w;

		option_running_seed(seed);
		w = live_and_die(seed, &r);
		check(w, seed, 0, "before the crash");
		for (size_t i = 0; i < CUTS; i++) {
			struct world *image = world_clone(w);

			vdisk_seed(image->v, rng_next(&r));
			(void)crash(image, &r, cuts[i]);
			check(image, seed, i, "after the crash");
			(void)live(image, &r, rng_below(&r, 6));
			check(image, seed, i, "in the second life");
			(void)crash(image, &r, (enum power_cut)rng_below(&r, CUT_KINDS));
			check(image, seed, i, "after the second crash");
			done += 2;
			commits += image->commits;
			world_free(image);
		}
		world_free(w);
	}
	print_message("%llu crash states (%llu commits), seeds %llu…%llu: 0 lost, 0 wrong, 0 "
		      "refusals to start\n",
		      (unsigned long long)done, (unsigned long long)commits,
		      (unsigned long long)first_seed, (unsigned long long)seed - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_acknowledged_is_lost_in_a_crash),
	};

	log_open("test", LOG_ERROR + 1);
	option_report_aborts();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
