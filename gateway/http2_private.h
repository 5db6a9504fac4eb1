/*
 * The inside of HTTP/2:
 *
 *   http2_conn.c     a connection: reading, writing, time-outs, draining, its end
 *   http2_session.c  frames, with nghttp2: the only file that knows it
 *   http2_stream.c   what a request's task does with its stream
 *   http2_out.c      frames that the transport has not taken yet
 *
 *   socket ─▶ http2_read() ─▶ http2_session_feed() ─▶ streams: heads, inbox or reader's memory
 *   socket ◀─ http2_out_write() ◀─ http2_session_gather() ◀─ await_write()'s memory, not copied
 *
 * nghttp2 calls back while it is fed or asked for frames. Those callbacks change fields, queue
 * tasks and frames, and free at most answers that have no task; a connection is freed by
 * http2_settle() only, which each entry from outside calls last.
 */
#pragma once

#include <sys/queue.h>

#include "gateway/http2.h"
#include "gateway/http2_calm.h"
#include "gateway/http2_head.h"
#include "gateway/http2_inbox.h"
#include "gateway/http2_out.h"
#include "gateway/http_conn_private.h"

#define HTTP2_STREAM_MAGIC 0x48325354u

/* Unread body bytes: of a stream before its task reads, and after; of all of a connection. */
#define HTTP2_WINDOW_CLOSED 65535
#define HTTP2_WINDOW_STREAM (1024 * 1024)
#define HTTP2_WINDOW_CONN   (4 * 1024 * 1024)
/*
 * And of all connections of a process. Beyond it those that have more than a closed window's
 * worth are not read until their tasks have caught up.
 */
#define HTTP2_UNREAD_MAX ((size_t)16 * 1024 * 1024)
/* Control frames that wait to be written. */
#define HTTP2_QUEUE_MAX 1000

struct nghttp2_session;

struct http2 {
	struct http_conn *conn; /* its place at the front, its transport */
	struct nghttp2_session *session;
	struct http2_out *out; /* NULL: nothing waits */
	TAILQ_HEAD(, http2_stream) streams;
	unsigned live; /* of them */
	size_t unread; /* bytes in their inboxes */
	bool held;     /* not read, for the sake of memory */
	TAILQ_ENTRY(http2) held_link;
	struct calm calm;
	struct http2_head head; /* the one that is coming */
	int64_t head_since_ms;	/* its first byte; 0: none is coming */
	int32_t head_id;	/* its stream */
	int64_t idle_since_ms;	/* no streams */
	int64_t wrote_ms;	/* the transport took bytes */
	int32_t last_data;	/* the stream of the last body bytes */
	bool read_full;		/* the last read was */
	bool greeted;		/* the client's SETTINGS came */
	bool lost;		/* the transport is gone */
	bool over; /* nghttp2 has no more to say: we wait for the client to close */
	int64_t ending_since_ms; /* the last frames were given to nghttp2; 0: they were not */
	bool angry;		 /* because of a flood */
	int64_t draining_since_ms;
	bool draining, refusing; /* GOAWAY was sent: as a notice; for good */
	struct deferred soon;	 /* flush and settle */
};

struct http2_stream {
	struct http_stream stream; /* first */
	unsigned magic;
	int32_t id;
	struct http2 *http2;
	TAILQ_ENTRY(http2_stream) link;
	bool open;	/* nghttp2 knows it */
	bool gone;	/* reset, or the connection is */
	bool cut;	/* the answer cannot be finished */
	bool body_less; /* a HEAD request */

	/* The request's body. */
	struct inbox inbox;
	char *dest; /* where await_read() wants bytes; NULL: it does not */
	size_t dest_room, dest_len;
	int64_t unseen; /* of its length, bytes that did not come yet; −1: unknown */
	bool ended;	/* all of it came */
	bool continue_due;
	bool widened; /* its window is */

	/* The answer. */
	bool head_given, head_out, end_out; /* to nghttp2; as frames */
	bool deferred;			    /* nghttp2 waits for bytes */
	/* Promised bytes that are no frames yet; INT64_MAX while the body may go on. */
	int64_t left;
	struct iovec *parts; /* of await_write(), used up from the front */
	int part_count;
	size_t parts_len;
	size_t in_out; /* lent bytes in http2_out */

	struct waiter *waiter; /* of the task, while it waits for any of this to change */
	char text[256];	       /* the answer of a stream without a task */
	struct iovec text_part;
};

/* http2_conn.c */
/* Write what there is, as much as the transport takes. */
void http2_flush(struct http2 *h);
/* In the next turn, together with what others have until then. */
void http2_flush_soon(struct http2 *h);
/* One read of the transport; false when there was nothing. */
bool http2_read(struct http2 *h);
/* A whole head came: its task, or the answer that it gets without one. */
void http2_request(struct http2 *h, int32_t id, bool body_follows);
/* The last act of whatever was called from outside: h may be freed. */
void http2_settle(struct http2 *h);
/* Bytes came into an inbox, or left it (< 0). */
void http2_unread(struct http2 *h, int64_t bytes);

/* http2_session.c */
void http2_session_open(struct http2 *h, unsigned streams);
void http2_session_close(struct http2 *h);
/* What it brings goes to the streams. What is wrong with it ends the session. */
void http2_session_feed(struct http2 *h, const char *data, size_t len);
/* Frames into h->out, until it is full or there are no more. */
void http2_session_gather(struct http2 *h);
/* Are there frames to gather? */
bool http2_session_wants(const struct http2 *h);
/* It neither takes nor has any more. */
bool http2_session_over(const struct http2 *h);
/* Nothing more is taken; `angry` tells the client to calm down. */
void http2_session_end(struct http2 *h, bool angry);
void http2_session_notice(struct http2 *h);
void http2_session_refuse(struct http2 *h);
/* Body bytes were used: the client may send others. */
void http2_session_consumed(struct http2_stream *s, size_t len);
/* Bytes may come in a larger window, if the body is larger than a closed one: then true. */
bool http2_session_widen(struct http2_stream *s);
int http2_session_respond(struct http2_stream *s, const struct reply_head *head) MUST_CHECK;
void http2_session_say_continue(struct http2_stream *s);
/* There are parts again. */
void http2_session_resume(struct http2_stream *s);
/* Does the client's window of this stream or of the connection stand in the way? */
bool http2_session_shut(const struct http2_stream *s);
/* RST_STREAM: the answer is broken (failed), or whole and the request's rest of no use. */
void http2_session_reset(struct http2_stream *s, bool failed);
/* nghttp2 is not to call anybody for it any more. */
void http2_session_forget(struct http2_stream *s);

/* Callbacks for the stream go to s. */
void http2_session_bind(struct http2_stream *s);
/* There are too many: RST_STREAM that says so. */
void http2_session_turn_away(struct http2 *h, int32_t id);

/* http2_stream.c */
extern const struct http_stream_ops http2_stream_ops;
struct http2_stream *http2_stream_new(struct http2 *h, int32_t id);
/* No task has it, nghttp2 does not know it, nothing of it waits to be written. */
void http2_stream_free(struct http2_stream *s);
/* Body bytes: to the reader's memory or the inbox. */
void http2_stream_data(struct http2_stream *s, const void *data, size_t len);
/* Something changed that its task may wait for. */
void http2_stream_wake(struct http2_stream *s);
/* The client has reset it, or is gone: wake or cancel the task. */
void http2_stream_lost(struct http2_stream *s);
/* The transport has taken n lent bytes. */
void http2_stream_written(struct http2_stream *s, size_t n);
