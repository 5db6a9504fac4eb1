/* Reservations: whole or not at all, first come first served, given back when unused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/daemon/room.h"

#define MIB (1024u * 1024)

struct waiting {
	struct room_wait wait;
	int answers;
	int rc;
	uint64_t ticket;
	int order;
};

static struct loop *loop;
static struct buf_pool *pool;
static struct room *room;
static int order;

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	pool = buf_pool_new(loop, 10 * MIB);
	room = room_new(loop, pool);
	order = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	room_free(room);
	assert_int_equal(buf_used(pool), 0);
	buf_pool_free(pool);
	loop_free(loop);
	return 0;
}

static void on_room(void *arg, int rc, uint64_t ticket)
{
	struct waiting *w = arg;

	w->answers++;
	w->rc = rc;
	w->ticket = ticket;
	w->order = order++;
}

static void ask(struct waiting *w, uint32_t len, int64_t in_ms)
{
	room_ask(room, &w->wait, len, clock_now_ms() + in_ms, on_room, w);
}

static void turn(void)
{
	loop_turn(loop, 0);
	loop_turn(loop, 0);
}

static void test_fair(void **state)
{
	struct waiting w[4] = {{.answers = 0}};

	(void)state;
	ask(&w[0], 4 * MIB, 60000);
	ask(&w[1], 4 * MIB, 60000);
	ask(&w[2], 4 * MIB, 60000);
	ask(&w[3], MIB, 60000); /* would fit, but does not overtake */
	turn();
	assert_int_equal(w[0].answers, 1);
	assert_int_equal(w[1].answers, 1);
	assert_int_equal(w[2].answers, 0);
	assert_int_equal(w[3].answers, 0);
	assert_int_equal(room_tickets(room), 2);
	assert_int_equal(buf_used(pool), 8 * MIB);
	assert_true(w[0].ticket != 0 && w[0].ticket != w[1].ticket);

	assert_int_equal(room_take(room, w[0].ticket, 4 * MIB), 0);
	turn();
	assert_int_equal(w[2].answers, 1);
	assert_int_equal(w[3].answers, 1);
	assert_true(w[2].order < w[3].order);
	assert_int_equal(buf_used(pool), 9 * MIB);
}

static void test_ticket_is_for_one_chunk_of_its_length(void **state)
{
	struct waiting w = {.answers = 0};

	(void)state;
	ask(&w, 3 * MIB, 60000);
	turn();
	assert_int_equal(room_take(room, w.ticket + 1, 3 * MIB), ERR_NOT_FOUND);
	assert_int_equal(room_take(room, w.ticket, 2 * MIB), ERR_NOT_FOUND);
	assert_int_equal(room_take(room, w.ticket, 3 * MIB), 0);
	assert_int_equal(room_take(room, w.ticket, 3 * MIB), ERR_NOT_FOUND);
}

/* A client that dies with a ticket in its hands does not keep the room. */
static void test_unused_tickets_run_out(void **state)
{
	struct waiting w[2] = {{.answers = 0}};
	int64_t now = clock_now_ms();

	(void)state;
	ask(&w[0], 8 * MIB, 60000);
	ask(&w[1], 8 * MIB, 60000);
	turn();
	room_expire(room, now + ROOM_TICKET_MS - 1000);
	turn();
	assert_int_equal(w[1].answers, 0);
	room_expire(room, now + ROOM_TICKET_MS + 1000);
	turn();
	assert_int_equal(w[1].answers, 1);
	assert_int_equal(room_take(room, w[0].ticket, 8 * MIB), ERR_NOT_FOUND);
}

static void test_too_late(void **state)
{
	struct waiting w[3] = {{.answers = 0}};

	(void)state;
	ask(&w[0], 8 * MIB, 60000);
	ask(&w[1], 8 * MIB, 0); /* its turn comes after its deadline */
	ask(&w[2], 8 * MIB, 60000);
	turn();
	assert_int_equal(room_take(room, w[0].ticket, 8 * MIB), 0);
	turn();
	assert_int_equal(w[1].rc, -ETIMEDOUT);
	assert_int_equal(w[1].ticket, 0);
	turn();
	assert_int_equal(w[2].rc, 0);
	assert_int_equal(w[2].answers, 1);
}

static void test_cancel(void **state)
{
	struct waiting w[2] = {{.answers = 0}};

	(void)state;
	ask(&w[0], 11 * MIB, 60000); /* larger than the budget: goes alone */
	ask(&w[1], MIB, 60000);
	turn();
	assert_int_equal(w[0].answers, 1);
	room_cancel(&w[1].wait);
	assert_int_equal(room_take(room, w[0].ticket, 11 * MIB), 0);
	turn();
	assert_int_equal(w[1].answers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ticket_is_for_one_chunk_of_its_length,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_unused_tickets_run_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
