/*
 * There is one letter with one set of numbers. While the loop has not taken it the thread
 * keeps its hands off and skips a second.
 */
#include "storage/daemon/upkeep.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "proto/base/log.h"
#include "proto/base/mailbox.h"

#define ROUND_MS 1000

struct upkeep {
	struct store *store;
	void (*on_stats)(void *arg, const struct store_stats *stats);
	void *arg;
	struct mailbox *mailbox;
	struct letter letter;
	atomic_bool posted;
	struct store_stats stats;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool closing;
	struct store_mark mark; /* to be saved */
	bool marked;		/* it is newer than the disk's */
	int64_t mark_saved_ms;	/* 0: never */
};

/* Sleep for a round; false when it is time to stop. */
static bool sleep_round(struct upkeep *u)
{
	struct timespec until;
	bool go_on;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ROUND_MS / 1000;
	pthread_mutex_lock(&u->lock);
	while (!u->closing && pthread_cond_timedwait(&u->wake, &u->lock, &until) == 0)
		;
	go_on = !u->closing;
	pthread_mutex_unlock(&u->lock);
	return go_on;
}

static void save_mark(struct upkeep *u)
{
	struct store_mark mark;
	bool marked;
	int rc;

	pthread_mutex_lock(&u->lock);
	mark = u->mark;
	marked = u->marked;
	u->marked = false;
	pthread_mutex_unlock(&u->lock);
	if (!marked || store_poisoned(u->store))
		return;
	rc = store_mark_save(u->store, &mark);
	if (rc < 0)
		log_warn("mark of PostgreSQL not saved", "err=\"%s\"", err_text(rc));
	u->mark_saved_ms = clock_now_ms();
}

static void *upkeep_main(void *arg)
{
	struct upkeep *u = arg;
	int64_t last = clock_now_ms();

	do {
		int64_t now = clock_now_ms();

		if (store_checkpoint_due(u->store) || now - last >= UPKEEP_CHECKPOINT_MS) {
			/* It has said why; the next one does more. */
			(void)!store_checkpoint(u->store);
			last = now;
		}
		if (u->mark_saved_ms == 0 || now - u->mark_saved_ms >= UPKEEP_MARK_MS)
			save_mark(u);
		if (!atomic_load(&u->posted)) {
			store_stats(u->store, &u->stats);
			atomic_store(&u->posted, true);
			mailbox_post(u->mailbox, &u->letter);
		}
	} while (sleep_round(u));
	save_mark(u);
	return NULL;
}

static void on_letter(void *arg, struct letter *letter)
{
	struct upkeep *u = arg;

	(void)letter;
	u->on_stats(u->arg, &u->stats);
	atomic_store(&u->posted, false);
}

struct upkeep *upkeep_new(struct loop *l, struct store *s,
			  void (*on_stats)(void *arg, const struct store_stats *stats),
			  void *arg)
{
	struct upkeep *u = xcalloc(1, sizeof(*u));
	pthread_condattr_t attr;
	int rc;

	u->store = s;
	u->on_stats = on_stats;
	u->arg = arg;
	u->mailbox = mailbox_new(l, on_letter, u);
	pthread_mutex_init(&u->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&u->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&u->thread, NULL, upkeep_main, u);
	if (rc != 0)
		fatal("cannot start the upkeep thread: %s", err_text(-rc));
	pthread_setname_np(u->thread, "upkeep");
	return u;
}

void upkeep_mark(struct upkeep *u, const struct store_mark *mark)
{
	pthread_mutex_lock(&u->lock);
	u->mark = *mark;
	u->marked = true;
	pthread_mutex_unlock(&u->lock);
}

void upkeep_free(struct upkeep *u)
{
	if (u == NULL)
		return;
	pthread_mutex_lock(&u->lock);
	u->closing = true;
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
	pthread_join(u->thread, NULL);
	mailbox_free(u->mailbox);
	pthread_cond_destroy(&u->wake);
	pthread_mutex_destroy(&u->lock);
	free(u);
}
