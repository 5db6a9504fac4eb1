/*
 * Workers draw numbers from one counter; the number decides what is done (its seed) and, in an
 * open loop, when:
 *
 *	intended start of n = begin + n / rate
 *
 * Latency is counted from there, so that a registry which stalls cannot hide the operations
 * that had to wait for a free worker. In a closed loop it is counted from the real start.
 */
#include "tests/bench/load/run.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/load/ops.h"
#include "tests/bench/load/report.h"

#define STACK (512u << 10)
/* The preparation draws from another family of seeds than the run. */
#define PREPARATION 0x70726570u

struct load {
	const struct options *options;
	struct items *items;
	struct auth *auth;
	struct faults *faults;
	uint64_t family;
	const struct operation *only; /* in the preparation */
	uint64_t count;		      /* operations to do; 0: no limit */
	double rate;
	uint64_t begin_us, end_us; /* end_us 0: no limit */
	atomic_uint_fast64_t next;
	FILE *journal; /* verify */
	pthread_mutex_t journal_lock;
	uint64_t journal_line;
};

struct worker {
	struct load *load;
	struct session *session;
	pthread_t thread;
	struct hist latency;
	uint64_t operations, failed, retried, late, payload;
};

/* Set by SIGINT and SIGTERM: no new operation is begun. */
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void sleep_until(uint64_t us)
{
	struct timespec t = {.tv_sec = (time_t)(us / 1000000),
			     .tv_nsec = (long)(us % 1000000) * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR && !stopped)
		;
}

/* ---- one operation ---- */

static const struct operation *choose(const struct load *l, uint64_t seed)
{
	const struct options *o = l->options;
	uint64_t draw = data_seed(seed, 4) % o->mix_weight;
	unsigned i = 0;

	if (l->only != NULL)
		return l->only;
	for (; draw >= o->mix[i].weight; i++)
		draw -= o->mix[i].weight;
	return o->mix[i].operation;
}

/* Waits before a repetition as long as the registry says, or twice as long as the last time. */
static void pause_before(const struct session *s, unsigned attempt)
{
	uint64_t us = s->fault.retry_after >= 0 ? (uint64_t)s->fault.retry_after * 1000000
						: 100000ull << (attempt < 6 ? attempt : 6);

	sleep_until(clock_us() + us);
}

static int run_attempts(struct worker *w, const struct operation *operation, struct plan *plan)
{
	struct session *s = w->session;

	for (unsigned attempt = 0;; attempt++) {
		int rc;

		plan->bytes = 0;
		s->deadline = clock_us() + w->load->options->deadline_us;
		rc = operation->run(s, w->load->items, plan);
		if (rc == 0 || attempt == w->load->options->retries || stopped)
			return rc;
		w->retried++;
		pause_before(s, attempt);
	}
}

/* When number n is to begin; false when the run is over. */
static bool start_of(struct load *l, uint64_t n, uint64_t *intended)
{
	uint64_t now = clock_us();

	*intended = l->rate > 0 ? l->begin_us + (uint64_t)((double)n * 1e6 / l->rate) : now;
	if (stopped || (l->count != 0 && n >= l->count))
		return false;
	return l->end_us == 0 || (*intended < l->end_us && now < l->end_us);
}

static void run_one(struct worker *w, uint64_t n, uint64_t intended)
{
	struct load *l = w->load;
	struct plan plan = {.seed = data_seed(l->family, n)};
	const struct operation *operation = choose(l, plan.seed);
	uint64_t begin;

	if (!operation->plan(w->session, l->items, &plan)) {
		struct fault fault = {.kind = "nothing there",
				      .where = operation->name,
				      .example = "nothing was pushed that it could use",
				      .retry_after = -1};

		w->failed++;
		faults_add(l->faults, &fault);
		return;
	}
	begin = clock_us();
	if (l->rate > 0) {
		w->late += begin > intended + 1000;
		if (begin < intended)
			sleep_until(intended);
		begin = intended;
	}
	if (run_attempts(w, operation, &plan) == 0) {
		w->operations++;
		w->payload += plan.bytes;
		hist_add(&w->latency, clock_us() - begin);
	} else {
		w->failed++;
		faults_add(l->faults, &w->session->fault);
	}
}

