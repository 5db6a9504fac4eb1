/*
 * serve: builds the keeper, runs it, takes it apart.
 *
 * On SIGTERM or SIGINT the registry stops taking, the long tasks are cancelled, and the loop
 * ends as soon as no task is left. Nothing of the keeper's own must survive: all it knows is in
 * PostgreSQL.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metadb/keeper/keeper.h"
#include "metadb/modes.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/probe.h"
#include "proto/base/process.h"
#include "proto/base/settings.h"
#include "proto/base/task.h"
#include "proto/base/zsock.h"

#define DRAIN_TICK_MS 20

static bool ready(void *arg, FILE *why)
{
	struct keeper *k = arg;

	if (k->stopping)
		fprintf(why, "stopping\n");
	else if (!metadb_up(k->db, why))
		return false;
	else if (k->schema_version < schema_version_needed())
		fprintf(why, "the database has schema %d, this program needs %d\n",
			k->schema_version, schema_version_needed());
	else if (!k->reachable)
		fprintf(why, "PostgreSQL does not answer\n");
	else if (k->figures.epoch == 0)
		fprintf(why, "no epoch yet: %lld of %zu storage daemons are registered\n",
			(long long)k->figures.nodes, k->daemons);
	else
		return true;
	return false;
}

static void print_metrics(void *arg, FILE *out)
{
	struct keeper *k = arg;

	metric_set(M_LOOP_LAG_US, loop_take_lag_us(k->loop));
	metric_set(M_BUF_USED, (int64_t)buf_used(k->pool));
	metric_set(M_TASKS, (int64_t)task_count());
	metric_set(M_KEEPER_EPOCH, k->figures.epoch);
	metric_set(M_KEEPER_NODES, k->figures.nodes);
	metric_set(M_KEEPER_NODES_ALIVE, k->figures.nodes_alive);
	metric_set(M_KEEPER_OWING, k->figures.partitions_owing);
	metric_set(M_KEEPER_UPLOADS, k->figures.uploads_open);
	metric_set(M_KEEPER_ADOPTED, k->adopted);
	metric_set(M_KEEPER_BEHIND, k->behind);
	metric_set(M_KEEPER_MODE, (int64_t)mode_seen(k->db));
	metrics_print(out, "packhouse_keeper");
}

static void print_tasks(void *arg, FILE *out)
{
	(void)arg;
	task_dump(out, clock_now_ms());
}

static void on_drain(void *arg)
{
	struct keeper *k = arg;

	if (task_count() == 0)
		loop_stop(k->loop);
	else
		timer_start(&k->drain, DRAIN_TICK_MS);
}

static void on_stop_signal(void *arg)
{
	struct keeper *k = arg;

	if (k->stopping)
		return;
	log_info("stopping", NULL);
	k->stopping = true;
	if (k->duties != NULL)
		task_cancel(k->duties);
	if (k->reconcile != NULL)
		task_cancel(k->reconcile);
	if (k->clean != NULL)
		task_cancel(k->clean);
	if (k->count != NULL)
		task_cancel(k->count);
	timer_start(&k->drain, DRAIN_TICK_MS);
}

/* "a,b, c" → names */
static void split_daemons(struct keeper *k)
{
	char *save = NULL;
	char *text = xstrdup(settings()->cluster_daemons);

	k->daemon_names = text;
	for (char *name = strtok_r(text, ", ", &save); name != NULL;
	     name = strtok_r(NULL, ", ", &save)) {
		if (k->daemons == DAEMONS_MAX)
			fatal("cluster.daemons names more than %d daemons", DAEMONS_MAX);
		k->daemon[k->daemons++] = name;
	}
}

static int start(struct keeper *k)
{
	static const struct probe_hooks hooks = {ready, print_metrics, print_tasks};
	struct metadb_options options;
	int rc;

	metadb_options_load(&options, "packhouse-metadb");
	k->db = metadb_open(k->loop, &options);
	rc = probe_open(k->loop, settings()->keeper_private, &hooks, k, &k->probe);
	if (rc < 0) {
		log_error("cannot open the private listener", "address=%s err=\"%s\"",
			  settings()->keeper_private, err_text(rc));
		return rc;
	}
	rc = registry_open(k, &k->registry);
	if (rc < 0)
		return rc;
	keeper_life_begin(&k->life, registry_address(k->registry));
	cluster_open(&k->cluster, k->loop, k->pool, k->db, "packhouse-metadb");
	k->reconciler = reconciler_new(k);
	k->duties = task_spawn(k->loop, "duties", NULL, keeper_duties, k);
	k->reconcile = task_spawn(k->loop, "reconcile", NULL, keeper_reconcile, k);
	k->clean = task_spawn(k->loop, "clean", NULL, keeper_clean, k);
	k->count = task_spawn(k->loop, "count", NULL, keeper_count, k);
	return k->duties == NULL || k->reconcile == NULL || k->clean == NULL || k->count == NULL
		       ? -EAGAIN
		       : 0;
}

int keeper_serve(void)
{
	struct keeper k = {.started_ms = clock_now_ms()};
	int rc;

	signal(SIGPIPE, SIG_IGN);
	metrics_setup(1);
	zsock_setup(1);
	k.loop = loop_new();
	k.pool = buf_pool_new(k.loop, (size_t)settings()->buffers_budget);
	timer_init(&k.drain, k.loop, on_drain, &k);
	split_daemons(&k);
	rc = start(&k);
	if (rc == 0)
		rc = process_write_pidfile();
	if (rc == 0) {
		loop_on_signal(k.loop, SIGTERM, on_stop_signal, &k);
		loop_on_signal(k.loop, SIGINT, on_stop_signal, &k);
		log_info("keeper started", "schema=%d daemons=%zu", schema_version_needed(),
			 k.daemons);
		loop_run(k.loop);
	}
	registry_close(k.registry);
	probe_close(k.probe);
	cluster_close(&k.cluster);
	reconciler_free(k.reconciler);
	metadb_close(k.db);
	timer_fini(&k.drain);
	zsock_teardown();
	buf_pool_free(k.pool);
	loop_free(k.loop);
	free(k.daemon_names);
	if (rc == 0)
		log_info("stopped", NULL);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
