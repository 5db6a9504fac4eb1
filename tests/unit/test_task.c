/*
 * Tasks and waiters: timeout, cancel and completion in every order, also in one turn.
 * Meant to run under AddressSanitizer too: an operation's memory is freed where its wrapper
 * ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/log.h"
#include "proto/base/task.h"
#include "proto/base/workers.h"

static struct loop *loop;

/* An operation as an engine would have it: reports once, never after its end. */
struct op {
	struct waiter *waiter;
	struct deferred finish;
	int result;
};

static struct op *last_op;
static int ops_live;

static void on_finish(void *arg)
{
	struct op *op = arg;

	waiter_done(op->waiter, op->result);
}

static struct op *op_start(struct waiter *w)
{
	struct op *op = calloc(1, sizeof(*op));

	op->waiter = w;
	deferred_init(&op->finish, loop, on_finish, op);
	last_op = op;
	ops_live++;
	return op;
}

static void op_finish_next_turn(struct op *op, int result)
{
	op->result = result;
	deferred_queue(&op->finish);
}

static void op_end(struct op *op)
{
	deferred_cancel(&op->finish);
	ops_live--;
	free(op);
}

struct caller {
	struct task *task;
	int64_t timeout_ms;
	int result;
	int second;
	bool ended;
};

static int await_op(int64_t timeout_ms)
{
	struct waiter w;
	struct op *op;
	int rc;

	waiter_init(&w);
	op = op_start(&w);
	rc = task_wait(&w, "an operation", timeout_ms);
	op_end(op);
	return rc;
}

static void call_op(void *arg)
{
	struct caller *c = arg;

	c->result = await_op(c->timeout_ms);
	c->ended = true;
}

static void start(struct caller *c, int64_t timeout_ms)
{
	memset(c, 0, sizeof(*c));
	c->timeout_ms = timeout_ms;
	c->task = task_spawn(loop, "caller", "rq1", call_op, c);
	assert_non_null(c->task);
	assert_false(c->ended);
	loop_turn(loop, 0);
}

static void finish(struct caller *c)
{
	for (int i = 0; i < 5; i++)
		loop_turn(loop, 0);
	assert_true(c->ended);
	assert_int_equal(task_count(), 0);
	assert_int_equal(ops_live, 0);
}

static void completion_gives_the_result(void **state)
{
	struct caller c;

	(void)state;
	start(&c, 1000);
	op_finish_next_turn(last_op, 7);
	assert_int_equal(c.ended, false);
	finish(&c);
	assert_int_equal(c.result, 7);
}

static void completion_never_runs_the_task(void **state)
{
	struct caller c;

	(void)state;
	start(&c, 1000);
	waiter_done(last_op->waiter, 3);
	assert_false(c.ended);
	finish(&c);
	assert_int_equal(c.result, 3);
}

static void timeout_ends_the_wait(void **state)
{
	struct caller c;

	(void)state;
	start(&c, 1);
	while (!c.ended)
		loop_turn(loop, 50);
	finish(&c);
	assert_int_equal(c.result, -ETIMEDOUT);
}

static void cancel_ends_the_wait(void **state)
{
	struct caller c;

	(void)state;
	start(&c, 1000);
	task_cancel(c.task);
	assert_false(c.ended);
	finish(&c);
	assert_int_equal(c.result, -ECANCELED);
}

static void cancel_before_the_first_turn(void **state)
{
	struct caller c = {.timeout_ms = 1000};

	(void)state;
	c.task = task_spawn(loop, "caller", NULL, call_op, &c);
	task_cancel(c.task);
	finish(&c);
	assert_int_equal(c.result, -ECANCELED);
}