static void *work(void *argument)
{
	struct worker *w = argument;
	uint64_t n, intended;

	for (;;) {
		n = atomic_fetch_add(&w->load->next, 1);
		if (!start_of(w->load, n, &intended))
			return NULL;
		run_one(w, n, intended);
	}
}

/* ---- verify ---- */

/* The next item of the journal; false at its end. */
static bool next_item(struct load *l, struct item *item)
{
	char line[512];
	bool more;

	pthread_mutex_lock(&l->journal_lock);
	more = !stopped && fgets(line, sizeof(line), l->journal) != NULL;
	l->journal_line += more;
	if (more && items_parse(l->items, line, item) != 0) {
		fprintf(stderr, "packhouse-load: %s:%" PRIu64 ": not a line of a journal\n",
			l->options->from, l->journal_line);
		exit(2);
	}
	pthread_mutex_unlock(&l->journal_lock);
	return more;
}

static int verify_attempts(struct worker *w, const struct item *item)
{
	for (unsigned attempt = 0;; attempt++) {
		int rc;

		w->session->deadline = clock_us() + w->load->options->deadline_us;
		rc = ops_verify(w->session, item);
		if (rc == 0 || attempt == w->load->options->retries || stopped)
			return rc;
		w->retried++;
		pause_before(w->session, attempt);
	}
}

static void *verify(void *argument)
{
	struct worker *w = argument;
	struct session *s = w->session;
	struct item item;

	while (next_item(w->load, &item)) {
		uint64_t begin = clock_us();

		if (verify_attempts(w, &item) == 0) {
			w->operations++;
			w->payload += item.size;
			hist_add(&w->latency, clock_us() - begin);
			continue;
		}
		w->failed++;
		faults_add(w->load->faults, &s->fault);
		fprintf(stderr, "lost: %s %s %s %s: %s: %s\n",
			item.kind == ITEM_MANIFEST ? "manifest" : "blob", item.repository->name,
			item.digest, item.tag, s->fault.where, s->fault.kind);
	}
	return NULL;
}

/* ---- all workers ---- */

static struct worker *start_sessions(struct load *l)
{
	unsigned n = l->options->connections;
	struct worker *workers = xcalloc(n, sizeof(*workers));

	for (unsigned i = 0; i < n; i++) {
		workers[i].load = l;
		workers[i].session = session_new(l->options, l->auth, i);
	}
	return workers;
}

static void run_threads(struct worker *workers, unsigned count, void *(*body)(void *))
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	for (unsigned i = 0; i < count; i++) {
		if (pthread_create(&workers[i].thread, &attributes, body, &workers[i]) != 0)
			fatal("no more threads");
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_attr_destroy(&attributes);
}

static int finish(struct load *l, struct worker *workers)
{
	struct report r = {.options = l->options, .faults = l->faults};
	int status;

	r.elapsed_us = clock_us() - l->begin_us;
	for (unsigned i = 0; i < l->options->connections; i++) {
		struct worker *w = &workers[i];

		r.operations += w->operations;
		r.failed += w->failed;
		r.retried += w->retried;
		r.late += w->late;
		r.payload += w->payload;
		r.wire += session_bytes(w->session);
		hist_merge(&r.latency, &w->latency);
		for (unsigned k = 0; k < STEPS; k++)
			hist_merge(&r.steps[k], &w->session->steps[k]);
		session_free(w->session);
	}
	auth_latencies(l->auth, &r.tokens);
	report_write(&r);
	status = faults_unexpected(l->faults) > 0 ? 1 : 0;
	free(workers);
	return status;
}

/* ---- preparation ---- */

static enum needs needs_of(const struct options *o)
{
	enum needs most = NEEDS_NOTHING;

	for (unsigned i = 0; i < o->mixed; i++) {
		if (o->mix[i].operation->needs > most)
			most = o->mix[i].operation->needs;
	}
	return most;
}

