/*
 * Workers' lives, on the parent's loop.
 *
 * Signals come through a signalfd: they stay blocked in the parent, so that a child, forked
 * from within the loop at any time, starts without handlers of ours and unblocks them. A child
 * closes every file that is not its own before anything else: the parent's poll set, the
 * private listener and the channels of the other workers must not live on in it.
 *
 * SIGHUP reads the certificate again. Good, the workers are told to do the same; otherwise all
 * go on with the old one, which workers that are started later inherit.
 *
 * A worker that dies is replaced after a pause, 0.1 s at first, doubled up to 5 s as long as
 * they die young.
 */
#include "gateway/parent.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/conn_counts.h"
#include "gateway/parent_private.h"
#include "gateway/rate_table.h"
#include "gateway/tls.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"
#include "proto/base/process.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_LAST_MS  5000
#define YOUNG_MS       10000
#define STOP_GRACE_MS                                                           \
	6000 /* beyond gateway.drain_timeout: the workers end themselves before \
	      */

static void signal_set(sigset_t *out)
{
	sigemptyset(out);
	sigaddset(out, SIGCHLD);
	sigaddset(out, SIGTERM);
	sigaddset(out, SIGINT);
	sigaddset(out, SIGHUP);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* In the child: close everything but stdio, the listeners and its channel. */
static void keep_files(const struct listen_set *listeners, int channel)
{
	int keep[LISTEN_MAX + 1];
	unsigned count = 0;
	unsigned from = 3;

	for (unsigned i = 0; i < listeners->count; i++)
		keep[count++] = listeners->fd[i];
	keep[count++] = channel;
	qsort(keep, count, sizeof(keep[0]), compare);
	for (unsigned i = 0; i < count; i++) {
		if ((unsigned)keep[i] > from)
			close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	close_range(from, ~0u, 0);
}

static NORETURN void child(struct parent *p, int index, int channel, pid_t parent)
{
	struct listen_set listeners = p->listeners;
	sigset_t all;

	keep_files(&listeners, channel);
	/* Ctrl-C reaches the whole group: the parent decides what it means. */
	signal(SIGINT, SIG_IGN);
	signal_set(&all);
	sigdelset(&all, SIGHUP); /* until the worker listens to it */
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	if (getppid() != parent)
		_exit(1);
	exit(worker_run(index, listeners.fd, listeners.count, channel, &p->shared));
}

static void on_channel(void *arg, int ready)
{
	(void)ready;
	parent_read_channel(arg);
}

static void start(struct place *w)
{
	struct parent *p = w->parent;
	pid_t self = getpid();
	int ends[2];
	int rc = channel_pair(ends);

	if (rc < 0)
		fatal("no channel to a worker: %s", err_text(rc));
	w->pid = fork();
	if (w->pid < 0)
		fatal("cannot start a worker: %s", err_text(-errno));
	if (w->pid == 0)
		child(p, w->index, ends[1], self);
	close(ends[1]);
	w->channel = ends[0];
	snprintf(w->why, sizeof(w->why), "starting\n");
	w->started_ms = clock_now_ms();
	watch_init(&w->watch, p->loop, w->channel, on_channel, w);
	watch_want(&w->watch, WATCH_READ);
	log_info("worker started", "worker=%d pid=%d", w->index, (int)w->pid);
}

static void on_again(void *arg)
{
	start(arg);
}

void parent_take_message(struct place *w, const struct channel_message *m)
{
	if (m->kind == CHANNEL_READY)
		memcpy(w->why, m->text, m->len + 1);
}

void parent_read_channel(struct place *w)
{
	struct channel_message m;
	int rc;

	while ((rc = channel_receive(w->channel, &m)) > 0)
		parent_take_message(w, &m);
	/* Closed: SIGCHLD tells the rest. */
	if (rc < 0)
		watch_want(&w->watch, 0);
}

static bool anybody(const struct parent *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->place[i].pid != 0)
			return true;
	return false;
}

static void log_death(const struct place *w, int status)
{
	if (WIFSIGNALED(status))
		log_error("worker died", "worker=%d pid=%d signal=%d", w->index, (int)w->pid,
			  WTERMSIG(status));
	else
		log_line(w->parent->stopping && WEXITSTATUS(status) == 0 ? LOG_INFO : LOG_ERROR,
			 "worker ended", "worker=%d pid=%d code=%d", w->index, (int)w->pid,
			 WEXITSTATUS(status));
}

static void bury(struct place *w, int status)
{
	struct parent *p = w->parent;
	bool young = clock_now_ms() - w->started_ms < YOUNG_MS;

	log_death(w, status);
	if (status != 0)
		p->exit_code = 1;
	w->pid = 0;
	if (p->shared.counts != NULL)
		conn_counts_clear(p->shared.counts, (unsigned)w->index - 1);
	watch_fini(&w->watch);
	close(w->channel);
	snprintf(w->why, sizeof(w->why), "died\n");
	if (p->stopping) {
		if (!anybody(p))
			loop_stop(p->loop);
		return;
	}
	w->pause_ms = young && w->pause_ms > 0 ? 2 * w->pause_ms : PAUSE_FIRST_MS;
	if (w->pause_ms > PAUSE_LAST_MS)
		w->pause_ms = PAUSE_LAST_MS;
	timer_start(&w->again, w->pause_ms);
}

static void bury_all(struct parent *p)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < p->count; i++)
			if (p->place[i].pid == pid)
				bury(&p->place[i], status);
}

