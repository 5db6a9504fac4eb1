/*
 * Connections of users: accepted, read, answered, kept alive, closed.
 *
 * An engine of callbacks on the loop; each request becomes a struct http_stream that its own
 * task works (gateway/http_stream.h). Body bytes are read from the socket straight into the
 * reader's memory, answers are written straight from the sender's; a connection without a
 * request holds no buffer. States and time-outs: http_conn.c. A connection whose TLS handshake
 * chose HTTP/2 is handed to gateway/http2.h. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http_stream.h"
#include "gateway/transport.h"
#include "proto/base/loop.h"

struct sockaddr_storage;

struct http_limits {
	unsigned connections;
	unsigned streams;    /* of a connection of HTTP/2 at the same time */
	unsigned handshakes; /* of transports that have one; one more ends the oldest */
	int64_t head_ms;     /* from a request's first byte to the end of its head */
	int64_t idle_ms;     /* between requests */
	int64_t progress_ms; /* without a byte taken or given in a body or an answer */
};

/* What the connections of a process share. */
struct http_front;
struct tls;

struct http_front *http_front_new(struct loop *l, const struct http_limits *limits,
				  const struct http_service *service);
/* All connections must be closed (http_front_count() is 0). */
void http_front_free(struct http_front *f);
/* Open connections. */
unsigned http_front_count(const struct http_front *f);

/* Accept from a shared listening socket; takes over the fd, which is closed when draining. */
void http_front_listen(struct http_front *f, int fd);
/* Those accepted from now on speak TLS, with NULL plain HTTP; `tls` must outlive the front. */
void http_front_use_tls(struct http_front *f, const struct tls *tls);
/*
 * Who may come in, asked at each accept. False: the connection is reset at once. Otherwise
 * leave() gets the mark when it is closed; `mark` is 0 before.
 */
struct http_admission {
	bool (*enter)(void *arg, const struct sockaddr_storage *from, uint64_t *mark);
	void (*leave)(void *arg, uint64_t mark);
	void *arg;
};
void http_front_use_admission(struct http_front *f, const struct http_admission *a);
/* Serve a connection that exists already; takes over the transport. `remote` is copied. */
void http_front_serve(struct http_front *f, struct transport *t, const char *remote);

/*
 * Stop accepting, after what waits in the backlog and, unless there are no connections, what
 * comes in the next fifth of a second. Requests that run or still come on open connections are
 * answered and end their connections, idle ones end in two seconds. on_empty runs once, when
 * all is over.
 */
void http_front_drain(struct http_front *f, void (*on_empty)(void *arg), void *arg);
/* Time is over: cancel every request and drop every connection. */
void http_front_abort(struct http_front *f);
bool http_front_draining(const struct http_front *f);
