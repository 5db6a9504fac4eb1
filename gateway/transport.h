/*
 * The bytes below HTTP: a socket, TLS over one, or a script in a test.
 *
 * readv and writev never block: > 0 bytes, -EAGAIN, another -errno; readv 0 at the end, and
 * ERR_PROTOCOL once when the client speaks plain text to TLS (it understands the answer). After
 * want(), on_ready(arg, WATCH_READ | WATCH_WRITE) is called on the loop's stack, again and
 * again while that is possible (level-triggered), until want(0). A transport that holds
 * decrypted bytes counts as readable.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "proto/base/loop.h"

struct transport;
struct tls;

struct transport_ops {
	ssize_t (*readv)(struct transport *t, const struct iovec *iov, int count);
	ssize_t (*writev)(struct transport *t, const struct iovec *iov, int count);
	void (*want)(struct transport *t, int what);
	/* No more will be written (FIN); reading goes on. */
	void (*shutdown)(struct transport *t);
	/* Is there nothing more to do before bytes of HTTP come? NULL: there never was. */
	bool (*opened)(const struct transport *t);
	/* Once opened: HTTP/2 was chosen (ALPN). NULL: never. */
	bool (*speaks_http2)(const struct transport *t);
	/* Close and free; on_ready is not called again. */
	void (*close)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
	void (*on_ready)(void *arg, int ready);
	void *arg;
};

/* readv and writev of a socket itself. */
ssize_t transport_socket_readv(int fd, const struct iovec *iov, int count);
ssize_t transport_socket_writev(int fd, const struct iovec *iov, int count);

/* A connected, non-blocking socket; takes over the fd. */
struct transport *transport_plain_new(struct loop *l, int fd);
/*
 * The server's side of TLS over such a socket, with the certificate of now. Reading does
 * the handshake; there is no time-out of its own, the reader's counts. A client that speaks
 * plain text causes ERR_PROTOCOL at the first read, and is answered in plain text from then on.
 */
struct transport *transport_tls_new(struct loop *l, int fd, const struct tls *tls);
