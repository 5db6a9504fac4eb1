/*
 * A stack of letters that threads push onto with one compare-and-swap, and an eventfd that is
 * written only when the stack was empty. The loop takes the whole stack and reverses it.
 */
#include "proto/base/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	_Atomic(struct letter *) top;
	int fd;
	struct watch watch;
	void (*fn)(void *, struct letter *);
	void *arg;
};

static void deliver(struct mailbox *m)
{
	struct letter *top = atomic_exchange_explicit(&m->top, NULL, memory_order_acquire);
	struct letter *first = NULL;

	while (top != NULL) {
		struct letter *next = top->next;

		top->next = first;
		first = top;
		top = next;
	}
	while (first != NULL) {
		struct letter *next = first->next;

		m->fn(m->arg, first);
		first = next;
	}
}

static void on_mail(void *arg, int ready)
{
	struct mailbox *m = arg;
	uint64_t count;

	(void)ready;
	/* Read first: a letter posted after it writes again. */
	if (read(m->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		fatal("cannot read a mailbox: %s", err_text(-errno));
	deliver(m);
}

struct mailbox *mailbox_new(struct loop *l, void (*fn)(void *arg, struct letter *), void *arg)
{
	struct mailbox *m = xcalloc(1, sizeof(*m));

	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->fd < 0)
		fatal("cannot make a mailbox: %s", err_text(-errno));
	m->fn = fn;
	m->arg = arg;
	watch_init(&m->watch, l, m->fd, on_mail, m);
	watch_want(&m->watch, WATCH_READ);
	return m;
}

void mailbox_post(struct mailbox *m, struct letter *letter)
{
	struct letter *top = atomic_load_explicit(&m->top, memory_order_relaxed);
	uint64_t one = 1;

	do {
		letter->next = top;
	} while (!atomic_compare_exchange_weak_explicit(
		&m->top, &top, letter, memory_order_release, memory_order_relaxed));
	if (top == NULL && write(m->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		fatal("cannot post to a mailbox: %s", err_text(-errno));
}

void mailbox_free(struct mailbox *m)
{
	if (m == NULL)
		return;
	deliver(m);
	watch_fini(&m->watch);
	close(m->fd);
	free(m);
}
