/*
 * Two tables that change places:
 *
 *   add ──▶ open ──a second, or half full──▶ batch ──appended──▶ empty
 *                                              └──failed──▶ once more, a second later
 */
#include "gateway/download_counter.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "gateway/download_table.h"
#include "proto/base/err.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/task.h"

#define GATHER_MS 1000

struct download_counter {
	struct loop *loop;
	struct metadb *db;
	struct timer timer;
	struct task *task; /* appending */
	struct download_table *open;
	struct download_table *batch;
	int64_t source; /* this worker's, by chance nobody else's */
	int64_t number; /* of the batch */
	bool waits;	/* the last try failed: told once */
	bool full;	/* likewise */
	bool closing;
};

static bool any(const struct download_table *t)
{
	return download_table_pulls(t) > 0;
}

static void lose(int64_t pulls, const char *why)
{
	metric_add(M_DOWNLOADS_LOST, pulls);
	log_warn("pulls are not counted", "pulls=%lld why=\"%s\"", (long long)pulls, why);
}

static int await_append(struct download_counter *c)
{
	const struct download_count *count;
	size_t counts = download_table_entries(c->batch, &count);
	int rc = await_downloads_append(c->db, c->source, c->number, count, counts);

	if (rc >= 0)
		download_table_empty(c->batch);
	return rc;
}

static void TASK_ENTRY append_main(void *arg)
{
	struct download_counter *c = arg;
	int rc = await_append(c);

	if (rc < 0 && rc != -ECANCELED && !c->waits)
		log_warn("counted pulls wait for the database", "err=\"%s\"", err_text(rc));
	if (rc >= 0 && c->waits)
		log_info("counted pulls wait no longer", NULL);
	c->waits = rc < 0;
	c->full = c->full && rc < 0;
	c->task = NULL;
	if (!c->closing && (any(c->batch) || any(c->open)) && !timer_running(&c->timer))
		timer_start(&c->timer, GATHER_MS);
}

static void append(struct download_counter *c)
{
	struct download_table *gathered = c->open;

	if (c->task != NULL)
		return; /* it starts the timer when it ends */
	if (!any(c->batch)) {
		if (!any(gathered))
			return;
		c->open = c->batch;
		c->batch = gathered;
		c->number++;
	}
	c->task = task_spawn(c->loop, "downloads", NULL, append_main, c);
	if (c->task == NULL)
		timer_start(&c->timer, GATHER_MS);
}

static void on_gathered(void *arg)
{
	append(arg);
}

void download_counter_add(struct download_counter *c, const struct manifest_info *m,
			  const char *tag, bool got)
{
	const struct download_count *count;

	if (!download_table_add(c->open, m->package_id, m->id, tag, got, time(NULL))) {
		if (c->full)
			metric_inc(M_DOWNLOADS_LOST);
		else
			lose(1, "too many wait for the database");
		c->full = true;
	}
	if (c->task != NULL)
		return;
	if (!c->waits && download_table_entries(c->open, &count) == DOWNLOAD_ENTRIES / 2)
		append(c);
	else if (!timer_running(&c->timer))
		timer_start(&c->timer, GATHER_MS);
}

bool download_counter_drained(struct download_counter *c)
{
	append(c);
	return c->task == NULL && !any(c->batch) && !any(c->open);
}

struct download_counter *download_counter_new(struct loop *l, struct metadb *db)
{
	struct download_counter *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->db = db;
	c->open = download_table_new();
	c->batch = download_table_new();
	if (getrandom(&c->source, sizeof(c->source), 0) != sizeof(c->source))
		fatal("no random bytes: %s", err_text(-errno));
	timer_init(&c->timer, l, on_gathered, c);
	return c;
}

void download_counter_free(struct download_counter *c)
{
	int64_t left;

	if (c == NULL)
		return;
	c->closing = true;
	timer_fini(&c->timer);
	if (c->task != NULL)
		task_cancel(c->task);
	while (c->task != NULL)
		loop_turn(c->loop, 10);
	left = download_table_pulls(c->open) + download_table_pulls(c->batch);
	if (left > 0)
		lose(left, "the gateway ends without the database");
	download_table_free(c->open);
	download_table_free(c->batch);
	free(c);
}
