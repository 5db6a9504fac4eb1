/*
 * packhouse-storage: one daemon, one disk.
 *
 *   private listener ─▶ recover the disk ─▶ sockets ─▶ announce ─▶ serve
 *                                           … SIGTERM ─▶ finish what is in the house
 *
 * Recovering may take long when the index has to be made anew: a worker does it, the loop
 * answers /livez and /readyz meanwhile, and a SIGTERM simply kills.
 *
 * Everything network and memory is on the main thread's loop; the disk is touched by the
 * committer, the upkeep thread, the cleaner and the workers only.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/probe.h"
#include "proto/base/process.h"
#include "proto/base/settings.h"
#include "storage/daemon/announce.h"
#include "storage/daemon/cleaner.h"
#include "storage/daemon/peers.h"
#include "storage/daemon/private.h"
#include "storage/daemon/server.h"
#include "storage/daemon/upkeep.h"
#include "storage/daemon/uuid.h"

#define CHECKPOINT_BYTES (64u << 20)
#define DRAIN_MS	 5000
#define DRAIN_TICK_MS	 50

static const char usage[] = "packhouse-storage [--config FILE] [--key=value]…\n"
			    "Serves the chunks of one disk (storage.dir).\n";

struct daemon {
	struct server server;
	bool failed; /* to start */
	struct cleaner *cleaner;
	struct announcer *announcer;
	struct probe *probe;
	struct timer drain;
	int64_t drain_until_ms;
};

/* On a worker: nobody else looks at these members before it is done. */
struct opening {
	struct store *store;
	int rc;
};

static void open_store(void *arg)
{
	struct opening *o = arg;
	struct store_options options = {
		.name = settings()->storage_name,
		.segment_size = (uint64_t)settings()->storage_segment_size,
		.floor = (uint64_t)settings()->storage_floor,
		.checkpoint_bytes = CHECKPOINT_BYTES,
	};

	o->rc = store_open_dir(settings()->storage_dir, &options, &o->store);
}

static int await_store(struct server *s)
{
	struct opening o = {.rc = 0};
	struct store_identity identity;
	struct store_mark mark;
	struct timespec now;

	await_work(s->workers, "the disk to be recovered", open_store, &o);
	if (o.rc < 0) {
		log_error("cannot open the disk", "dir=\"%s\" err=\"%s\"",
			  settings()->storage_dir, err_text(o.rc));
		return o.rc;
	}
	s->store = o.store;
	store_identity(s->store, &identity);
	store_stats(s->store, &s->stats);
	store_mark_load(s->store, &mark);
	s->mark = (struct wire_mark){mark.adoption, mark.place, mark.gen};
	uuid_text(identity.node, s->uuid);
	uuid_text(identity.cluster, s->cluster_uuid);
	clock_gettime(CLOCK_REALTIME, &now);
	s->incarnation = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	log_info("disk is open",
		 "uuid=%s cluster=%s chunks=%llu replayed=%llu bad=%llu clean=%d", s->uuid,
		 s->cluster_uuid, (unsigned long long)s->stats.chunks,
		 (unsigned long long)s->stats.replayed,
		 (unsigned long long)s->stats.replayed_bad, s->stats.stopped_clean);
	return 0;
}

static void on_stats(void *arg, const struct store_stats *stats)
{
	struct daemon *d = arg;

	d->server.stats = *stats;
}

static int start(struct daemon *d)
{
	struct server *s = &d->server;
	int rc;

	s->peers = peers_new(s->loop, s->pool);
	s->committer = committer_new(s->loop, s->store);
	s->upkeep = upkeep_new(s->loop, s->store, on_stats, d);
	d->cleaner = cleaner_new(s->store, s->committer);
	rc = server_open(s);
	if (rc == 0)
		rc = announcer_open(s, &d->announcer);
	return rc;
}

static void on_drain(void *arg)
{
	struct daemon *d = arg;

	/* One round more after the last answer, for it to leave the house. */
	if (d->server.jobs == 0 && d->drain_until_ms != 0)
		d->drain_until_ms = d->drain_until_ms < 0 ? 0 : -1;
	if (d->drain_until_ms == 0 ||
	    (d->drain_until_ms > 0 && clock_now_ms() > d->drain_until_ms))
		loop_stop(d->server.loop);
	else
		timer_start(&d->drain, DRAIN_TICK_MS);
}

static void on_stop_signal(void *arg)
{
	struct daemon *d = arg;

	if (d->server.draining)
		return;
	log_info("stopping", "jobs=%zu", d->server.jobs);
	server_drain(&d->server);
	d->drain_until_ms = clock_now_ms() + DRAIN_MS;
	timer_start(&d->drain, DRAIN_TICK_MS);
}

/* The threads end before the store is closed; first those that feed the committer. */
static int stop(struct daemon *d)
{
	struct server *s = &d->server;
	int rc;

	workers_free(s->workers);
	cleaner_free(d->cleaner);
	committer_free(s->committer);
	upkeep_free(s->upkeep);
	rc = store_close(s->store);
	if (rc < 0)
		log_warn("the next start has to replay", "err=\"%s\"", err_text(rc));
	if (s->jobs > 0) {
		/* Whoever waits for them hears it from the closed connection. */
		log_warn("stopped with requests unanswered", "jobs=%zu", s->jobs);
		return 0;
	}
	probe_close(d->probe);
	announcer_close(d->announcer);
	peers_free(s->peers);
	server_close(s);
	room_free(s->room);
	zsock_teardown();
	buf_pool_free(s->pool);
	timer_fini(&d->drain);
	task_shutdown();
	loop_free(s->loop);
	return 0;
}

static int await_start(struct daemon *d)
{
	struct server *s = &d->server;
	int rc = await_store(s);

	if (rc == 0)
		rc = start(d);
	if (rc < 0)
		return rc;
	loop_on_signal(s->loop, SIGTERM, on_stop_signal, d);
	loop_on_signal(s->loop, SIGINT, on_stop_signal, d);
	rc = process_write_pidfile();
	if (rc == 0)
		log_info("serving", "control=%s bulk=%s", s->control_address, s->bulk_address);
	return rc;
}

static void TASK_ENTRY start_main(void *arg)
{
	struct daemon *d = arg;

	d->failed = await_start(d) < 0;
	if (d->failed)
		loop_stop(d->server.loop);
}

static void check_settings(void)
{
	if (settings()->storage_name[0] == '\0' || settings()->storage_dir[0] == '\0') {
		fprintf(stderr,
			"packhouse-storage: storage.name and storage.dir must be set\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct daemon d = {.drain_until_ms = 1};
	struct server *s = &d.server;

	process_tune_malloc();
	settings_load(argc, argv, usage);
	check_settings();
	process_log_open(settings()->storage_name);
	signal(SIGPIPE, SIG_IGN);
	process_raise_file_limit(); /* a segment is an open file */
	metrics_setup(1);

	s->loop = loop_new();
	timer_init(&d.drain, s->loop, on_drain, &d);
	zsock_setup(1);
	s->pool = buf_pool_new(s->loop, (size_t)settings()->buffers_budget);
	s->room = room_new(s->loop, s->pool);
	s->workers = workers_new(s->loop, "reader", (int)settings()->storage_threads);
	if (private_open(s, &d.probe) < 0 ||
	    task_spawn(s->loop, "start", NULL, start_main, &d) == NULL)
		return 1;
	loop_run(s->loop);
	return d.failed ? 1 : stop(&d);
}
