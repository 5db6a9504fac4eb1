/*
 * libevent underneath; the only file that includes it, but for the private listener's evhttp.
 *
 * A turn is: run what was deferred before this turn, in order; then let libevent wait for
 * events and run their callbacks once. What a callback or a deferred call defers runs in the
 * next turn, so a completion never runs on the stack of the engine that reports it.
 */
#include "proto/base/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "proto/base/loop_event.h"

#define LAG_PROBE_MS 200

TAILQ_HEAD(deferred_list, deferred);

struct signal_watch {
	struct event *ev;
	void (*fn)(void *);
	void *arg;
	struct signal_watch *next;
};

struct loop {
	struct event_base *base;
	struct deferred_list deferred;
	uint64_t turn;
	struct signal_watch *signals;
	bool stopping;
	struct timer lag_timer;
	int64_t lag_due_us;
	int64_t lag_us;
};

int64_t clock_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

static void arm_lag_timer(struct loop *l)
{
	l->lag_due_us = clock_now_us() + LAG_PROBE_MS * 1000;
	timer_start(&l->lag_timer, LAG_PROBE_MS);
}

static void on_lag_timer(void *arg)
{
	struct loop *l = arg;
	int64_t late = clock_now_us() - l->lag_due_us;

	if (late > l->lag_us)
		l->lag_us = late;
	arm_lag_timer(l);
}

int64_t loop_take_lag_us(struct loop *l)
{
	int64_t lag = l->lag_us;

	l->lag_us = 0;
	return lag;
}

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	l->base = event_base_new();
	if (l->base == NULL)
		fatal("cannot make an event loop: %s", err_text(-errno));
	TAILQ_INIT(&l->deferred);
	timer_init(&l->lag_timer, l, on_lag_timer, l);
	return l;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	while (l->signals != NULL) {
		struct signal_watch *s = l->signals;

		l->signals = s->next;
		event_free(s->ev);
		free(s);
	}
	timer_fini(&l->lag_timer);
	event_base_free(l->base);
	free(l);
}

struct event_base *loop_event_base(struct loop *l)
{
	return l->base;
}

static void run_deferred(struct loop *l)
{
	struct deferred *d;

	l->turn++;
	while ((d = TAILQ_FIRST(&l->deferred)) != NULL && d->turn != l->turn) {
		TAILQ_REMOVE(&l->deferred, d, link);
		d->queued = false;
		d->fn(d->arg);
	}
}

static void run_turn(struct loop *l, int flags)
{
	run_deferred(l);
	if (l->stopping)
		return;
	if (!TAILQ_EMPTY(&l->deferred))
		flags |= EVLOOP_NONBLOCK;
	event_base_loop(l->base, EVLOOP_ONCE | flags);
}

void loop_run(struct loop *l)
{
	l->stopping = false;
	arm_lag_timer(l);
	while (!l->stopping)
		run_turn(l, 0);
	timer_stop(&l->lag_timer);
}

static void on_turn_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

void loop_turn(struct loop *l, int max_wait_ms)
{
	struct timeval tv = {max_wait_ms / 1000, (max_wait_ms % 1000) * 1000};
	struct event *end;

	l->stopping = false;
	if (max_wait_ms <= 0) {
		run_turn(l, EVLOOP_NONBLOCK);
		return;
	}
	end = event_new(l->base, -1, 0, on_turn_end, NULL);
	if (end == NULL || event_add(end, &tv) < 0)
		fatal("cannot add a timer");
	run_turn(l, 0);
	event_free(end);
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
	event_base_loopbreak(l->base);
}

void deferred_init(struct deferred *d, struct loop *l, void (*fn)(void *), void *arg)
{
	*d = (struct deferred){.fn = fn, .arg = arg, .loop = l};
}

void deferred_queue(struct deferred *d)
{
	if (d->queued)
		return;
	d->queued = true;
	d->turn = d->loop->turn;
	TAILQ_INSERT_TAIL(&d->loop->deferred, d, link);
}

void deferred_cancel(struct deferred *d)
{
	if (!d->queued)
		return;
	d->queued = false;
	TAILQ_REMOVE(&d->loop->deferred, d, link);
}

static void on_timer_event(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd, (void)what;
	t->fn(t->arg);
}

void timer_init(struct timer *t, struct loop *l, void (*fn)(void *), void *arg)
{
	t->fn = fn;
	t->arg = arg;
	t->ev = event_new(l->base, -1, 0, on_timer_event, t);
	if (t->ev == NULL)
		fatal("cannot make a timer");
}

void timer_start(struct timer *t, int64_t ms)
{
	struct timeval tv;

	if (ms < 0)
		ms = 0;
	tv.tv_sec = ms / 1000;
	tv.tv_usec = ms % 1000 * 1000;
	if (event_add(t->ev, &tv) < 0)
		fatal("cannot start a timer");
}

void timer_stop(struct timer *t)
{
	event_del(t->ev);
}

bool timer_running(const struct timer *t)
{
	return event_pending(t->ev, EV_TIMEOUT, NULL) != 0;
}

void timer_fini(struct timer *t)
{
	if (t->ev != NULL)
		event_free(t->ev);
	t->ev = NULL;
}

static void on_watch_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	int ready = 0;

	(void)fd;
	if (what & EV_READ)
		ready |= WATCH_READ;
	if (what & EV_WRITE)
		ready |= WATCH_WRITE;
	w->fn(w->arg, ready);
}

void watch_init(struct watch *w, struct loop *l, int fd, void (*fn)(void *, int), void *arg)
{
	*w = (struct watch){.loop = l, .fn = fn, .arg = arg, .fd = fd};
	w->ev = event_new(l->base, fd, EV_PERSIST, on_watch_event, w);
	if (w->ev == NULL)
		fatal("cannot watch a file descriptor");
}

void watch_want(struct watch *w, int what)
{
	short events = EV_PERSIST;

	if (what == w->wanted)
		return;
	if (w->wanted != 0)
		event_del(w->ev);
	w->wanted = what;
	if (what == 0)
		return;
	events |= (what & WATCH_READ) ? EV_READ : 0;
	events |= (what & WATCH_WRITE) ? EV_WRITE : 0;
	if (event_assign(w->ev, w->loop->base, w->fd, events, on_watch_event, w) < 0 ||
	    event_add(w->ev, NULL) < 0)
		fatal("cannot watch a file descriptor");
}

void watch_fini(struct watch *w)
{
	if (w->ev != NULL)
		event_free(w->ev);
	w->ev = NULL;
	w->wanted = 0;
}

static void on_signal_event(evutil_socket_t fd, short what, void *arg)
{
	struct signal_watch *s = arg;

	(void)fd, (void)what;
	s->fn(s->arg);
}

void loop_on_signal(struct loop *l, int signo, void (*fn)(void *), void *arg)
{
	struct signal_watch *s = xcalloc(1, sizeof(*s));

	s->fn = fn;
	s->arg = arg;
	s->ev = evsignal_new(l->base, signo, on_signal_event, s);
	if (s->ev == NULL || event_add(s->ev, NULL) < 0)
		fatal("cannot watch signal %d", signo);
	s->next = l->signals;
	l->signals = s;
}
