/*
 * A worker: one loop, one budget, one set of clients for database and storage, and the front.
 *
 *   parent ──fork──▶ set up ──▶ serve ──SIGTERM──▶ drain ──all connections gone──▶ tear down
 *                                 │                  └──gateway.drain_timeout──▶ abort ──▶ …
 *                                 └──parent gone: exit at once
 *
 * Set up begins after fork: libevent, ZeroMQ and libpq must not be shared between processes. It
 * does not wait for anybody; what is missing yet shows in the readiness told to the parent, and
 * users are accepted from the first readiness on (or after START_MS).
 */
#include "gateway/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "gateway/bearer_seen.h"
#include "gateway/channel.h"
#include "gateway/cidr.h"
#include "gateway/conn_limit.h"
#include "gateway/download_counter.h"
#include "gateway/http_conn.h"
#include "gateway/issuer_description.h"
#include "gateway/issuer_keys.h"
#include "gateway/request.h"
#include "gateway/tls.h"
#include "gateway/trouble.h"
#include "gateway/upload_stream.h"
#include "metadb/cache.h"
#include "metadb/key_watch.h"
#include "metadb/map_watch.h"
#include "metadb/metadb.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/process.h"
#include "proto/base/task.h"
#include "proto/base/workers.h"
#include "proto/base/zsock.h"
#include "storage/client/client.h"

#define START_TICK_MS  50
#define START_MS       3000 /* then serve, whatever is missing */
#define TICK_MS	       500
#define SEND_MS	       200
#define ABORT_GRACE_MS 3000
#define REST_MS	       20
#define CONFIG_CACHE   ((size_t)1024 * 1024)
#define COUNT_MS       2000 /* less than ABORT_GRACE_MS */
#define ZMQ_THREADS    1
#define FETCH_THREADS  2

/* What only this file needs of a worker. */
struct life {
	struct worker worker;
	struct cidr_list proxies;
	struct conn_limit conn_limit;
	int channel;
	struct watch channel_watch;
	const int *listeners;
	unsigned listener_count;
	bool listening;
	struct tls *tls; /* NULL: users speak plain HTTP */
	int64_t started_ms;
	struct timer tick;  /* gauges, readiness */
	struct timer drain; /* drain_timeout, then the grace after the abort */
	struct timer rest;  /* looks whether the last uploads and pulls are recorded */
	bool aborted;
	int64_t empty_ms; /* when the last connection had gone; 0: not yet */
	char *told;	  /* readiness as the parent knows it; NULL: nothing told */
	int exit_code;
};

void worker_request_id(struct worker *w, char id[33])
{
	snprintf(id, 33, "%016llx%016llx", (unsigned long long)w->id_seed[0],
		 (unsigned long long)(w->id_seed[1] + w->id_next++));
}

static void on_map(void *arg, const struct cluster_view *view)
{
	struct worker *w = arg;

	store_client_set_map(w->store, view->cluster_uuid, &view->map, view->node,
			     view->node_count);
}

static void on_stale(void *arg, int64_t epoch)
{
	struct worker *w = arg;

	(void)epoch;
	map_watch_poke(w->map);
}

static void on_trouble(void *arg, enum store_trouble what, uint16_t node,
		       const struct wire_pair *chunk)
{
	struct worker *w = arg;

	(void)what;
	if (w->trouble != NULL) /* NULL: on the way out */
		trouble_report(w->trouble, partition_of(chunk->digest), node);
}

/*
 * Able to serve whatever may be asked? Otherwise the reasons, a line each. As long as one
 * daemon is up there are pulls to serve: every gateway would leave its load balancer, and what
 * could be pulled would not. Disks without room are no reason at all.
 */
static void describe_readiness(struct worker *w, FILE *why)
{
	if (http_front_draining(w->front))
		fprintf(why, "stopping\n");
	if (metadb_up(w->metadb, why) && key_watch_signer(w->keys, time(NULL)) == NULL)
		fprintf(why, "no key to sign tokens with yet\n");
	if (map_watch_view(w->map) == NULL)
		fprintf(why, "no cluster map yet\n");
	else if (!store_client_quorum_up(w->store))
		fprintf(why, "%s%u storage nodes up, too few to write\n",
			store_client_nodes_up(w->store) > 0 ? CHANNEL_READS_ONLY : "",
			store_client_nodes_up(w->store));
}

static void log_readiness(const char *text)
{
	char line[512], quoted[1024];
	size_t len = strnlen(text, sizeof(line));

	for (size_t i = 0; i < len; i++)
		line[i] = text[i] == '\n' ? ';' : text[i];
	if (len == 0)
		log_info("ready", NULL);
	else
		log_warn("not ready", "why=%s", log_quote(quoted, sizeof(quoted), line, len));
}

