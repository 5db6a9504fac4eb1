/*
 * A small table of (partition, node): new entries wait for the timer, told ones stay for a
 * while so that a popular damaged chunk costs one row and not one a read.
 */
#include "gateway/trouble.h"

#include <stdlib.h>

#include "metadb/partitions.h"
#include "proto/base/err.h"
#include "proto/base/log.h"
#include "proto/base/task.h"

#define GATHER_MS 1000
#define QUIET_MS  10000

struct entry {
	uint16_t part;
	uint16_t node;
	bool waits;	 /* to be told */
	int64_t told_ms; /* when it was told last */
};

struct trouble {
	struct loop *loop;
	struct metadb *db;
	struct timer timer;
	struct task *task; /* telling */
	bool closing;
	struct entry entry[TROUBLE_MAX];
	size_t count;
};

static int await_tell(struct trouble *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct entry *e = &t->entry[i];
		int rc;

		if (!e->waits)
			continue;
		e->waits = false;
		e->told_ms = clock_now_ms();
		rc = await_partition_due(t->db, e->part, e->node);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static void TASK_ENTRY tell_main(void *arg)
{
	struct trouble *t = arg;
	int rc = await_tell(t);

	if (rc < 0 && rc != -ECANCELED)
		log_warn("damaged copies were not reported", "err=\"%s\"", err_text(rc));
	t->task = NULL;
}

/* Forget what was told long ago; not while the task walks over the table. */
static void sweep(struct trouble *t)
{
	int64_t now = clock_now_ms();
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++)
		if (t->entry[i].waits || now - t->entry[i].told_ms < QUIET_MS)
			t->entry[kept++] = t->entry[i];
	t->count = kept;
}

static void on_gathered(void *arg)
{
	struct trouble *t = arg;
	bool waits = false;

	if (t->task == NULL)
		sweep(t);
	for (size_t i = 0; i < t->count; i++)
		waits = waits || t->entry[i].waits;
	if (waits && t->task == NULL)
		t->task = task_spawn(t->loop, "trouble", NULL, tell_main, t);
	if (t->count > 0)
		timer_start(&t->timer, GATHER_MS);
}

void trouble_report(struct trouble *t, unsigned partition, uint16_t node)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->entry[i].part == partition && t->entry[i].node == node)
			return;
	if (t->count == TROUBLE_MAX || t->closing)
		return;
	if (t->count == 0)
		timer_start(&t->timer, GATHER_MS);
	t->entry[t->count++] = (struct entry){(uint16_t)partition, node, true, 0};
}

struct trouble *trouble_new(struct loop *l, struct metadb *db)
{
	struct trouble *t = xcalloc(1, sizeof(*t));

	t->loop = l;
	t->db = db;
	timer_init(&t->timer, l, on_gathered, t);
	return t;
}

void trouble_free(struct trouble *t)
{
	if (t == NULL)
		return;
	t->closing = true;
	timer_fini(&t->timer);
	if (t->task != NULL)
		task_cancel(t->task);
	while (t->task != NULL)
		loop_turn(t->loop, 10);
	free(t);
}
