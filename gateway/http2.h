/*
 * HTTP/2 on a connection whose TLS handshake chose it (ALPN "h2").
 *
 * A connection of the front (gateway/http_conn.h) hands itself over right after its handshake;
 * each stream then becomes a struct http_stream with a task of its own, as a request of HTTP/1
 * does. Loop thread only.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct http_conn;
struct http2;

/*
 * The connection speaks HTTP/2 from now on. `n` is what the read that ended the handshake
 * returned: that many bytes at `data`, or what transport.h says of readv.
 */
void http2_begin(struct http_conn *c, const char *data, ssize_t n);

/* Draining has begun: streams that come in the next moments are taken, then no more. */
void http2_hurry(struct http2 *h);
/* What else happens to the connection; each may free it. */
void http2_on_ready(struct http2 *h, int ready);
void http2_on_time(struct http2 *h);
/* Cancel every stream's task and drop the connection. */
void http2_abort(struct http2 *h);
