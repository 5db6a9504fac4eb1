/*
 * A fixed pool of threads for what blocks or burns CPU: reads, hashing, directory scans.
 *
 * run() is called on one of the threads, then done() on the loop's thread. The job is embedded
 * in its owner and must live until done() was called. Jobs start in order of submission.
 * A task waits for one with await_work().
 */
#pragma once

#include "proto/base/loop.h"
#include "proto/base/mailbox.h"

struct workers;

struct work {
	void (*run)(struct work *);
	void (*done)(struct work *);
	struct letter letter;
	struct work *next;
};

struct workers *workers_new(struct loop *l, const char *name, int threads);
/* Waits for running jobs; queued ones are run too. */
void workers_free(struct workers *w);
void workers_submit(struct workers *w, struct work *job);

/* From a task: run(arg) on a worker; returns when it is done. It cannot be cancelled midway. */
void await_work(struct workers *w, const char *what, void (*run)(void *), void *arg);
