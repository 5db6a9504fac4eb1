/*
 * A table of calls by id, and the same calls in a list by deadline.
 *
 * Deadlines nearly always come in order, so a new call finds its place in the list from the end
 * in a step or two, and the one timer follows the list's head. A call leaves both before its
 * done runs, so that done may begin, cancel or free what it likes.
 */
#include "proto/wire/call.h"

#include <assert.h>

static void on_timer(void *arg)
{
	struct calls *t = arg;

	calls_expire(t, clock_now_ms());
}

void calls_init(struct calls *t, struct loop *l)
{
	t->loop = l;
	t->next_id = 1;
	t->waiting = 0;
	for (unsigned i = 0; i < CALL_BUCKETS; i++)
		LIST_INIT(&t->bucket[i]);
	TAILQ_INIT(&t->list);
	timer_init(&t->timer, l, on_timer, t);
}

void calls_fini(struct calls *t)
{
	assert(t->waiting == 0);
	timer_fini(&t->timer);
}

static void arm(struct calls *t, int64_t now_ms)
{
	struct call *first = TAILQ_FIRST(&t->list);
	int64_t left;

	if (first == NULL) {
		timer_stop(&t->timer);
		return;
	}
	left = first->deadline_ms - now_ms;
	timer_start(&t->timer, left > 0 ? left : 0);
}

uint64_t call_begin(struct calls *t, struct call *c, enum wire_op op, int64_t now_ms,
		    int64_t timeout_ms, call_done_fn *done)
{
	struct call *before = TAILQ_LAST(&t->list, calls_list);

	assert(timeout_ms > 0);
	c->id = t->next_id++;
	c->op = op;
	c->started_ms = now_ms;
	c->deadline_ms = now_ms + timeout_ms;
	c->done = done;
	c->waiting = true;

	while (before != NULL && before->deadline_ms > c->deadline_ms)
		before = TAILQ_PREV(before, calls_list, link);
	if (before != NULL) {
		TAILQ_INSERT_AFTER(&t->list, before, c, link);
	} else {
		TAILQ_INSERT_HEAD(&t->list, c, link);
		arm(t, now_ms);
	}
	LIST_INSERT_HEAD(&t->bucket[c->id % CALL_BUCKETS], c, hash);
	t->waiting++;
	return c->id;
}

/*
 * The timer is left alone: when it fires too early it finds nothing due and is set anew, which
 * is rarer and cheaper than setting it at every reply.
 */
static void unlink_call(struct calls *t, struct call *c)
{
	assert(c->waiting);
	c->waiting = false;
	LIST_REMOVE(c, hash);
	TAILQ_REMOVE(&t->list, c, link);
	t->waiting--;
}

void call_cancel(struct calls *t, struct call *c)
{
	if (c->waiting)
		unlink_call(t, c);
}

static void release_parts(struct zmsg *msg)
{
	for (unsigned i = 0; i < msg->parts; i++)
		buf_unref(msg->part[i]);
	msg->parts = 0;
}

bool calls_match(struct calls *t, const struct wire_reply *reply, struct zmsg *msg)
{
	struct call *c;

	LIST_FOREACH(c, &t->bucket[reply->id % CALL_BUCKETS], hash)
		if (c->id == reply->id)
			break;
	if (c != NULL) {
		unlink_call(t, c);
		if (reply->op == c->op)
			c->done(c, 0, reply, msg);
		else
			c->done(c, ERR_PROTOCOL, NULL, NULL);
	}
	release_parts(msg);
	return c != NULL;
}

void calls_fail_all(struct calls *t, int rc)
{
	uint64_t limit = t->next_id;
	struct call *c;

	/* Only those of now: a done may have begun another one. */
	for (;;) {
		TAILQ_FOREACH(c, &t->list, link)
			if (c->id < limit)
				break;
		if (c == NULL)
			return;
		unlink_call(t, c);
		c->done(c, rc, NULL, NULL);
	}
}

void calls_expire(struct calls *t, int64_t now_ms)
{
	struct call *c;

	while ((c = TAILQ_FIRST(&t->list)) != NULL && c->deadline_ms <= now_ms) {
		unlink_call(t, c);
		c->done(c, -ETIMEDOUT, NULL, NULL);
	}
	arm(t, now_ms);
}
