/*
 * One queue under a mutex. The thread takes the longest prefix of it that makes a group, so the
 * order of arrival is the order in the log, and sleeps only when nothing waits.
 */
#include "storage/daemon/committer.h"

#include <pthread.h>
#include <stdlib.h>

#include "proto/base/failpoint.h"
#include "proto/base/metrics.h"

TAILQ_HEAD(commit_list, commit);

struct committer {
	struct store *store;
	struct mailbox *finished;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_cond_t finish; /* of a commit that a thread waits for */
	struct commit_list queue;
	bool closing;
	size_t pending; /* loop's side */
};

/* Move the next group out of the queue; false when closing and nothing is left. */
static bool take_group(struct committer *c, struct commit_list *group)
{
	size_t count = 0, bytes = 0;
	struct commit *next;

	TAILQ_INIT(group);
	pthread_mutex_lock(&c->lock);
	while (TAILQ_EMPTY(&c->queue) && !c->closing)
		pthread_cond_wait(&c->more, &c->lock);
	while ((next = TAILQ_FIRST(&c->queue)) != NULL) {
		bool alone = next->count == 0;
		bool first = TAILQ_EMPTY(group);

		if (!first && (alone || count + next->count > STORE_GROUP_MAX ||
			       bytes + next->bytes > COMMITTER_GROUP_BYTES))
			break;
		TAILQ_REMOVE(&c->queue, next, link);
		TAILQ_INSERT_TAIL(group, next, link);
		count += next->count;
		bytes += next->bytes;
		if (alone)
			break;
	}
	pthread_mutex_unlock(&c->lock);
	return !TAILQ_EMPTY(group);
}

static void commit_group(struct committer *c, struct commit_list *group)
{
	struct store_op *ops[STORE_GROUP_MAX];
	struct commit *m = TAILQ_FIRST(group);
	size_t count = 0;
	int64_t start = clock_now_us();

	if (m->count == 0) {
		m->run(m, c->store);
		return;
	}
	TAILQ_FOREACH(m, group, link)
		for (size_t i = 0; i < m->count; i++)
			ops[count++] = &m->ops[i];
	store_commit(c->store, ops, count);
	metric_observe_us(M_STORAGE_GROUP, clock_now_us() - start);
	metric_add(M_STORAGE_GROUP_OPS, (int64_t)count);
}

static void hand_back(struct committer *c, struct commit *m)
{
	if (m->done) {
		mailbox_post(c->finished, &m->letter);
		return;
	}
	pthread_mutex_lock(&c->lock);
	m->finished = true;
	pthread_cond_broadcast(&c->finish);
	pthread_mutex_unlock(&c->lock);
}

static void *committer_main(void *arg)
{
	struct committer *c = arg;
	struct commit_list group;
	struct commit *m;

	while (take_group(c, &group)) {
		commit_group(c, &group);
		failpoint(FP_BATCH_APPLIED);
		while ((m = TAILQ_FIRST(&group)) != NULL) {
			TAILQ_REMOVE(&group, m, link);
			hand_back(c, m);
		}
	}
	return NULL;
}

static void on_finished(void *arg, struct letter *letter)
{
	struct committer *c = arg;
	struct commit *m = (struct commit *)((char *)letter - offsetof(struct commit, letter));

	c->pending--;
	m->done(m);
}

struct committer *committer_new(struct loop *l, struct store *s)
{
	struct committer *c = xcalloc(1, sizeof(*c));
	int rc;

	c->store = s;
	TAILQ_INIT(&c->queue);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	pthread_cond_init(&c->finish, NULL);
	c->finished = mailbox_new(l, on_finished, c);
	rc = pthread_create(&c->thread, NULL, committer_main, c);
	if (rc != 0)
		fatal("cannot start the committer thread: %s", err_text(-rc));
	pthread_setname_np(c->thread, "committer");
	return c;
}

void committer_free(struct committer *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->closing = true;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	mailbox_free(c->finished);
	assert(c->pending == 0);
	pthread_cond_destroy(&c->more);
	pthread_cond_destroy(&c->finish);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void committer_submit(struct committer *c, struct commit *commit)
{
	assert(commit->count > 0 ? commit->count <= STORE_GROUP_MAX : commit->run != NULL);
	assert(commit->done != NULL);
	c->pending++;
	pthread_mutex_lock(&c->lock);
	assert(!c->closing);
	TAILQ_INSERT_TAIL(&c->queue, commit, link);
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
}

void committer_wait(struct committer *c, struct store_op *ops, size_t count, size_t bytes)
{
	struct commit m = {.ops = ops, .count = count, .bytes = bytes};

	assert(count > 0 && count <= STORE_GROUP_MAX);
	pthread_mutex_lock(&c->lock);
	assert(!c->closing);
	TAILQ_INSERT_TAIL(&c->queue, &m, link);
	pthread_cond_signal(&c->more);
	while (!m.finished)
		pthread_cond_wait(&c->finish, &c->lock);
	pthread_mutex_unlock(&c->lock);
}
