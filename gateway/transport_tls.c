/*
 * How libssl's wishes become readiness.
 *
 *   http_conn ──want(READ|WRITE)──▶ tls ──what SSL asked for──▶ watch of the socket
 *
 * SSL_read() may have to write (a handshake, a change of keys) and SSL_write() to read, so each
 * direction remembers what the socket must become before it is tried again. What SSL has
 * decrypted or received already makes no socket readable: `more` says that the last read ended
 * for want of room, not of bytes; while it is set and reading is wanted, `again` comes once a
 * turn of the loop, as a level-triggered watch would.
 *
 * Records have at most 16 KiB. Large parts are encrypted from where they lie; parts that are
 * smaller, such as the head of an answer and its body, are put together into one record.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "gateway/tls.h"
#include "gateway/transport.h"
#include "proto/base/err.h"
#include "proto/base/log.h"
#include "proto/base/metrics.h"

#define RECORD_MAX SSL3_RT_MAX_PLAIN_LENGTH

struct secure {
	struct transport base; /* first */
	struct watch watch;
	struct deferred again;
	SSL *ssl;
	int fd;
	int wanted;		     /* by the user: WATCH_… */
	int read_needs, write_needs; /* WATCH_…: of the socket, before the next try */
	bool more;		     /* reading is possible without the socket */
	bool first;		     /* nothing has come yet */
	bool plain;		     /* the client does not speak TLS */
	int failed;		     /* what every further call returns; 0: nothing */
};

static struct secure *secure_of(struct transport *t)
{
	return (struct secure *)t;
}

static void watch_socket(struct secure *s)
{
	int what = 0;

	if ((s->wanted & WATCH_READ) != 0)
		what |= s->read_needs;
	if ((s->wanted & WATCH_WRITE) != 0)
		what |= s->write_needs;
	watch_want(&s->watch, what);
	if ((s->wanted & WATCH_READ) != 0 && s->more)
		deferred_queue(&s->again);
	else
		deferred_cancel(&s->again);
}

/* Who only goes away says nothing of interest. */
static void handshake_failed(void)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	metric_inc(M_TLS_FAILED);
	if (reason != NULL && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
		log_info("TLS handshake failed", "why=\"%s\"", reason);
}

/* After a call of SSL that moved nothing: 0 at the end, -EAGAIN, another -errno. */
static int ssl_outcome(struct secure *s, int rc, int *needs)
{
	bool unfinished = !SSL_is_init_finished(s->ssl);

	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		*needs = WATCH_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		*needs = WATCH_WRITE;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		if (unfinished)
			handshake_failed();
		s->failed = -ECONNRESET;
		return s->failed;
	}
}

/* What stopped either direction may be gone: the next try will tell. */
static void moved(struct secure *s)
{
	s->read_needs = WATCH_READ;
	s->write_needs = WATCH_WRITE;
}

/* TLS begins with a record of kind 22: anything else is plain text, or noise. */
static int look_at_first(struct secure *s)
{
	unsigned char byte;
	ssize_t n = recv(s->fd, &byte, 1, MSG_PEEK);

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	s->first = false;
	s->plain = byte != 0x16;
	return s->plain ? ERR_PROTOCOL : 0;
}

/* Fill one part. Less than its length: *end says why there is no more, as ssl_outcome(). */
static size_t read_part(struct secure *s, const struct iovec *part, int *end)
{
	size_t total = 0, n;
	int rc;

	*end = -EAGAIN;
	while (total < part->iov_len) {
		ERR_clear_error();
		rc = SSL_read_ex(s->ssl, (char *)part->iov_base + total, part->iov_len - total,
				 &n);
		if (rc != 1) {
			*end = ssl_outcome(s, rc, &s->read_needs);
			break;
		}
		total += n;
		moved(s);
		/* Spares the system call that would only say -EAGAIN. */
		if (!SSL_has_pending(s->ssl))
			break;
	}
	return total;
}

static ssize_t secure_readv(struct transport *t, const struct iovec *iov, int count)
{
	struct secure *s = secure_of(t);
	size_t total = 0, n;
	int end = -EAGAIN, rc;

	if (s->first) {
		rc = look_at_first(s);
		if (rc < 0)
			return rc;
	}
	if (s->plain)
		return transport_socket_readv(s->fd, iov, count);
	if (s->failed != 0)
		return s->failed;
	s->more = false;
	for (int i = 0; i < count; i++) {
		n = read_part(s, &iov[i], &end);
		total += n;
		if (n < iov[i].iov_len)
			break;
		s->more = i + 1 == count && SSL_has_pending(s->ssl);
	}
	/* The end or an error behind bytes is for the next read. */
	s->more = s->more || end != -EAGAIN;
	watch_socket(s);
	return total > 0 ? (ssize_t)total : end;
}