static void tell_readiness(struct life *l)
{
	char *text = NULL;
	size_t len = 0;
	FILE *why = open_memstream(&text, &len);

	if (why == NULL)
		fatal("out of memory");
	describe_readiness(&l->worker, why);
	if (fclose(why) != 0)
		fatal("out of memory");
	if (l->told != NULL && strcmp(l->told, text) == 0) {
		free(text);
		return;
	}
	if (channel_send(l->channel, CHANNEL_READY, text, len, SEND_MS) < 0) {
		free(text);
		return;
	}
	log_readiness(text);
	free(l->told);
	l->told = text;
}

/*
 * Users wait in the backlog until the first readiness, for other workers or for this one:
 * served at once they would get 503 while the connections to database and storage are being
 * made.
 */
static void listen_when_ready(struct life *l)
{
	bool ready = l->told != NULL && l->told[0] == '\0';

	if (l->listening || http_front_draining(l->worker.front))
		return;
	if (!ready && clock_now_ms() - l->started_ms < START_MS)
		return;
	l->listening = true;
	for (unsigned i = 0; i < l->listener_count; i++)
		http_front_listen(l->worker.front, l->listeners[i]);
}

static void on_tick(void *arg)
{
	struct life *l = arg;

	metric_set(M_LOOP_LAG_US, loop_take_lag_us(l->worker.loop));
	metric_set(M_BUF_USED, (int64_t)buf_used(l->worker.bufs));
	metric_set(M_TASKS, (int64_t)task_count());
	tell_readiness(l);
	listen_when_ready(l);
	timer_start(&l->tick, l->listening ? TICK_MS : START_TICK_MS);
}

static void dump_tasks(char **text, size_t *len)
{
	FILE *out = open_memstream(text, len);

	if (out == NULL)
		fatal("out of memory");
	task_dump(out, clock_now_ms());
	if (fclose(out) != 0)
		fatal("out of memory");
}

static void send_dump(struct life *l)
{
	char *text;
	size_t len, at, piece;
	int rc = 0;

	dump_tasks(&text, &len);
	for (at = 0; at < len && rc == 0; at += piece) {
		piece = len - at < CHANNEL_TEXT_MAX ? len - at : CHANNEL_TEXT_MAX;
		rc = channel_send(l->channel, CHANNEL_DUMP, text + at, piece, SEND_MS);
	}
	free(text);
	if (rc == 0)
		rc = channel_send(l->channel, CHANNEL_DUMP_END, "", 0, SEND_MS);
	if (rc < 0)
		log_warn("tasks not told to the parent", "why=\"%s\"", err_text(rc));
}

static void on_channel(void *arg, int ready)
{
	struct channel_message m;
	struct life *l = arg;
	int rc;

	(void)ready;
	while ((rc = channel_receive(l->channel, &m)) > 0)
		if (m.kind == CHANNEL_DUMP)
			send_dump(l);
	if (rc < 0) {
		log_error("the parent is gone", NULL);
		_exit(1);
	}
}

/* SIGUSR1: the same dump into the log, for when nobody answers the private listener. */
static void on_dump_signal(void *arg)
{
	char *text, *line, *rest;
	size_t len;

	(void)arg;
	dump_tasks(&text, &len);
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		log_info("task", "line=\"%s\"", line);
	free(text);
}

static void on_drain_time(void *arg)
{
	struct life *l = arg;

	if (l->aborted) {
		log_error("requests do not end", "connections=%u",
			  http_front_count(l->worker.front));
		_exit(1);
	}
	l->aborted = true;
	log_warn("time to drain is over", "connections=%u", http_front_count(l->worker.front));
	timer_start(&l->drain, ABORT_GRACE_MS);
	http_front_abort(l->worker.front);
}

/* What was counted of pulls is in the database, or that was away for too long. */
static bool counted(struct life *l)
{
	if (l->empty_ms == 0)
		l->empty_ms = clock_now_ms();
	return download_counter_drained(l->worker.downloads) ||
	       clock_now_ms() - l->empty_ms > COUNT_MS;
}

/* No connections any more; what lost clients have sent may still be on its way. */
static void on_front_empty(void *arg)
{
	struct life *l = arg;

	if (upload_streams_open() || !counted(l))
		timer_start(&l->rest, REST_MS);
	else
		loop_stop(l->worker.loop);
}

static void on_terminate(void *arg)
{
	struct life *l = arg;

	if (http_front_draining(l->worker.front))
		return;
	log_info("draining", "connections=%u", http_front_count(l->worker.front));
	http_front_drain(l->worker.front, on_front_empty, l);
	timer_start(&l->drain, l->worker.set->gateway_drain_timeout);
	tell_readiness(l);
}

/* The parent has read the files without trouble. */
static void on_reload(void *arg)
{
	struct life *l = arg;
	char why[TLS_WHY_MAX];

	if (l->tls != NULL && tls_reload(l->tls, why) < 0)
		log_error("the old certificate stays", "why=\"%s\"", why);
}

