/*
 * Bytes over a plain TCP socket: the system calls and a watch, nothing in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gateway/transport.h"
#include "proto/base/err.h"

struct plain {
	struct transport base; /* first */
	struct watch watch;
	int fd;
};

ssize_t transport_socket_readv(int fd, const struct iovec *iov, int count)
{
	ssize_t n = readv(fd, iov, count);

	return n < 0 ? -errno : n;
}

ssize_t transport_socket_writev(int fd, const struct iovec *iov, int count)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov,
			     .msg_iovlen = (size_t)count};
	ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

static ssize_t plain_readv(struct transport *t, const struct iovec *iov, int count)
{
	return transport_socket_readv(((struct plain *)t)->fd, iov, count);
}

static ssize_t plain_writev(struct transport *t, const struct iovec *iov, int count)
{
	return transport_socket_writev(((struct plain *)t)->fd, iov, count);
}

static void plain_want(struct transport *t, int what)
{
	watch_want(&((struct plain *)t)->watch, what);
}

static void plain_shutdown(struct transport *t)
{
	/* Fails when the client is gone already, which reading will tell. */
	(void)shutdown(((struct plain *)t)->fd, SHUT_WR);
}

static void plain_close(struct transport *t)
{
	struct plain *p = (struct plain *)t;

	watch_fini(&p->watch);
	close(p->fd);
	free(p);
}

static void on_fd(void *arg, int ready)
{
	struct plain *p = arg;

	p->base.on_ready(p->base.arg, ready);
}

struct transport *transport_plain_new(struct loop *l, int fd)
{
	static const struct transport_ops ops = {
		.readv = plain_readv,
		.writev = plain_writev,
		.want = plain_want,
		.shutdown = plain_shutdown,
		.close = plain_close,
	};
	struct plain *p = xcalloc(1, sizeof(*p));

	p->base.ops = &ops;
	p->fd = fd;
	watch_init(&p->watch, l, fd, on_fd, p);
	return &p->base;
}
