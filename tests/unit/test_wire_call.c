/* Calls meet their replies, or their end, exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/wire/call.h"

struct probe_call {
	struct call call;
	struct calls *table;
	int ends;
	int rc;
	uint64_t replied_id;
	struct buf *taken;
	struct probe_call *begin_next; /* in done */
	struct probe_call *cancel_next;
};

static struct loop *loop;
static struct calls table;

static void on_done(struct call *c, int rc, const struct wire_reply *reply, struct zmsg *msg)
{
	struct probe_call *p = (struct probe_call *)c;

	p->ends++;
	p->rc = rc;
	if (rc == 0) {
		p->replied_id = reply->id;
		if (msg->parts > 0) {
			p->taken = msg->part[0];
			msg->part[0] = NULL;
		}
	} else {
		assert_null(reply);
		assert_null(msg);
	}
	if (p->begin_next != NULL)
		call_begin(&table, &p->begin_next->call, WIRE_GET, 0, 1000, on_done);
	if (p->cancel_next != NULL)
		call_cancel(&table, &p->cancel_next->call);
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	calls_init(&table, loop);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	calls_fini(&table);
	loop_free(loop);
	return 0;
}

static bool reply_to(uint64_t id, enum wire_op op)
{
	struct wire_reply reply = {.op = op, .id = id};
	struct zmsg msg = {.parts = 0};

	return calls_match(&table, &reply, &msg);
}

static void test_replies_find_their_calls(void **state)
{
	struct probe_call calls[100] = {{.ends = 0}};
	uint64_t ids[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		ids[i] = call_begin(&table, &calls[i].call, WIRE_GET, 0, 1000, on_done);
	assert_int_equal(table.waiting, 100);
	for (int i = 99; i >= 0; i -= 3)
		assert_true(reply_to(ids[i], WIRE_GET));
	for (int i = 0; i < 100; i++) {
		if (calls[i].ends == 0)
			assert_true(reply_to(ids[i], WIRE_GET));
		assert_int_equal(calls[i].ends, 1);
		assert_int_equal(calls[i].rc, 0);
		assert_int_equal(calls[i].replied_id, ids[i]);
	}
	assert_int_equal(table.waiting, 0);
}

static void test_late_and_wrong_replies(void **state)
{
	struct probe_call a = {.ends = 0}, b = {.ends = 0};
	uint64_t id = call_begin(&table, &a.call, WIRE_PUT, 100, 50, on_done);

	(void)state;
	assert_false(reply_to(id + 1, WIRE_PUT));
	calls_expire(&table, 149);
	assert_int_equal(a.ends, 0);
	calls_expire(&table, 150);
	assert_int_equal(a.rc, -ETIMEDOUT);
	assert_false(reply_to(id, WIRE_PUT));
	assert_int_equal(a.ends, 1);

	id = call_begin(&table, &b.call, WIRE_PUT, 100, 50, on_done);
	assert_true(reply_to(id, WIRE_GET));
	assert_int_equal(b.rc, ERR_PROTOCOL);
	assert_false(reply_to(id, WIRE_PUT));
}

/* Deadlines may come in any order. */
static void test_timeouts_in_order(void **state)
{
	static const int64_t timeouts[] = {500, 100, 300, 200, 400, 100};
	struct probe_call calls[6] = {{.ends = 0}};

	(void)state;
	for (int i = 0; i < 6; i++)
		call_begin(&table, &calls[i].call, WIRE_GET, 1000, timeouts[i], on_done);
	for (int64_t now = 1000; now <= 1600; now += 50) {
		calls_expire(&table, now);
		for (int i = 0; i < 6; i++)
			assert_int_equal(calls[i].ends, now - 1000 >= timeouts[i]);
	}
}

static void test_lost_peer(void **state)
{
	struct probe_call calls[10] = {{.ends = 0}}, next = {.ends = 0};

	(void)state;
	/* One begins another call in its done, one cancels a neighbour. */
	calls[2].begin_next = &next;
	calls[4].cancel_next = &calls[7];
	for (int i = 0; i < 10; i++)
		call_begin(&table, &calls[i].call, WIRE_GET, 0, 1000 - i, on_done);
	calls_fail_all(&table, ERR_PEER_GONE);
	for (int i = 0; i < 10; i++) {
		/* In order of deadlines: 9 first, so 7 had ended before 4 could cancel it. */
		assert_int_equal(calls[i].ends, 1);
		assert_int_equal(calls[i].rc, ERR_PEER_GONE);
	}
	assert_int_equal(next.ends, 0);
	assert_int_equal(table.waiting, 1);
	calls_fail_all(&table, ERR_PEER_GONE);
	assert_int_equal(next.ends, 1);
}

static void test_cancelled_is_silent(void **state)
{
	struct probe_call a = {.ends = 0};
	uint64_t id = call_begin(&table, &a.call, WIRE_GET, 0, 10, on_done);

	(void)state;
	call_cancel(&table, &a.call);
	call_cancel(&table, &a.call);
	assert_false(reply_to(id, WIRE_GET));
	calls_expire(&table, 100);
	calls_fail_all(&table, ERR_PEER_GONE);
	assert_int_equal(a.ends, 0);
}

/* Payload that nobody takes is released, what is taken stays. */
static void test_payload(void **state)
{
	struct buf_pool *pool = buf_pool_new(loop, 1 << 20);
	struct probe_call a = {.ends = 0};
	uint64_t id = call_begin(&table, &a.call, WIRE_GET, 0, 10, on_done);
	struct wire_reply reply = {.op = WIRE_GET, .id = id};
	struct zmsg msg = {.parts = 2};

	(void)state;
	msg.part[0] = buf_get(pool, 100);
	msg.part[1] = buf_get(pool, 200);
	assert_true(calls_match(&table, &reply, &msg));
	assert_int_equal(buf_used(pool), 100);
	msg = (struct zmsg){.parts = 1, .part = {buf_get(pool, 300)}};
	assert_false(calls_match(&table, &reply, &msg));
	assert_int_equal(buf_used(pool), 100);
	buf_unref(a.taken);
	buf_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replies_find_their_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_and_wrong_replies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeouts_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_peer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled_is_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payload, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