static bool needs_base(const struct options *o)
{
	for (unsigned i = 0; i < o->mixed; i++) {
		if (o->mix[i].operation->needs == NEEDS_BASE)
			return true;
	}
	return false;
}

/* Each repository gets a configuration and layers that manifests can name. */
static bool prepare_base(struct load *l, struct worker *w)
{
	for (unsigned i = 0; i < l->options->repositories; i++) {
		char name[ITEMS_NAME];
		struct repository *r;

		if (l->options->repositories == 1)
			snprintf(name, sizeof(name), "%s", l->options->repository);
		else
			snprintf(name, sizeof(name), "%s-%u", l->options->repository, i);
		r = items_repository(l->items, name);
		w->session->deadline = clock_us() + l->options->deadline_us;
		if (r == NULL || ops_push_base(w->session, l->items, r) != 0) {
			faults_add(l->faults, &w->session->fault);
			return false;
		}
	}
	return true;
}

/* Pushes what is pulled later. */
static void prepare_items(struct load *l, struct worker *workers, const char *operation)
{
	l->only = ops_find(operation);
	l->family = data_seed(l->options->seed, PREPARATION);
	l->count = l->options->prepare;
	l->begin_us = clock_us();
	run_threads(workers, l->options->connections, work);
}

/* Forgets what the preparation measured. */
static void forget(struct worker *workers, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct worker *w = &workers[i];

		w->latency = (struct hist){0};
		w->operations = w->failed = w->retried = w->late = w->payload = 0;
		memset(w->session->steps, 0, sizeof(w->session->steps));
	}
}

static void prepare(struct load *l, struct worker *workers)
{
	const struct options *o = l->options;
	enum needs needs = needs_of(o);
	bool ready = true;

	if (o->from != NULL)
		items_load(l->items, o->from);
	if (needs_base(o) || (needs == NEEDS_MANIFESTS && o->prepare > 0))
		ready = prepare_base(l, &workers[0]);
	if (ready && o->prepare > 0 && needs == NEEDS_BLOBS)
		prepare_items(l, workers, "push-blob");
	else if (ready && o->prepare > 0 && needs == NEEDS_MANIFESTS)
		prepare_items(l, workers, "put-manifest");
	else if (ready && o->prepare > 0 && needs == NEEDS_IMAGES)
		prepare_items(l, workers, "push-image");
	forget(workers, o->connections);
}

/* ---- entry ---- */

static void init_load(struct load *l, const struct options *o)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	l->options = o;
	l->items = items_new(o->keep, o->acknowledged);
	l->auth = auth_new(o);
	l->faults = faults_new(o->expect);
	pthread_mutex_init(&l->journal_lock, NULL);
}

static void fini_load(struct load *l)
{
	faults_free(l->faults);
	auth_free(l->auth);
	items_free(l->items);
	pthread_mutex_destroy(&l->journal_lock);
}

int run_workload(const struct options *options)
{
	struct load load = {0};
	struct worker *workers;
	int status;

	init_load(&load, options);
	workers = start_sessions(&load);
	prepare(&load, workers);
	load.only = NULL;
	load.family = options->seed;
	load.count = options->count;
	load.rate = options->rate;
	atomic_store(&load.next, 0);
	load.begin_us = clock_us();
	load.end_us =
		options->seconds > 0 ? load.begin_us + (uint64_t)(options->seconds * 1e6) : 0;
	run_threads(workers, options->connections, work);
	status = finish(&load, workers);
	fini_load(&load);
	return status;
}

int run_verify(const struct options *options)
{
	struct load load = {0};
	struct worker *workers;
	int status;

	init_load(&load, options);
	load.journal = fopen(options->from, "re");
	if (load.journal == NULL) {
		fprintf(stderr, "packhouse-load: %s: %s\n", options->from, strerror(errno));
		return 2;
	}
	workers = start_sessions(&load);
	load.begin_us = clock_us();
	run_threads(workers, options->connections, verify);
	status = finish(&load, workers);
	fclose(load.journal);
	fini_load(&load);
	return status;
}
