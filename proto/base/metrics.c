/*
 * One anonymous shared mapping of slots; a slot is an array of cells, METRIC_CELLS a metric:
 * counters and gauges use the first, histograms one a bucket, then count and sum.
 */
#include "proto/base/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "proto/base/err.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const struct {
	enum kind kind;
	const char *name;
	const char *labels;
	const char *help;
} TABLE[METRIC_COUNT] = {
#define METRIC(id, kind, name, labels, help) {kind, name, labels, help},
#include "proto/base/metrics_table.h"
#undef METRIC
};

/* Upper ends of the buckets in microseconds; the last one is +Inf. */
static const int64_t BUCKETS_US[] = {100,    250,     1000,    4000,	 16000,	   64000,
				     250000, 1000000, 4000000, 16000000, 100000000};
#define BUCKETS	 ((int)(sizeof(BUCKETS_US) / sizeof(BUCKETS_US[0])))
#define CELLS	 (BUCKETS + 3)
#define SUM_CELL (BUCKETS + 1)

struct slot {
	_Atomic int64_t cell[METRIC_COUNT][CELLS];
};

/* Tests and tools that never call metrics_setup() count here. */
static struct slot private_slot;
static struct slot *slots = &private_slot;
static int slot_count = 1;
static struct slot *mine = &private_slot;

void metrics_setup(int count)
{
	assert(count >= 1);
	slots = mmap(NULL, sizeof(struct slot) * (size_t)count, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		fatal("cannot map the metrics: %s", err_text(-errno));
	slot_count = count;
	mine = slots;
}

static void clear_gauges(struct slot *s)
{
	for (int m = 0; m < METRIC_COUNT; m++)
		if (TABLE[m].kind == GAUGE)
			atomic_store_explicit(&s->cell[m][0], 0, memory_order_relaxed);
}

void metrics_use_slot(int slot)
{
	assert(slot >= 0 && slot < slot_count);
	mine = &slots[slot];
	clear_gauges(mine);
}

void metric_add(enum metric m, int64_t by)
{
	atomic_fetch_add_explicit(&mine->cell[m][0], by, memory_order_relaxed);
}

void metric_set(enum metric m, int64_t value)
{
	atomic_store_explicit(&mine->cell[m][0], value, memory_order_relaxed);
}

void metric_observe_us(enum metric m, int64_t us)
{
	int b = 0;

	while (b < BUCKETS && us > BUCKETS_US[b])
		b++;
	atomic_fetch_add_explicit(&mine->cell[m][b], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&mine->cell[m][SUM_CELL], us, memory_order_relaxed);
}

static int64_t cell_sum(enum metric m, int cell)
{
	int64_t sum = 0;

	for (int i = 0; i < slot_count; i++)
		sum += atomic_load_explicit(&slots[i].cell[m][cell], memory_order_relaxed);
	return sum;
}

int64_t metric_value(enum metric m)
{
	return cell_sum(m, 0);
}

static void print_histogram(FILE *out, enum metric m)
{
	const char *labels = TABLE[m].labels;
	const char *comma = labels[0] != '\0' ? "," : "";
	int64_t total = 0;

	for (int b = 0; b <= BUCKETS; b++) {
		total += cell_sum(m, b);
		if (b < BUCKETS)
			fprintf(out, "%s_bucket{%s%sle=\"%g\"} %lld\n", TABLE[m].name, labels,
				comma, (double)BUCKETS_US[b] / 1e6, (long long)total);
		else
			fprintf(out, "%s_bucket{%s%sle=\"+Inf\"} %lld\n", TABLE[m].name, labels,
				comma, (long long)total);
	}
	fprintf(out, "%s_sum{%s} %.6f\n", TABLE[m].name, labels,
		(double)cell_sum(m, SUM_CELL) / 1e6);
	fprintf(out, "%s_count{%s} %lld\n", TABLE[m].name, labels, (long long)total);
}

static void print_one(FILE *out, enum metric m, bool first_of_name)
{
	static const char *const KINDS[] = {"counter", "gauge", "histogram"};

	if (first_of_name)
		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", TABLE[m].name, TABLE[m].help,
			TABLE[m].name, KINDS[TABLE[m].kind]);
	if (TABLE[m].kind == HISTOGRAM)
		print_histogram(out, m);
	else if (TABLE[m].labels[0] != '\0')
		fprintf(out, "%s{%s} %lld\n", TABLE[m].name, TABLE[m].labels,
			(long long)cell_sum(m, 0));
	else
		fprintf(out, "%s %lld\n", TABLE[m].name, (long long)cell_sum(m, 0));
}

void metrics_print(FILE *out, const char *prefix)
{
	const char *last = "";

	for (int m = 0; m < METRIC_COUNT; m++) {
		if (strncmp(TABLE[m].name, prefix, strlen(prefix)) != 0 &&
		    strncmp(TABLE[m].name, "packhouse_process", 17) != 0)
			continue;
		print_one(out, (enum metric)m, strcmp(last, TABLE[m].name) != 0);
		last = TABLE[m].name;
	}
}
