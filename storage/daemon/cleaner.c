/*
 * A round does one victim and one piece of scrub; when neither had anything to do the thread
 * sleeps for a second. What fails is put off for ten: a full disk or a bad sector does not get
 * better by being asked all the time.
 *
 *   rate:  each byte moves `free_at` into the future; whoever is ahead of the clock sleeps.
 *          What was not used is lost but for a tenth of a second.
 */
#include "storage/daemon/cleaner.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/metrics.h"
#include "proto/base/settings.h"
#include "storage/daemon/chores.h"

#define IDLE_US	   1000000
#define PUT_OFF_US 10000000
#define BURST_US   100000

struct cleaner {
	struct store *store;
	struct committer *committer;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool closing;
	/* The thread's own. */
	int64_t rate; /* bytes a second, of the chore at hand */
	int64_t free_at_us;
	int64_t compact_at_us, scrub_at_us; /* not before */
};

/* Sleep until then; false when it is time to stop. */
static bool sleep_until(struct cleaner *cl, int64_t until_us)
{
	struct timespec until = {until_us / 1000000, until_us % 1000000 * 1000};
	bool go_on;

	pthread_mutex_lock(&cl->lock);
	while (!cl->closing && clock_now_us() < until_us)
		pthread_cond_timedwait(&cl->wake, &cl->lock, &until);
	go_on = !cl->closing;
	pthread_mutex_unlock(&cl->lock);
	return go_on;
}

static bool on_pace(void *arg, uint64_t bytes)
{
	struct cleaner *cl = arg;
	int64_t now = clock_now_us();

	if (cl->free_at_us < now - BURST_US)
		cl->free_at_us = now - BURST_US;
	cl->free_at_us += (int64_t)((double)bytes * 1e6 / (double)cl->rate);
	return sleep_until(cl, cl->free_at_us);
}

static void on_commit(void *arg, struct store_op *const ops[], size_t count)
{
	struct cleaner *cl = arg;
	size_t bytes = 0;

	/* Compaction's groups lie in one piece. */
	for (size_t i = 0; i < count; i++) {
		assert(ops[i] == ops[0] + i);
		bytes += ops[i]->len;
	}
	committer_wait(cl->committer, ops[0], count, bytes);
}

static void on_bad(void *arg, const struct chunk_key *key)
{
	(void)arg;
	(void)key;
	metric_inc(M_STORAGE_BAD);
}

static void count(const struct chores_report *report)
{
	metric_add(M_STORAGE_MOVED, (int64_t)report->moved_bytes);
	metric_add(M_STORAGE_FREED, (int64_t)report->freed_bytes);
	metric_add(M_STORAGE_REMOVED, (int64_t)report->segments);
	metric_add(M_STORAGE_SCRUBBED, (int64_t)report->checked_bytes);
	metric_add(M_STORAGE_SCRUBS, (int64_t)report->passes);
	if (report->segments > 0)
		log_info("compacted", "segments=%llu freed=%llu moved=%llu",
			 (unsigned long long)report->segments,
			 (unsigned long long)report->freed_bytes,
			 (unsigned long long)report->moved_bytes);
}

/* What a chore's answer means: when it may be done again. */
static int64_t next_time(const char *chore, int rc)
{
	if (rc >= 0 || rc == -ECANCELED)
		return 0;
	if (rc == -EAGAIN)
		return clock_now_us() + IDLE_US;
	metric_inc(M_STORAGE_CHORES_FAILED);
	log_warn("put off", "chore=%s reason=\"%s\"", chore, err_text(rc));
	return clock_now_us() + PUT_OFF_US;
}

/* True: did something. */
static bool work(struct cleaner *cl)
{
	const struct chores chores = {on_commit, on_pace, on_bad, cl};
	struct chores_report report = {0};
	int compacted = 0, scrubbed = 0;

	if (store_poisoned(cl->store))
		return false;
	if (clock_now_us() >= cl->compact_at_us) {
		cl->rate = settings()->storage_compact_rate;
		compacted = store_compact(cl->store, &chores,
					  (unsigned)settings()->storage_compact_ratio, &report);
		cl->compact_at_us = next_time("compaction", compacted);
	}
	if (clock_now_us() >= cl->scrub_at_us) {
		cl->rate = settings()->storage_scrub_rate;
		scrubbed = store_scrub(cl->store, &chores, settings()->storage_scrub_age / 1000,
				       time(NULL), &report);
		cl->scrub_at_us = next_time("scrub", scrubbed);
	}
	count(&report);
	return compacted > 0 || scrubbed > 0;
}

static void *cleaner_main(void *arg)
{
	struct cleaner *cl = arg;

	while (sleep_until(cl, work(cl) ? 0 : clock_now_us() + IDLE_US))
		;
	return NULL;
}

struct cleaner *cleaner_new(struct store *s, struct committer *c)
{
	struct cleaner *cl = xcalloc(1, sizeof(*cl));
	pthread_condattr_t attr;
	int rc;

	cl->store = s;
	cl->committer = c;
	pthread_mutex_init(&cl->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&cl->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&cl->thread, NULL, cleaner_main, cl);
	if (rc != 0)
		fatal("cannot start the cleaner thread: %s", err_text(-rc));
	pthread_setname_np(cl->thread, "cleaner");
	return cl;
}

void cleaner_free(struct cleaner *cl)
{
	if (cl == NULL)
		return;
	pthread_mutex_lock(&cl->lock);
	cl->closing = true;
	pthread_cond_signal(&cl->wake);
	pthread_mutex_unlock(&cl->lock);
	pthread_join(cl->thread, NULL);
	pthread_cond_destroy(&cl->wake);
	pthread_mutex_destroy(&cl->lock);
	free(cl);
}