/* What the next record is made of: from where it lies, or from parts put together. */
static struct iovec next_record(const struct iovec *iov, int count, size_t skip)
{
	static char together[RECORD_MAX]; /* used within one call only */
	size_t len = 0, n;

	while (count > 0 && skip >= iov->iov_len) {
		skip -= iov->iov_len;
		iov++;
		count--;
	}
	if (count == 0)
		return (struct iovec){NULL, 0};
	if (count == 1 || iov->iov_len - skip >= RECORD_MAX)
		return (struct iovec){(char *)iov->iov_base + skip, iov->iov_len - skip};
	for (; count > 0 && len < RECORD_MAX; iov++, count--) {
		n = iov->iov_len - skip;
		if (n > RECORD_MAX - len)
			n = RECORD_MAX - len;
		memcpy(together + len, (char *)iov->iov_base + skip, n);
		len += n;
		skip = 0;
	}
	return (struct iovec){together, len};
}

static ssize_t secure_writev(struct transport *t, const struct iovec *iov, int count)
{
	struct secure *s = secure_of(t);
	struct iovec record;
	size_t total = 0, n;
	int rc;

	if (s->plain)
		return transport_socket_writev(s->fd, iov, count);
	if (s->failed != 0)
		return s->failed;
	for (;;) {
		record = next_record(iov, count, total);
		if (record.iov_len == 0)
			return (ssize_t)total;
		ERR_clear_error();
		rc = SSL_write_ex(s->ssl, record.iov_base, record.iov_len, &n);
		if (rc != 1)
			break;
		moved(s);
		total += n;
	}
	rc = ssl_outcome(s, rc, &s->write_needs);
	watch_socket(s);
	if (total > 0)
		return (ssize_t)total;
	return rc == 0 ? -EPIPE : rc;
}

static void secure_want(struct transport *t, int what)
{
	secure_of(t)->wanted = what;
	watch_socket(secure_of(t));
}

/* Tell the client that this is the whole of it; what it has not read yet is not waited for. */
static void say_farewell(struct secure *s)
{
	if (s->plain || s->failed != 0 || !SSL_is_init_finished(s->ssl) ||
	    (SSL_get_shutdown(s->ssl) & SSL_SENT_SHUTDOWN) != 0)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(s->ssl);
}

static void secure_shutdown(struct transport *t)
{
	say_farewell(secure_of(t));
	(void)shutdown(secure_of(t)->fd, SHUT_WR);
}

static bool secure_opened(const struct transport *t)
{
	const struct secure *s = (const struct secure *)t;

	return s->plain || s->failed != 0 || SSL_is_init_finished(s->ssl);
}

static bool secure_speaks_http2(const struct transport *t)
{
	const struct secure *s = (const struct secure *)t;

	return !s->plain && tls_speaks_http2(s->ssl);
}

static void secure_close(struct transport *t)
{
	struct secure *s = secure_of(t);

	say_farewell(s);
	deferred_cancel(&s->again);
	watch_fini(&s->watch);
	SSL_free(s->ssl);
	close(s->fd);
	free(s);
}

static void on_fd(void *arg, int ready)
{
	struct secure *s = arg;
	int what = 0;

	if ((s->wanted & WATCH_READ) != 0 && (ready & s->read_needs) != 0)
		what |= WATCH_READ;
	if ((s->wanted & WATCH_WRITE) != 0 && (ready & s->write_needs) != 0)
		what |= WATCH_WRITE;
	if (what != 0)
		s->base.on_ready(s->base.arg, what);
}

static void on_again(void *arg)
{
	struct secure *s = arg;

	deferred_queue(&s->again); /* before the user may close, or may not read */
	s->base.on_ready(s->base.arg, WATCH_READ);
}

struct transport *transport_tls_new(struct loop *l, int fd, const struct tls *tls)
{
	static const struct transport_ops ops = {
		.readv = secure_readv,
		.writev = secure_writev,
		.want = secure_want,
		.shutdown = secure_shutdown,
		.opened = secure_opened,
		.speaks_http2 = secure_speaks_http2,
		.close = secure_close,
	};
	struct secure *s = xcalloc(1, sizeof(*s));

	s->base.ops = &ops;
	s->fd = fd;
	s->first = true;
	s->read_needs = WATCH_READ;
	s->write_needs = WATCH_WRITE;
	s->ssl = tls_server(tls, fd);
	watch_init(&s->watch, l, fd, on_fd, s);
	deferred_init(&s->again, l, on_again, s);
	return &s->base;
}
