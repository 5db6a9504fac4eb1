/*
 * The event loop of a thread.
 *
 * A loop belongs to the thread that runs it; other threads talk to it through a mailbox
 * (proto/base/mailbox.h). Callbacks run on the loop's stack and must not
 * block. Timers, fd watches and deferred calls are structs embedded in their owner: after
 * …_fini(), …_stop() or …_cancel() their callback is not called again, also when it was already
 * due in this turn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proto/base/err.h"

struct loop;
struct event;

struct loop *loop_new(void);
void loop_free(struct loop *l);
/* Runs until loop_stop(). */
void loop_run(struct loop *l);
/* One turn: waits at most max_wait_ms (0: only what is due). For tests and nested drains. */
void loop_turn(struct loop *l, int max_wait_ms);
void loop_stop(struct loop *l);
/* Monotonic clock. */
int64_t clock_now_ms(void);
int64_t clock_now_us(void);
/* How late the loop came to a timer at worst since the last call, in microseconds. */
int64_t loop_take_lag_us(struct loop *l);

/* Run fn once, in the next turn, never on the caller's stack. Queuing a queued one is a no-op.
 */
struct deferred {
	void (*fn)(void *arg);
	void *arg;
	struct loop *loop;
	bool queued;
	uint64_t turn;
	TAILQ_ENTRY(deferred) link;
};
void deferred_init(struct deferred *d, struct loop *l, void (*fn)(void *), void *arg);
void deferred_queue(struct deferred *d);
void deferred_cancel(struct deferred *d);

struct timer {
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};
void timer_init(struct timer *t, struct loop *l, void (*fn)(void *), void *arg);
/* Once, in ms milliseconds; a running timer is set anew. */
void timer_start(struct timer *t, int64_t ms);
void timer_stop(struct timer *t);
bool timer_running(const struct timer *t);
void timer_fini(struct timer *t);

enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch {
	struct event *ev;
	struct loop *loop;
	void (*fn)(void *arg, int ready);
	void *arg;
	int fd;
	int wanted;
};
/* Level-triggered and persistent; nothing is watched before watch_want(). Does not own the fd.
 */
void watch_init(struct watch *w, struct loop *l, int fd, void (*fn)(void *, int), void *arg);
void watch_want(struct watch *w, int what);
void watch_fini(struct watch *w);

/* fn runs on the loop when the signal arrives, for the life of the loop. */
void loop_on_signal(struct loop *l, int signo, void (*fn)(void *), void *arg);
