/* Who comes, with real sockets, while a gateway stops listening. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>

#include "gateway/listen.h"
#include "proto/base/loop.h"
#include "tests/unit/http_fake.h"

#define PATIENCE_MS 20000 /* for what would never happen */

static struct listen_set set;
static struct sockaddr_in address;

static void answer(struct http_stream *s, const struct http_head *h)
{
	struct reply_head head = {.status = 200};

	(void)h;
	(void)s->ops->await_write(s, &head, NULL, 0);
}

static int set_up(void **state)
{
	socklen_t len = sizeof(address);

	fake_set_up(state);
	handler = answer;
	assert_int_equal(listen_open("127.0.0.1", 0, &set), 0);
	assert_int_equal(getsockname(set.fd[0], (struct sockaddr *)&address, &len), 0);
	return 0;
}

static int tear_down(void **state)
{
	listen_close(&set);
	return fake_tear_down(state);
}

static int client(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)connect(fd, (struct sockaddr *)&address, sizeof(address));
	return fd;
}

static bool is_ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 0) == 1 && (p.revents & events) != 0;
}

static bool is_refused(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return err == ECONNREFUSED;
}

/* The front takes over what the parent had opened. */
static int front_listens(void)
{
	set.count = 0;
	http_front_listen(front, set.fd[0]);
	return set.fd[0];
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void turned_away_are_those_that_begin(void **state)
{
	int before = client(), after, fd;
	char byte;

	(void)state;
	listen_turn_away(&set);
	after = client();
	assert_true(is_ready(before, POLLOUT));
	assert_false(is_ready(after, POLLOUT));
	fd = accept4(set.fd[0], NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(accept4(set.fd[0], NULL, NULL, SOCK_CLOEXEC), -1);
	listen_close(&set);
	assert_int_equal(write(before, "a", 1), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(write(fd, "b", 1), 1);
	assert_int_equal(read(before, &byte, 1), 1);
	assert_int_equal(byte, 'b');
	close(before);
	close(after);
	close(fd);
}

static void asks(int fd)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
}

static void gets_its_answer(int fd)
{
	int64_t end = clock_now_ms() + PATIENCE_MS;
	char got[4096];
	ssize_t n;

	while (!is_ready(fd, POLLIN) && clock_now_ms() < end)
		loop_turn(loop, 10);
	n = read(fd, got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(got, "Connection: close"));
	close(fd);
}

/* One waits in the backlog when draining begins, the other one comes after it; and there is
 * room for one only. */
static void draining_serves_who_is_late(void **state)
{
	int64_t end = clock_now_ms() + PATIENCE_MS;
	int listener = front_listens();
	bool empty = false;
	int waits = client(), late;

	(void)state;
	asks(waits);
	http_front_drain(front, fake_on_empty, &empty);
	late = client();
	asks(late);
	gets_its_answer(waits);
	gets_its_answer(late);
	while (is_open(listener) && clock_now_ms() < end)
		loop_turn(loop, 10);
	late = client();
	assert_true(is_refused(late));
	close(late);
	assert_false(empty);
	fake.end = true;
	fake_pump();
	assert_true(empty);
}

static void draining_waits_for_the_late_without_others(void **state)
{
	int64_t end = clock_now_ms() + PATIENCE_MS;
	int listener = front_listens();
	bool empty = false;

	(void)state;
	http_front_drain(front, fake_on_empty, &empty);
	fake.end = true;
	fake_pump();
	assert_true(fake.closed);
	assert_true(is_open(listener));
	assert_false(empty);
	while (!empty && clock_now_ms() < end)
		loop_turn(loop, 10);
	assert_true(empty);
	assert_false(is_open(listener));
}

static void draining_without_connections_ends_at_once(void **state)
{
	int listener = front_listens();
	bool empty = false;

	(void)state;
	fake.end = true;
	fake_pump();
	http_front_drain(front, fake_on_empty, &empty);
	assert_false(is_open(listener));
	fake_pump();
	assert_true(empty);
}

static void aborting_waits_for_nobody(void **state)
{
	int listener = front_listens();
	bool empty = false;

	(void)state;
	http_front_drain(front, fake_on_empty, &empty);
	assert_true(is_open(listener));
	http_front_abort(front);
	assert_false(is_open(listener));
	fake_pump();
	assert_true(empty);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(turned_away_are_those_that_begin),
		CASE(draining_serves_who_is_late),
		CASE(draining_waits_for_the_late_without_others),
		CASE(draining_without_connections_ends_at_once),
		CASE(aborting_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