/* It may have come since the fork: blocked until somebody listens. */
static void watch_reload(struct life *l)
{
	sigset_t set;

	loop_on_signal(l->worker.loop, SIGHUP, on_reload, l);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void open_clients(struct worker *w)
{
	struct metadb_options options;
	struct store_hooks hooks = {.on_stale = on_stale, .on_trouble = on_trouble, .arg = w};

	metadb_options_load(&options, w->name);
	w->metadb = metadb_open(w->loop, &options);
	w->keys = key_watch_new(w->metadb);
	w->seen = bearer_seen_new();
	w->threads = workers_new(w->loop, "fetch", FETCH_THREADS);
	w->hashers = workers_new(w->loop, "scrypt", 1);
	w->issuer_keys = issuer_keys_new();
	w->issuer_places = issuer_places_new();
	w->trouble = trouble_new(w->loop, w->metadb);
	w->downloads = download_counter_new(w->loop, w->metadb);
	w->store = store_client_new(w->loop, w->bufs, w->name, &hooks);
	w->map = map_watch_new(w->metadb, on_map, w);
}

static void open_front(struct life *l, const struct worker_shared *shared)
{
	struct worker *w = &l->worker;
	struct http_limits limits = {
		.connections = (unsigned)w->set->gateway_connections,
		.streams = (unsigned)w->set->gateway_http2_streams,
		.handshakes = (unsigned)w->set->gateway_tls_handshakes,
		.head_ms = w->set->gateway_head_timeout,
		.idle_ms = w->set->gateway_idle_timeout,
		.progress_ms = w->set->gateway_progress_timeout,
	};
	struct http_service service = {.on_request = on_request, .arg = w};

	w->front = http_front_new(w->loop, &limits, &service);
	http_front_use_tls(w->front, shared->tls);
	if (shared->counts != NULL)
		conn_limit_open(&l->conn_limit, w, shared->counts);
}

static void life_begin(struct life *l, int index, int channel)
{
	struct worker *w = &l->worker;

	l->channel = channel;
	w->index = index;
	w->set = settings();
	if (cidr_list_parse(w->set->gateway_trusted_proxies, &l->proxies) < 0)
		fatal("gateway.trusted_proxies was not checked by main()");
	w->proxies = &l->proxies;
	snprintf(w->name, sizeof(w->name), "%s/%d", w->set->gateway_name, index);
	metrics_use_slot(index);
	w->loop = loop_new();
	w->bufs = buf_pool_new(w->loop, (size_t)w->set->buffers_budget);
	w->configs = cache_new(CONFIG_CACHE);
	if (getrandom(w->id_seed, sizeof(w->id_seed), 0) != sizeof(w->id_seed))
		fatal("no random bytes: %s", err_text(-errno));
	zsock_setup(ZMQ_THREADS);
	loop_on_signal(w->loop, SIGTERM, on_terminate, l);
	loop_on_signal(w->loop, SIGUSR1, on_dump_signal, l);
	watch_reload(l);
	watch_init(&l->channel_watch, w->loop, channel, on_channel, l);
	watch_want(&l->channel_watch, WATCH_READ);
	timer_init(&l->tick, w->loop, on_tick, l);
	timer_init(&l->drain, w->loop, on_drain_time, l);
	timer_init(&l->rest, w->loop, on_front_empty, l);
}

/* A job runs to its end, which is near; the task that waits for it was cancelled and unwinds.
 */
static void end_threads(struct worker *w)
{
	struct workers *threads = w->threads, *hashers = w->hashers;

	w->threads = w->hashers = NULL;
	workers_free(threads);
	workers_free(hashers);
	for (int i = 0; i < 100 && w->requests > 0; i++)
		loop_turn(w->loop, 10);
}

static void life_end(struct life *l)
{
	struct worker *w = &l->worker;

	timer_fini(&l->tick);
	timer_fini(&l->drain);
	timer_fini(&l->rest);
	watch_fini(&l->channel_watch);
	end_threads(w);
	http_front_free(w->front);
	download_counter_free(w->downloads);
	trouble_free(w->trouble);
	w->trouble = NULL;
	map_watch_free(w->map);
	key_watch_free(w->keys);
	bearer_seen_free(w->seen);
	issuer_keys_free(w->issuer_keys);
	issuer_places_free(w->issuer_places);
	store_client_free(w->store);
	metadb_close(w->metadb);
	/* Tasks of the watches unwind in their next turns. */
	for (int i = 0; i < 100 && task_count() > 0; i++)
		loop_turn(w->loop, 10);
	zsock_teardown();
	cache_free(w->configs);
	buf_pool_free(w->bufs);
	task_shutdown();
	loop_free(w->loop);
	free(l->told);
}

int worker_run(int index, const int *listeners, unsigned count, int channel,
	       const struct worker_shared *shared)
{
	struct life l = {.listeners = listeners, .listener_count = count, .tls = shared->tls};

	/* Without its parent a worker would hold the port and nobody would know it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		fatal("cannot follow the parent's death: %s", err_text(-errno));
	life_begin(&l, index, channel);
	process_log_open(l.worker.name);
	open_clients(&l.worker);
	l.worker.rates = shared->rates;
	open_front(&l, shared);
	l.started_ms = clock_now_ms();
	on_tick(&l);
	loop_run(l.worker.loop);
	log_info("stopped", NULL);
	life_end(&l);
	return 0;
}
