/*
 * What the connections of a process share: accepting, the limit of their number, draining.
 *
 * Listening sockets are shared with the other workers: an accept that comes back with EAGAIN
 * means that another one was faster. One is accepted at a time, so that a burst of connections
 * spreads over the workers and a busy worker takes fewer. At the limit of connections the
 * listeners are not watched, and who comes waits in the kernel's backlog for this or another
 * worker.
 *
 * A handshake costs memory and is nobody's yet, so their number is bounded by itself. One too
 * many ends the one that has taken longest: who is slow on purpose goes before who has just
 * come, and nobody can fill the places for good.
 *
 * Closing a listener resets whoever has come and is not accepted yet, and whose handshake of
 * TCP is on its way. So when draining begins all who wait are accepted; then, where there is
 * any traffic, the listeners stay a little longer for those who are late. That nobody new comes
 * meanwhile is the parent's affair (listen_turn_away()).
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "gateway/http_conn_private.h"
#include "gateway/tls.h"
#include "proto/base/address.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"

#define PAUSE_MS 200
#define LATE_MS	 200 /* more than a round trip to most clients */

static void on_pause_over(void *arg);
static void on_late_over(void *arg);
static void on_front_empty(void *arg);

struct http_front *http_front_new(struct loop *l, const struct http_limits *limits,
				  const struct http_service *service)
{
	struct http_front *f = xcalloc(1, sizeof(*f));

	f->loop = l;
	f->limits = *limits;
	f->service = *service;
	TAILQ_INIT(&f->conns);
	TAILQ_INIT(&f->opening);
	timer_init(&f->pause, l, on_pause_over, f);
	timer_init(&f->late, l, on_late_over, f);
	deferred_init(&f->empty, l, on_front_empty, f);
	return f;
}

static void close_listeners(struct http_front *f)
{
	for (unsigned i = 0; i < f->listeners; i++) {
		struct watch *w = &f->listener[i].watch;
		int fd = w->fd;

		watch_fini(w);
		close(fd);
	}
	f->listeners = 0;
}

void http_front_free(struct http_front *f)
{
	if (f == NULL)
		return;
	assert(f->count == 0);
	close_listeners(f);
	timer_fini(&f->pause);
	timer_fini(&f->late);
	deferred_cancel(&f->empty);
	free(f);
}

unsigned http_front_count(const struct http_front *f)
{
	return f->count;
}

bool http_front_draining(const struct http_front *f)
{
	return f->draining;
}

/* Accept as long as there is room and nothing speaks against it. */
static void watch_listeners(struct http_front *f)
{
	bool open = f->count < f->limits.connections && !timer_running(&f->pause);

	for (unsigned i = 0; i < f->listeners; i++)
		watch_want(&f->listener[i].watch, open ? WATCH_READ : 0);
}

static void on_pause_over(void *arg)
{
	watch_listeners(arg);
}

static void on_front_empty(void *arg)
{
	struct http_front *f = arg;

	if (f->count == 0 && f->on_empty != NULL)
		f->on_empty(f->empty_arg);
}

static void queue_if_empty(struct http_front *f)
{
	if (f->draining && f->count == 0 && f->listeners == 0)
		deferred_queue(&f->empty);
}

static void stop_listening(struct http_front *f)
{
	timer_stop(&f->late);
	close_listeners(f);
	queue_if_empty(f);
}

static void on_late_over(void *arg)
{
	stop_listening(arg);
}

void front_forget(struct http_front *f, struct http_conn *c)
{
	front_opened(f, c);
	if (c->mark != 0)
		f->admission.leave(f->admission.arg, c->mark);
	TAILQ_REMOVE(&f->conns, c, link);
	f->count--;
	metric_set(M_HTTP_CONNECTIONS, f->count);
	if (f->count + 1 == f->limits.connections)
		watch_listeners(f);
	queue_if_empty(f);
}

void front_opened(struct http_front *f, struct http_conn *c)
{
	if (!c->opening)
		return;
	c->opening = false;
	TAILQ_REMOVE(&f->opening, c, opening_link);
	f->opening_count--;
	metric_set(M_TLS_OPENING, f->opening_count);
}

