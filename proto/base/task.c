/*
 * Tasks are ucontexts. There are two kinds of switch: the loop resumes a task (from its
 * deferred call), and a task yields back to the loop (in task_wait or at its end). Plain
 * swapcontext both ways: the sigsetjmp trick saves 150 ns and breaks under _FORTIFY_SOURCE.
 *
 * States of a wait:
 *
 *   task_wait ──yield──▶ parked ──waiter_done / timer / task_cancel──▶ queued ──resume──▶
 * returns
 *
 * Any of the three may come first, and others may follow in the same turn; each only marks and
 * queues (queuing twice is a no-op). The woken task looks at the marks in a fixed order: done
 * first, since its result may hold something that the caller has to release, then cancel, then
 * timeout.
 *
 * A task that ended is freed by the loop after the switch, never on its own stack.
 */
#include "proto/base/task.h"

#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "proto/base/log.h"
#include "proto/base/task_stack.h"

#if defined(__SANITIZE_ADDRESS__)
#	define WITH_ASAN 1
#elif defined(__has_feature)
#	if __has_feature(address_sanitizer)
#		define WITH_ASAN 1
#	endif
#endif

#ifdef WITH_ASAN
#	include <sanitizer/common_interface_defs.h>
#endif

#define TASK_MAGIC    0x7a5c1e55u
#define DEFAULT_LIMIT 16000

struct task {
	unsigned magic;
	ucontext_t context;
	void *stack;
	void *asan_fake_stack;
	struct loop *loop;
	struct deferred resume;
	struct timer timer;
	void (*fn)(void *);
	void *arg;
	const char *name;
	char rq[LOG_RQ_MAX];
	struct waiter *waiting_for;
	const char *wait_name;
	int64_t wait_since_ms;
	bool timed_out;
	bool cancelled;
	bool ended;
	TAILQ_ENTRY(task) link;
};

static TAILQ_HEAD(, task) all_tasks = TAILQ_HEAD_INITIALIZER(all_tasks);
static size_t live;
static size_t limit = DEFAULT_LIMIT;
static struct task *current;
static ucontext_t loop_context;

#ifdef WITH_ASAN
static const void *loop_stack_bottom;
static size_t loop_stack_size;
static void *loop_fake_stack;
#endif

static void check(const struct task *t)
{
	assert(t != NULL && t->magic == TASK_MAGIC);
}

/* On the task's stack, right after a switch to it. */
static void arrived_in_task(struct task *t)
{
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(t->asan_fake_stack, &loop_stack_bottom,
					&loop_stack_size);
#else
	(void)t;
#endif
}

static void switch_to_loop(struct task *t)
{
#ifdef WITH_ASAN
	/* NULL at the end: the fake stack is destroyed with the task. */
	__sanitizer_start_switch_fiber(t->ended ? NULL : &t->asan_fake_stack, loop_stack_bottom,
				       loop_stack_size);
#endif
	if (swapcontext(&t->context, &loop_context) < 0)
		fatal("cannot leave a task: %s", err_text(-errno));
	arrived_in_task(t);
}

static void switch_to_task(struct task *t)
{
#ifdef WITH_ASAN
	__sanitizer_start_switch_fiber(&loop_fake_stack, t->stack, TASK_STACK_SIZE);
#endif
	if (swapcontext(&loop_context, &t->context) < 0)
		fatal("cannot enter a task: %s", err_text(-errno));
#ifdef WITH_ASAN
	__sanitizer_finish_switch_fiber(loop_fake_stack, NULL, NULL);
#endif
}

static void task_main(void)
{
	struct task *t = current;

	arrived_in_task(t);
	t->fn(t->arg);
	t->ended = true;
	switch_to_loop(t);
	fatal("an ended task was resumed");
}

static void task_free(struct task *t)
{
	TAILQ_REMOVE(&all_tasks, t, link);
	live--;
	deferred_cancel(&t->resume);
	timer_fini(&t->timer);
	task_stack_put(t->stack);
	t->magic = 0;
	free(t);
}

static void on_resume(void *arg)
{
	struct task *t = arg;
	const char *outer_rq = log_rq();

	check(t);
	assert(current == NULL);
	current = t;
	log_set_rq(t->rq);
	switch_to_task(t);
	log_set_rq(outer_rq);
	current = NULL;
	if (t->ended)
		task_free(t);
}

static void on_timeout(void *arg)
{
	struct task *t = arg;

	check(t);
	t->timed_out = true;
	deferred_queue(&t->resume);
}