static void tell_workers(const struct parent *p, int signo)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->place[i].pid != 0)
			kill(p->place[i].pid, signo);
}

static void on_deadline(void *arg)
{
	struct parent *p = arg;

	log_error("workers do not end", NULL);
	p->exit_code = 1;
	tell_workers(p, SIGKILL);
}

static void stop(struct parent *p)
{
	if (p->stopping) {
		log_warn("stopping at once", NULL);
		tell_workers(p, SIGKILL);
		return;
	}
	log_info("stopping", NULL);
	p->stopping = true;
	p->exit_code = 0;
	listen_turn_away(&p->listeners);
	listen_close(&p->listeners);
	for (unsigned i = 0; i < p->count; i++)
		timer_stop(&p->place[i].again);
	tell_workers(p, SIGTERM);
	timer_start(&p->deadline, p->set->gateway_drain_timeout + STOP_GRACE_MS);
	if (!anybody(p))
		loop_stop(p->loop);
}

static void complain(const struct parent *p)
{
	const char *complaint = tls_complaint(p->shared.tls);

	if (complaint != NULL)
		log_warn(complaint, "file=%s", p->set->gateway_tls_certificate);
}

static void reload(struct parent *p)
{
	char why[TLS_WHY_MAX];

	if (p->shared.tls == NULL) {
		log_info("no certificate to read again", NULL);
	} else if (tls_reload(p->shared.tls, why) < 0) {
		log_error("the old certificate stays", "why=\"%s\"", why);
	} else {
		log_info("certificate read again", "file=%s", p->set->gateway_tls_certificate);
		complain(p);
		tell_workers(p, SIGHUP);
	}
}

static void on_signals(void *arg, int ready)
{
	struct signalfd_siginfo info;
	struct parent *p = arg;

	(void)ready;
	while (read(p->signal_fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			bury_all(p);
		else if (info.ssi_signo == SIGHUP)
			reload(p);
		else
			stop(p);
}

static void watch_signals(struct parent *p)
{
	sigset_t set;

	signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	p->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (p->signal_fd < 0)
		fatal("no signals: %s", err_text(-errno));
	watch_init(&p->signals, p->loop, p->signal_fd, on_signals, p);
	watch_want(&p->signals, WATCH_READ);
}

static int open_certificate(struct parent *p)
{
	const char *certificate = p->set->gateway_tls_certificate;
	const char *key = p->set->gateway_tls_key;
	char why[TLS_WHY_MAX] = "gateway.tls_certificate and gateway.tls_key go together";

	if (certificate[0] == '\0' && key[0] == '\0')
		return 0;
	if (certificate[0] != '\0' && key[0] != '\0')
		p->shared.tls = tls_open(certificate, key, why);
	if (p->shared.tls != NULL) {
		if (p->set->gateway_http2)
			tls_offer_http2(p->shared.tls);
		complain(p);
		return 0;
	}
	log_error("no certificate to serve with", "why=\"%s\"", why);
	return ERR_SYNTAX;
}

static int open_all(struct parent *p)
{
	int rc = open_certificate(p);

	if (rc == 0)
		rc = listen_open(p->set->gateway_bind, (int)p->set->gateway_port,
				 &p->listeners);
	if (rc < 0)
		return rc;
	rc = probe_open(p->loop, p->set->gateway_private, &parent_hooks, p, &p->probe);
	if (rc < 0) {
		log_error("cannot open the private listener", "address=%s why=\"%s\"",
			  p->set->gateway_private, err_text(rc));
		return rc;
	}
	return process_write_pidfile();
}

static void serve(struct parent *p)
{
	watch_signals(p);
	timer_init(&p->deadline, p->loop, on_deadline, p);
	p->count = (unsigned)p->set->gateway_workers;
	p->place = xcalloc(p->count, sizeof(*p->place));
	metrics_setup((int)p->count + 1);
	if (p->set->gateway_connections_per_address > 0)
		p->shared.counts =
			conn_counts_new(p->count, (unsigned)p->set->gateway_connections);
	if (p->set->gateway_rate_per_caller > 0 || p->set->gateway_rate_per_address > 0)
		p->shared.rates = rate_table_new();
	for (unsigned i = 0; i < p->count; i++) {
		p->place[i].parent = p;
		p->place[i].index = (int)i + 1;
		timer_init(&p->place[i].again, p->loop, on_again, &p->place[i]);
		start(&p->place[i]);
	}
	log_info("serving", "addresses=%s port=%lld workers=%u tls=%s", p->set->gateway_bind,
		 (long long)p->set->gateway_port, p->count,
		 p->shared.tls != NULL ? "yes" : "no");
	loop_run(p->loop);
	for (unsigned i = 0; i < p->count; i++)
		timer_fini(&p->place[i].again);
	timer_fini(&p->deadline);
	watch_fini(&p->signals);
	close(p->signal_fd);
	free(p->place);
	log_info("stopped", NULL);
}

int parent_run(void)
{
	/* Static: a child leaves it behind, with all it points to. */
	static struct parent p;
	int rc;

	p.set = settings();
	p.loop = loop_new();
	rc = open_all(&p);
	if (rc == 0)
		serve(&p);
	if (p.probe != NULL)
		probe_close(p.probe);
	listen_close(&p.listeners);
	tls_free(p.shared.tls);
	conn_counts_free(p.shared.counts);
	rate_table_free(p.shared.rates);
	loop_free(p.loop);
	if (rc == 0)
		process_remove_pidfile();
	return rc < 0 ? 1 : p.exit_code;
}
