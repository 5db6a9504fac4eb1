/*
 * check: looks at everything, changes nothing.
 *
 * Partitions are compared as the keeper does it, by a few tasks that take one handful after the
 * other. In a cluster that is in use a row may be younger than the lists, and a third copy
 * still on its way: what differs is compared again a few times before it is a finding.
 */
#include "metadb/keeper/check.h"

#include <stdlib.h>
#include <string.h>

#include "metadb/keeper/facts.h"
#include "metadb/keeper/keeper.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/settings.h"
#include "proto/base/task.h"
#include "proto/base/zsock.h"

#define TASKS	     4
#define TRIES	     4
#define AGAIN_MS     1000
#define NODES_UP_MS  10000
#define STATEMENT_MS 600000
#define CANNOT_CHECK 2

struct check {
	struct loop *loop;
	struct buf_pool *pool;
	struct metadb *db;
	struct cluster cluster;
	uint16_t part[PARTITIONS]; /* to be looked at */
	size_t parts;
	size_t next;
	int running; /* tasks that compare */
	bool ended;
	int rc;
	struct check_report report;
};

static void add(struct copy_figures *f, const struct comparison *c)
{
	f->copies += (int64_t)c->copies;
	f->missing += (int64_t)c->missing;
	f->lost += (int64_t)c->suspects;
	for (size_t i = 0; i < c->drops; i++)
		*(c->drop[i].extra ? &f->extra : &f->garbage) += 1;
}

/* Compares the partitions of `f`; those that differ stay in it for another try. */
static int await_compare(struct check *k, struct facts *f, bool last)
{
	struct arena *a = arena_new();
	size_t kept = 0;
	int rc = await_facts(f, a, &k->cluster, k->db);

	if (rc == ERR_NOT_ADOPTED) {
		k->report.copy.unknown += (int64_t)f->parts;
		f->parts = 0;
		rc = 0;
	}
	for (size_t i = 0; i < f->parts && rc == 0; i++) {
		struct comparison c;

		facts_compare(f, i, &k->cluster, a, &c);
		if (!c.all_known)
			rc = ERR_UNAVAILABLE;
		else if (comparison_whole(&c) || last)
			add(&k->report.copy, &c);
		else
			f->part[kept++] = f->part[i];
	}
	f->parts = kept;
	arena_free(a);
	return rc;
}

static int await_handful(struct check *k, struct facts *f)
{
	int rc = 0;

	for (int try = 1; f->parts > 0; try++) {
		rc = await_compare(k, f, try >= TRIES);
		if (rc == ERR_UNAVAILABLE && try < TRIES)
			rc = 0; /* a new map, a daemon that starts */
		if (rc < 0 || try >= TRIES)
			return rc;
		if (f->parts > 0)
			rc = await_sleep(AGAIN_MS);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static void TASK_ENTRY compare_main(void *arg)
{
	struct check *k = arg;

	while (k->rc == 0 && k->next < k->parts) {
		struct facts f = {0};
		int rc;

		while (f.parts < FACTS_MAX && k->next < k->parts)
			facts_add(&f, k->part[k->next++]);
		k->report.copy.partitions += (int64_t)f.parts;
		rc = await_handful(k, &f);
		if (rc < 0)
			k->rc = rc;
	}
	k->running--;
}

/* Every node must answer: what one of them holds is otherwise not known. */
static int await_nodes(struct check *k)
{
	int64_t deadline = clock_now_ms() + NODES_UP_MS;

	for (;;) {
		struct arena *a = arena_new();
		uint16_t *node;
		size_t count = cluster_nodes(&k->cluster, a, &node);
		size_t up = cluster_nodes_up(&k->cluster, a, &node);
		int rc;

		arena_free(a);
		if (count > 0 && up == count)
			return 0;
		if (clock_now_ms() > deadline) {
			fprintf(stderr,
				"packhouse-metadb: check: %zu of %zu storage daemons answer\n",
				up, count);
			return ERR_UNAVAILABLE;
		}
		rc = await_sleep(50);
		if (rc < 0)
			return rc;
	}
}

static int await_check(struct check *k)
{
	int rc = await_server_state(k->db, &k->report.server);

	if (rc == 0)
		rc = k->report.rows = await_row_checks(k->db, k->report.row);
	if (rc < 0 || !k->report.server.adopted)
		return rc < 0 ? rc : 0; /* its rows say nothing about copies */
	rc = await_nodes(k);
	if (rc < 0)
		return rc;
	for (int i = 0; i < TASKS; i++)
		k->running += task_spawn(k->loop, "compare", NULL, compare_main, k) != NULL;
	while (k->running > 0)
		if (await_sleep(20) < 0)
			return -ECANCELED;
	return k->rc;
}

static void TASK_ENTRY check_main(void *arg)
{
	struct check *k = arg;
	int rc = await_check(k);

	k->rc = rc < 0 ? rc : 0;
	k->ended = true;
}

/* All partitions, or so many at random. */
static void choose_parts(struct check *k, long sample)
{
	unsigned seed = (unsigned)clock_now_us();

	for (unsigned p = 0; p < PARTITIONS; p++)
		k->part[p] = (uint16_t)p;
	k->parts = sample > 0 && sample < PARTITIONS ? (size_t)sample : PARTITIONS;
	for (size_t i = 0; i < k->parts && k->parts < PARTITIONS; i++) {
		size_t other = i + (size_t)rand_r(&seed) % (PARTITIONS - i);
		uint16_t part = k->part[other];

		k->part[other] = k->part[i];
		k->part[i] = part;
	}
}

int keeper_check(long sample, bool json)
{
	struct check *k = xcalloc(1, sizeof(*k));
	struct metadb_options options;
	int rc;

	choose_parts(k, sample);
	log_open("metadb", LOG_ERROR);
	metrics_setup(1);
	zsock_setup(1);
	k->loop = loop_new();
	k->pool = buf_pool_new(k->loop, (size_t)settings()->buffers_budget);
	metadb_options_load(&options, "packhouse-metadb-check");
	options.timeout_ms = STATEMENT_MS;
	k->db = metadb_open(k->loop, &options);
	cluster_open(&k->cluster, k->loop, k->pool, k->db, "packhouse-metadb-check");
	if (task_spawn(k->loop, "check", NULL, check_main, k) == NULL)
		fatal("no room for a task");
	while (!k->ended)
		loop_turn(k->loop, 1000);
	rc = k->rc;
	cluster_close(&k->cluster);
	metadb_close(k->db);
	zsock_teardown();
	buf_pool_free(k->pool);
	loop_free(k->loop);
	if (rc < 0)
		fprintf(stderr, "packhouse-metadb: check: %s\n", err_text(rc));
	else
		check_print(&k->report, json, stdout);
	if (rc == 0)
		rc = fflush(stdout) != 0 ? CANNOT_CHECK : check_findings(&k->report) > 0;
	free(k);
	return rc < 0 ? CANNOT_CHECK : rc;
}
