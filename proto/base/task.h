/*
 * Tasks: recipes that read top to bottom and suspend at their waits.
 *
 * A task is a stack of its own on the thread of one loop; it runs until it waits, and again
 * when what it waits for is done. Engines (callbacks) never run a task: they complete a waiter,
 * which queues the task for the loop's next turn.
 *
 *   struct waiter w;
 *   waiter_init(&w);
 *   op = thing_start(…, &w);                      the engine keeps &w and calls waiter_done()
 * once rc = task_wait(&w, "a thing", timeout_ms);    result, -ETIMEDOUT, or -ECANCELED
 *   thing_end(op);                                always: then nobody knows w any more
 *
 * Rules: whatever may suspend is called await_…; each wait has a deadline and a name; the
 * wrapper that starts an operation ends it, on every path, before its frame dies; across a wait
 * anything global may have changed; no VLA, alloca or recursion on input on a task's stack
 * (256 KiB, mapped lazily, guard page below).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/base/err.h"
#include "proto/base/loop.h"

struct task;
struct arena;

/* Marks the function a task starts with: it may wait though its name has no await_. */
#define TASK_ENTRY

struct waiter {
	struct task *task;
	int result;
	bool done;
};

/* No limit of time: only for waits whose operation has its own deadline. */
#define TASK_NO_TIMEOUT (-1)

/*
 * Start fn(arg) in the loop's next turn. The name (static string) and rq (request id, copied,
 * may be NULL) show in the log and in dumps. Returns NULL when the limit of tasks is reached:
 * refuse the work (503), the process is full.
 */
struct task *task_spawn(struct loop *l, const char *name, const char *rq, void (*fn)(void *),
			void *arg) MUST_CHECK;

/* The running task; NULL on the loop's own stack. */
struct task *task_self(void);

/* For the current task only. */
void waiter_init(struct waiter *w);
/* By the engine, once, on the loop's thread (from a callback or a task). Never switches. */
void waiter_done(struct waiter *w, int result);

/*
 * Sleep until done, timeout or cancel. A wait whose waiter is done already returns at once with
 * its result, also in a cancelled task; otherwise a cancelled task gets -ECANCELED at once.
 */
int task_wait(struct waiter *w, const char *what, int64_t timeout_ms) MUST_CHECK;

/*
 * Sleep until done, whatever else: for operations that cannot be given up midway and end by
 * themselves in bounded time (a job on a worker thread, a COMMIT that was sent).
 */
int task_wait_done(struct waiter *w, const char *what);

/* Sleep; 0, or -ECANCELED. */
int await_sleep(int64_t ms) MUST_CHECK;
/* Let others run for a turn; 0, or -ECANCELED. */
int await_turn(void) MUST_CHECK;

/*
 * The task's current wait, and all later ones, return -ECANCELED; the task unwinds by itself.
 * Called on the loop's thread. The handle is valid until the task's function returned.
 */
void task_cancel(struct task *t);

/* Now live, and the most that may (default 16,000: two mappings each, below vm.max_map_count).
 */
size_t task_count(void);
void task_set_limit(size_t max);

/* One line a task: name, request id, what it waits for, since how many ms. */
void task_dump(FILE *out, int64_t now_ms);

/* Memory of stacks kept for reuse is returned; no task may be alive. */
void task_shutdown(void);
