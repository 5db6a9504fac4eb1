/* Gauges are set when somebody looks; counters are kept where things happen. */
#include "storage/daemon/private.h"

#include "proto/base/metrics.h"
#include "proto/base/probe.h"
#include "proto/base/settings.h"

static bool ready(void *arg, FILE *why)
{
	struct server *s = arg;

	if (s->store == NULL)
		fprintf(why, "recovering the disk\n");
	else if (s->draining)
		fprintf(why, "stopping\n");
	else if (s->refused)
		fprintf(why, "the keeper is of another cluster\n");
	else if (s->cluster_uuid[0] == '\0')
		fprintf(why, "belongs to no cluster yet\n");
	else if (!s->announced)
		fprintf(why, "no keeper has answered yet\n");
	else if (store_poisoned(s->store))
		fprintf(why, "an fdatasync failed: restart to read the disk anew\n");
	else
		return true;
	return false;
}

static void print_metrics(void *arg, FILE *out)
{
	struct server *s = arg;
	const struct store_stats *stats = &s->stats;

	metric_set(M_LOOP_LAG_US, loop_take_lag_us(s->loop));
	metric_set(M_BUF_USED, (int64_t)buf_used(s->pool));
	metric_set(M_TASKS, (int64_t)task_count());
	metric_set(M_STORAGE_CHUNKS, (int64_t)stats->chunks);
	metric_set(M_STORAGE_BAD_CHUNKS, (int64_t)stats->bad_chunks);
	metric_set(M_STORAGE_LIVE, (int64_t)stats->live_bytes);
	metric_set(M_STORAGE_DEAD, (int64_t)stats->dead_bytes);
	metric_set(M_STORAGE_SEGMENTS, (int64_t)stats->segments);
	metric_set(M_STORAGE_ROOM, (int64_t)stats->room_bytes);
	metric_set(M_STORAGE_FULL, stats->full);
	metric_set(M_STORAGE_UNSAVED, (int64_t)stats->unsaved_bytes);
	metric_set(M_STORAGE_POISONED, s->store != NULL && store_poisoned(s->store));
	metric_set(M_STORAGE_EPOCH, s->epoch);
	metric_set(M_STORAGE_JOBS, (int64_t)s->jobs);
	metric_set(M_STORAGE_TICKETS, (int64_t)room_tickets(s->room));
	metrics_print(out, "packhouse_storage");
}

static void print_tasks(void *arg, FILE *out)
{
	(void)arg;
	task_dump(out, clock_now_ms());
}

int private_open(struct server *s, struct probe **out)
{
	static const struct probe_hooks hooks = {ready, print_metrics, print_tasks};

	return probe_open(s->loop, settings()->storage_private, &hooks, s, out);
}