struct task *task_spawn(struct loop *l, const char *name, const char *rq, void (*fn)(void *),
			void *arg)
{
	struct task *t;
	void *stack;

	if (live >= limit || (stack = task_stack_get()) == NULL)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	t->magic = TASK_MAGIC;
	t->stack = stack;
	t->loop = l;
	t->fn = fn;
	t->arg = arg;
	t->name = name;
	t->wait_name = "its first turn";
	t->wait_since_ms = clock_now_ms();
	snprintf(t->rq, sizeof(t->rq), "%s", rq != NULL ? rq : "");
	if (getcontext(&t->context) < 0)
		fatal("cannot make a task: %s", err_text(-errno));
	t->context.uc_stack.ss_sp = stack;
	t->context.uc_stack.ss_size = TASK_STACK_SIZE;
	t->context.uc_link = NULL;
	makecontext(&t->context, task_main, 0);
	deferred_init(&t->resume, l, on_resume, t);
	timer_init(&t->timer, l, on_timeout, t);
	TAILQ_INSERT_TAIL(&all_tasks, t, link);
	live++;
	deferred_queue(&t->resume);
	return t;
}

struct task *task_self(void)
{
	return current;
}

void waiter_init(struct waiter *w)
{
	assert(current != NULL);
	*w = (struct waiter){.task = current};
}

void waiter_done(struct waiter *w, int result)
{
	struct task *t = w->task;

	check(t);
	assert(!w->done);
	w->done = true;
	w->result = result;
	if (t->waiting_for == w)
		deferred_queue(&t->resume);
}

static void park(struct task *t, struct waiter *w, const char *what, int64_t timeout_ms)
{
	t->waiting_for = w;
	t->wait_name = what;
	t->wait_since_ms = clock_now_ms();
	t->timed_out = false;
	if (timeout_ms != TASK_NO_TIMEOUT)
		timer_start(&t->timer, timeout_ms);
	switch_to_loop(t);
	if (timeout_ms != TASK_NO_TIMEOUT)
		timer_stop(&t->timer);
	t->waiting_for = NULL;
	t->wait_name = "nothing";
}

int task_wait(struct waiter *w, const char *what, int64_t timeout_ms)
{
	struct task *t = current;

	check(t);
	assert(w->task == t);
	assert(timeout_ms >= 0 || timeout_ms == TASK_NO_TIMEOUT);
	if (w->done)
		return w->result;
	if (t->cancelled)
		return -ECANCELED;
	park(t, w, what, timeout_ms);
	if (w->done)
		return w->result;
	if (t->cancelled)
		return -ECANCELED;
	assert(t->timed_out);
	return -ETIMEDOUT;
}

int task_wait_done(struct waiter *w, const char *what)
{
	check(current);
	assert(w->task == current);
	while (!w->done)
		park(current, w, what, TASK_NO_TIMEOUT);
	return w->result;
}

int await_sleep(int64_t ms)
{
	struct waiter w;
	int rc;

	waiter_init(&w);
	rc = task_wait(&w, "the clock", ms);
	return rc == -ETIMEDOUT ? 0 : rc;
}

static void on_next_turn(void *arg)
{
	waiter_done(arg, 0);
}

int await_turn(void)
{
	struct deferred next;
	struct waiter w;
	int rc;

	waiter_init(&w);
	deferred_init(&next, current->loop, on_next_turn, &w);
	deferred_queue(&next);
	rc = task_wait(&w, "its next turn", TASK_NO_TIMEOUT);
	deferred_cancel(&next);
	return rc;
}

void task_cancel(struct task *t)
{
	check(t);
	if (t->cancelled)
		return;
	t->cancelled = true;
	if (t->waiting_for != NULL)
		deferred_queue(&t->resume);
}

size_t task_count(void)
{
	return live;
}

void task_set_limit(size_t max)
{
	limit = max;
}

void task_dump(FILE *out, int64_t now_ms)
{
	struct task *t;

	TAILQ_FOREACH(t, &all_tasks, link)
		fprintf(out, "%-24s rq=%-16s waits for %s, %lld ms%s\n", t->name,
			t->rq[0] != '\0' ? t->rq : "-", t->wait_name,
			(long long)(now_ms - t->wait_since_ms),
			t->cancelled ? ", cancelled" : "");
}

void task_shutdown(void)
{
	assert(live == 0);
	task_stack_trim();
}
