/*
 * One exchange, request and answer, as the request's task sees it, whatever carries it.
 *
 * HTTP/1 (http_conn.c) implements it with a connection; a stream of HTTP/2 fits the same seam.
 * The protocol side embeds a struct http_stream and calls http_service.on_request once per
 * request. The service spawns a task that works the stream and calls ops->done() as its last
 * act; until then the stream stays valid, also when the client is gone: then task_cancel() was
 * called and every operation returns ERR_PEER_GONE.
 *
 * Operations called await_… are for the stream's own task only, one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "gateway/http_head.h"
#include "proto/base/arena.h"
#include "proto/base/task.h"

struct http_stream;

#define SEND_PARTS 16

struct reply_field {
	const char *name;
	const char *value;
};

/* What the protocol prints before the bytes of an answer. */
struct reply_head {
	int status;
	/* Of the body; what HEAD would have got for HEAD; ignored with 204 and 304. −1: a write
	 * without bytes will end it (chunked in HTTP/1.1; not for HEAD). */
	int64_t length;
	const struct reply_field *fields;
	unsigned count;
};

struct http_stream_ops {
	/*
	 * Read body bytes into data: > 0 bytes, 0 at the end of the body, or an error:
	 * ERR_PEER_GONE, -ETIMEDOUT (no progress), ERR_SYNTAX (broken chunk framing),
	 * -ECANCELED. Takes what is there without waiting; waits when nothing is. The first
	 * call sends 100 Continue if the client waits for it.
	 */
	int64_t (*await_read)(struct http_stream *s, void *data, size_t capacity);
	/* Wait until await_read() would not: 1 bytes, 0 end of the body, or its errors. */
	int (*await_ready)(struct http_stream *s);
	/*
	 * Send the head (once, before any byte) together with the first bytes. Returns 0 when
	 * the transport has taken all bytes: the memory is the caller's again. -ETIMEDOUT,
	 * ERR_PEER_GONE, -ECANCELED. At most SEND_PARTS parts. The head is given each time.
	 */
	int (*await_write)(struct http_stream *s, const struct reply_head *head,
			   const struct iovec *iov, int count);
	/* After the answer: swallow the rest of a small body. */
	void (*await_end)(struct http_stream *s);
	/* The answer cannot be finished as promised: drop the connection (or reset the stream).
	 */
	void (*cut)(struct http_stream *s);
	/* The task is done with the stream and must not touch it again. */
	void (*done)(struct http_stream *s);
};

struct http_stream {
	const struct http_stream_ops *ops;
	struct task
		*task; /* set by the service in on_request; cancelled when the client goes */
	const char *remote; /* "ADDR:PORT" of the client */
	bool secure;	    /* over TLS */
	/* clock_now_ms() until which reads may wait, set by the task; 0: no such limit */
	int64_t read_until_ms;
	int64_t bytes_in;  /* body bytes read so far */
	int64_t bytes_out; /* bytes of head and body sent so far */
};

/* Who gets the requests; called on the loop's stack. */
struct http_service {
	/*
	 * A request's head is there. Takes over the arena (which holds the head) and sets
	 * s->task. False: no task could be had; the caller answers 503 and frees the arena.
	 */
	bool (*on_request)(void *arg, struct http_stream *s, struct arena *a,
			   const struct http_head *head);
	void *arg;
};
