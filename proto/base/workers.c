/* One queue under a mutex; finished jobs travel back through the loop's mailbox. */
#include "proto/base/workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/task.h"

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work *first;
	struct work **last;
	bool closing;
	size_t pending;
	struct mailbox *finished;
	int threads;
	pthread_t thread[];
};

static struct work *next_job(struct workers *w)
{
	struct work *job;

	pthread_mutex_lock(&w->lock);
	while (w->first == NULL && !w->closing)
		pthread_cond_wait(&w->more, &w->lock);
	job = w->first;
	if (job != NULL) {
		w->first = job->next;
		if (w->first == NULL)
			w->last = &w->first;
	}
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void *worker_main(void *arg)
{
	struct workers *w = arg;
	struct work *job;

	while ((job = next_job(w)) != NULL) {
		job->run(job);
		mailbox_post(w->finished, &job->letter);
	}
	return NULL;
}

static void on_finished(void *arg, struct letter *letter)
{
	struct workers *w = arg;
	struct work *job = (struct work *)((char *)letter - offsetof(struct work, letter));

	w->pending--;
	job->done(job);
}

struct workers *workers_new(struct loop *l, const char *name, int threads)
{
	struct workers *w = xcalloc(1, sizeof(*w) + (size_t)threads * sizeof(pthread_t));
	char label[16];
	int rc;

	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->last = &w->first;
	w->finished = mailbox_new(l, on_finished, w);
	w->threads = threads;
	for (int i = 0; i < threads; i++) {
		rc = pthread_create(&w->thread[i], NULL, worker_main, w);
		if (rc != 0)
			fatal("cannot start a worker thread: %s", err_text(-rc));
		snprintf(label, sizeof(label), "%.11s-%d", name, i % 1000);
		pthread_setname_np(w->thread[i], label);
	}
	return w;
}

void workers_free(struct workers *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->threads; i++)
		pthread_join(w->thread[i], NULL);
	mailbox_free(w->finished);
	assert(w->pending == 0);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void workers_submit(struct workers *w, struct work *job)
{
	job->next = NULL;
	w->pending++;
	pthread_mutex_lock(&w->lock);
	assert(!w->closing);
	*w->last = job;
	w->last = &job->next;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

struct awaited {
	struct work work;
	struct waiter waiter;
	void (*run)(void *);
	void *arg;
};

static void run_awaited(struct work *job)
{
	struct awaited *a = (struct awaited *)job;

	a->run(a->arg);
}

static void on_awaited_done(struct work *job)
{
	struct awaited *a = (struct awaited *)job;

	waiter_done(&a->waiter, 0);
}

void await_work(struct workers *w, const char *what, void (*run)(void *), void *arg)
{
	struct awaited *a = xcalloc(1, sizeof(*a));

	a->work = (struct work){.run = run_awaited, .done = on_awaited_done};
	a->run = run;
	a->arg = arg;
	waiter_init(&a->waiter);
	workers_submit(w, &a->work);
	/* run() uses the caller's frame: a cancelled task, too, stays until it is over. */
	task_wait_done(&a->waiter, what);
	free(a);
}
