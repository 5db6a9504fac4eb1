/* The small parts of proto/base: arena, log quoting, loop, mailbox, addresses, metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "proto/base/address.h"
#include "proto/base/arena.h"
#include "proto/base/log.h"
#include "proto/base/loop.h"
#include "proto/base/mailbox.h"
#include "proto/base/metrics.h"

static char order[16];

static void note(void *arg)
{
	size_t used = strlen(order);

	snprintf(order + used, sizeof(order) - used, "%s", (const char *)arg);
}

static void arena_releases_in_reverse_order(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	order[0] = '\0';
	arena_defer(a, note, (char *)"1");
	arena_defer(a, note, (char *)"2");
	arena_free(a);
	assert_string_equal(order, "21");
}

static void arena_pieces_are_zeroed_and_apart(void **state)
{
	struct arena *a = arena_new();
	unsigned char *pieces[200];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		size_t size = i * 131 % 9000 + 1;

		pieces[i] = arena_alloc(a, size);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		for (size_t k = 0; k < size; k++)
			assert_int_equal(pieces[i][k], 0);
		memset(pieces[i], (int)i + 1, size);
	}
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(pieces[i][i * 131 % 9000], (unsigned char)(i + 1));
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	assert_string_equal(arena_memdup(a, "abcdef", 3), "abc");
	arena_free(a);
}

static void quoting_keeps_a_line_a_line(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(log_quote(buf, sizeof(buf), "a\nb\"c\\", 6),
			    "\"a\\x0ab\\\"c\\\\\"");
	assert_string_equal(log_quote(buf, sizeof(buf), "\xff\xc3\xa4", 3),
			    "\"\\xff\xc3\xa4\"");
	assert_true(strlen(log_quote(buf, 16, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 32)) < 16);
}

static struct loop *loop;
static struct deferred second;

static void queue_second(void *arg)
{
	note(arg);
	deferred_queue(&second);
}

static void deferred_runs_in_the_next_turn(void **state)
{
	struct deferred first, cancelled;

	(void)state;
	order[0] = '\0';
	deferred_init(&first, loop, queue_second, (char *)"a");
	deferred_init(&second, loop, note, (char *)"b");
	deferred_init(&cancelled, loop, note, (char *)"x");
	deferred_queue(&first);
	deferred_queue(&first);
	deferred_queue(&cancelled);
	deferred_cancel(&cancelled);
	assert_string_equal(order, "");
	loop_turn(loop, 0);
	assert_string_equal(order, (char *)"a");
	loop_turn(loop, 0);
	assert_string_equal(order, "ab");
	loop_turn(loop, 0);
	assert_string_equal(order, "ab");
}

#define LETTERS 20000

struct numbered {
	struct letter letter;
	int sender;
	int number;
};

static int got[2];

static void on_letter(void *arg, struct letter *letter)
{
	struct numbered *n = (struct numbered *)letter;

	(void)arg;
	assert_int_equal(n->number, got[n->sender]);
	got[n->sender]++;
}

static struct mailbox *mailbox;
static struct numbered letters[2][LETTERS];

static void *post_all(void *arg)
{
	struct numbered *mine = arg;

	for (int i = 0; i < LETTERS; i++)
		mailbox_post(mailbox, &mine[i].letter);
	return NULL;
}

static void letters_arrive_in_order_of_their_thread(void **state)
{
	pthread_t threads[2];

	(void)state;
	mailbox = mailbox_new(loop, on_letter, NULL);
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < LETTERS; i++)
			letters[s][i] = (struct numbered){.sender = s, .number = i};
	for (int s = 0; s < 2; s++)
		assert_int_equal(pthread_create(&threads[s], NULL, post_all, letters[s]), 0);
	while (got[0] + got[1] < 2 * LETTERS)
		loop_turn(loop, 1000);
	for (int s = 0; s < 2; s++)
		pthread_join(threads[s], NULL);
	mailbox_free(mailbox);
}

static void addresses(void **state)
{
	static const char *const BAD[] = {"",		"127.0.0.1",	 "localhost:80",
					  "127.0.0.1:", "::1:80",	 "[::1]",
					  "[::1]80",	"1.2.3.4:65536", "[1.2.3.4]:1",
					  "1.2.3.4:-1", "1.2.3.4: 1",	 "1.2.3:1"};
	struct address a;
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	assert_int_equal(address_parse("127.0.0.1:5000", &a), 0);
	assert_string_equal(a.host, "127.0.0.1");
	assert_int_equal(a.port, 5000);
	assert_int_equal(address_parse("[::1]:0", &a), 0);
	assert_string_equal(a.host, "::1");
	assert_string_equal(address_text(&a, text), "[::1]:0");
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(address_parse(BAD[i], &a), ERR_SYNTAX);
}

static void metrics_sum_their_slots(void **state)
{
	char text[8192] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	metrics_setup(2);
	metric_set(M_TASKS, 3);
	metrics_use_slot(1);
	metric_set(M_TASKS, 4);
	assert_int_equal(metric_value(M_TASKS), 7);
	metrics_print(out, "packhouse_nothing");
	fclose(out);
	assert_non_null(strstr(text, "# TYPE packhouse_process_tasks gauge\n"
				     "packhouse_process_tasks 7\n"));
	/* A worker that takes over a dead one's slot starts with empty gauges. */
	metrics_use_slot(1);
	assert_int_equal(metric_value(M_TASKS), 3);
}

static void errors_have_texts(void **state)
{
	(void)state;
	assert_string_equal(err_text(ERR_NOT_FOUND), "not found");
	assert_string_equal(err_text(-ENOENT), "No such file or directory");
	assert_string_equal(err_text(-4000), "error -4000");
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
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_releases_in_reverse_order),
		cmocka_unit_test(arena_pieces_are_zeroed_and_apart),
		cmocka_unit_test(quoting_keeps_a_line_a_line),
		cmocka_unit_test(deferred_runs_in_the_next_turn),
		cmocka_unit_test(letters_arrive_in_order_of_their_thread),
		cmocka_unit_test(addresses),
		cmocka_unit_test(metrics_sum_their_slots),
		cmocka_unit_test(errors_have_texts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