/* All three in one turn: completion wins, since its result may own something. */
static void completion_cancel_and_timeout_in_one_turn(void **state)
{
	(void)state;
	for (int order = 0; order < 6; order++) {
		struct caller c;
		int64_t until;

		start(&c, 1);
		/* Let the timer become due without running the loop. */
		for (until = clock_now_ms() + 3; clock_now_ms() < until;)
			;
		for (int step = 0; step < 3; step++) {
			static const int ORDERS[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
							 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

			if (ORDERS[order][step] == 0)
				waiter_done(last_op->waiter, 9);
			else if (ORDERS[order][step] == 1)
				task_cancel(c.task);
			else
				op_finish_next_turn(last_op, 9),
					deferred_cancel(&last_op->finish);
		}
		finish(&c);
		assert_int_equal(c.result, 9);
	}
}

static void timeout_and_completion_in_one_turn(void **state)
{
	struct caller c;
	int64_t until;

	(void)state;
	start(&c, 1);
	op_finish_next_turn(last_op, 4);
	for (until = clock_now_ms() + 3; clock_now_ms() < until;)
		;
	finish(&c);
	assert_true(c.result == 4 || c.result == -ETIMEDOUT);
}

static void wait_twice(void *arg)
{
	struct caller *c = arg;

	c->result = await_op(c->timeout_ms);
	c->second = await_op(c->timeout_ms);
	c->ended = true;
}

static void later_waits_of_a_cancelled_task_return_at_once(void **state)
{
	struct caller c = {.timeout_ms = 100000};

	(void)state;
	c.task = task_spawn(loop, "twice", NULL, wait_twice, &c);
	loop_turn(loop, 0);
	task_cancel(c.task);
	task_cancel(c.task);
	finish(&c);
	assert_int_equal(c.result, -ECANCELED);
	assert_int_equal(c.second, -ECANCELED);
}

static void wait_for_done_waiter(void *arg)
{
	struct caller *c = arg;
	struct waiter w;

	waiter_init(&w);
	waiter_done(&w, 5);
	c->result = task_wait(&w, "what is done", 1000);
	c->second = await_sleep(1);
	c->ended = true;
}

static void a_done_waiter_gives_its_result_even_when_cancelled(void **state)
{
	struct caller c = {0};

	(void)state;
	c.task = task_spawn(loop, "done", NULL, wait_for_done_waiter, &c);
	task_cancel(c.task);
	finish(&c);
	assert_int_equal(c.result, 5);
	assert_int_equal(c.second, -ECANCELED);
}

static int turns;

static void take_turns(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		turns++;
		assert_int_equal(await_turn(), 0);
	}
}

static void turns_alternate(void **state)
{
	(void)state;
	turns = 0;
	assert_non_null(task_spawn(loop, "a", NULL, take_turns, NULL));
	assert_non_null(task_spawn(loop, "b", NULL, take_turns, NULL));
	loop_turn(loop, 0);
	assert_int_equal(turns, 2);
	while (task_count() > 0)
		loop_turn(loop, 0);
	assert_int_equal(turns, 6);
}

static void sleep_once(void *arg)
{
	assert_int_equal(await_sleep(1), 0);
	(*(int *)arg)++;
}

static void many_tasks_and_the_limit(void **state)
{
	int woken = 0;

	(void)state;
	task_set_limit(1000);
	for (int i = 0; i < 1000; i++)
		assert_non_null(task_spawn(loop, "many", NULL, sleep_once, &woken));
	assert_null(task_spawn(loop, "one too many", NULL, sleep_once, &woken));
	while (task_count() > 0)
		loop_turn(loop, 10);
	assert_int_equal(woken, 1000);
	task_set_limit(16000);
}

static void write_dump(void *arg)
{
	(void)arg;
	assert_string_equal(log_rq(), "rq-of-dump");
	assert_int_equal(await_sleep(100000), -ECANCELED);
}

static void dump_names_the_wait(void **state)
{
	char text[512] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	struct task *t = task_spawn(loop, "dumped", "rq-of-dump", write_dump, NULL);

	(void)state;
	loop_turn(loop, 0);
	task_dump(out, clock_now_ms());
	fclose(out);
	assert_non_null(strstr(text, "dumped"));
	assert_non_null(strstr(text, "rq=rq-of-dump"));
	assert_non_null(strstr(text, "the clock"));
	assert_string_equal(log_rq(), "");
	task_cancel(t);
	loop_turn(loop, 0);
	assert_int_equal(task_count(), 0);
}

static void add_one(void *arg)
{
	(*(int *)arg)++;
}

struct worker_case {
	struct workers *workers;
	int count;
};

static void use_worker(void *arg)
{
	struct worker_case *c = arg;

	await_work(c->workers, "an addition", add_one, &c->count);
	c->count *= 10;
}

static void work_is_not_abandoned_by_cancel(void **state)
{
	struct worker_case c = {.workers = workers_new(loop, "test", 2)};
	struct task *t = task_spawn(loop, "worker", NULL, use_worker, &c);

	(void)state;
	loop_turn(loop, 0);
	task_cancel(t);
	while (task_count() > 0)
		loop_turn(loop, 10);
	assert_int_equal(c.count, 10);
	workers_free(c.workers);
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	task_shutdown();
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completion_gives_the_result),
		cmocka_unit_test(completion_never_runs_the_task),
		cmocka_unit_test(timeout_ends_the_wait),
		cmocka_unit_test(cancel_ends_the_wait),
		cmocka_unit_test(cancel_before_the_first_turn),
		cmocka_unit_test(completion_cancel_and_timeout_in_one_turn),
		cmocka_unit_test(timeout_and_completion_in_one_turn),
		cmocka_unit_test(later_waits_of_a_cancelled_task_return_at_once),
		cmocka_unit_test(a_done_waiter_gives_its_result_even_when_cancelled),
		cmocka_unit_test(turns_alternate),
		cmocka_unit_test(many_tasks_and_the_limit),
		cmocka_unit_test(dump_names_the_wait),
		cmocka_unit_test(work_is_not_abandoned_by_cancel),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