static void begin_opening(struct http_front *f, struct http_conn *c)
{
	struct http_conn *oldest;
	unsigned held;

	c->opening = true;
	TAILQ_INSERT_TAIL(&f->opening, c, opening_link);
	f->opening_count++;
	metric_set(M_TLS_OPENING, f->opening_count);
	if (f->opening_count <= f->limits.handshakes)
		return;
	oldest = TAILQ_FIRST(&f->opening);
	metric_inc(M_HTTP_TURNED_OPENING);
	if (log_pace_now(&f->handshakes_told, &held))
		log_warn("too many handshakes at once: the oldest is ended",
			 "limit=%u remote=%s held_back=%u", f->limits.handshakes,
			 oldest->remote, held);
	conn_free(oldest);
}

static void serve(struct http_front *f, struct transport *t, const char *remote, uint64_t mark)
{
	struct http_conn *c = conn_new(f, t, remote);

	c->mark = mark;
	TAILQ_INSERT_TAIL(&f->conns, c, link);
	f->count++;
	metric_inc(M_HTTP_ACCEPTED);
	metric_set(M_HTTP_CONNECTIONS, f->count);
	if (f->draining)
		conn_hurry(c);
	if (t->ops->opened != NULL)
		begin_opening(f, c);
}

void http_front_serve(struct http_front *f, struct transport *t, const char *remote)
{
	serve(f, t, remote, 0);
}

/* No answer, no FIN to be acknowledged, no memory kept: that costs more than it is worth. */
static void reset(int fd)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static bool admitted(struct http_front *f, const struct sockaddr_storage *from, uint64_t *mark)
{
	*mark = 0;
	return f->admission.enter == NULL || f->admission.enter(f->admission.arg, from, mark);
}

static void remote_text(const struct sockaddr_storage *ss, char *buf)
{
	struct address a = {0};

	if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

		inet_ntop(AF_INET6, &in6->sin6_addr, a.host, sizeof(a.host));
		a.port = ntohs(in6->sin6_port);
	} else {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)ss;

		inet_ntop(AF_INET, &in4->sin_addr, a.host, sizeof(a.host));
		a.port = ntohs(in4->sin_port);
	}
	address_text(&a, buf);
}

/* 1: one was there, 0: none waits, −1: no accepting for a while. */
static int accept_one(struct http_front *f, int listener)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char remote[ADDRESS_TEXT_MAX];
	uint64_t mark;
	int one = 1;
	int fd = accept4(listener, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 &&
	    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		log_warn("cannot accept", "why=\"%s\" connections=%u", err_text(-errno),
			 f->count);
		timer_start(&f->pause, PAUSE_MS);
		watch_listeners(f);
		return -1;
	}
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	if (!admitted(f, &ss, &mark)) {
		reset(fd);
		return 1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	remote_text(&ss, remote);
	serve(f,
	      f->tls != NULL ? transport_tls_new(f->loop, fd, f->tls)
			     : transport_plain_new(f->loop, fd),
	      remote, mark);
	return 1;
}

static void on_listener(void *arg, int ready)
{
	struct http_listener *ln = arg;
	struct http_front *f = ln->front;

	(void)ready;
	(void)accept_one(f, ln->watch.fd);
	if (f->count >= f->limits.connections)
		watch_listeners(f);
}

void http_front_use_tls(struct http_front *f, const struct tls *tls)
{
	f->tls = tls;
}

void http_front_use_admission(struct http_front *f, const struct http_admission *a)
{
	f->admission = *a;
}

void http_front_listen(struct http_front *f, int fd)
{
	struct http_listener *ln = &f->listener[f->listeners];

	assert(f->listeners < HTTP_LISTENERS_MAX);
	f->listeners++;
	ln->front = f;
	watch_init(&ln->watch, f->loop, fd, on_listener, ln);
	watch_listeners(f);
}

void http_front_drain(struct http_front *f, void (*on_empty)(void *arg), void *arg)
{
	struct http_conn *c;

	f->on_empty = on_empty;
	f->empty_arg = arg;
	f->draining = true;
	TAILQ_FOREACH(c, &f->conns, link)
		conn_hurry(c);
	/* Whoever waits in the backlog would be reset. */
	for (unsigned i = 0; i < f->listeners; i++)
		while (f->count < f->limits.connections &&
		       accept_one(f, f->listener[i].watch.fd) > 0)
			;
	if (f->count > 0)
		timer_start(&f->late, LATE_MS);
	else
		stop_listening(f);
}

void http_front_abort(struct http_front *f)
{
	struct http_conn *c, *next;

	if (f->listeners > 0)
		stop_listening(f);
	for (c = TAILQ_FIRST(&f->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		conn_abort(c);
	}
}
