/*
 * The inside of http_front.c (accepting, limits, draining), http_conn.c (a connection's states,
 * on the loop's stack) and http_conn_io.c (what a request's task does with it).
 */
#pragma once

#include <sys/queue.h>

#include "gateway/http_body.h"
#include "gateway/http_conn.h"
#include "proto/base/log_pace.h"
#include "proto/base/task.h"

#define HTTP_CONN_MAGIC 0x477c0441u
#define HTTP_READ_SIZE \
	((size_t)8 * 1024) /* first read of a head: body bytes beyond it are copied */
#define HTTP_PRINT_MAX	   ((size_t)16 * 1024) /* head of an answer */
#define HTTP_PIPELINE_MAX  ((size_t)16 * 1024) /* bytes of next requests kept while one runs */
#define HTTP_LISTENERS_MAX 16
#define HTTP_REMOTE_MAX	   80

struct http_listener {
	struct http_front *front;
	struct watch watch;
};

struct http_front {
	struct loop *loop;
	struct http_limits limits;
	struct http_service service;
	const struct tls *tls; /* NULL: plain TCP */
	struct http_admission admission;
	TAILQ_HEAD(, http_conn) conns;
	unsigned count;
	TAILQ_HEAD(, http_conn) opening; /* those with a handshake under way, oldest first */
	unsigned opening_count;
	unsigned http2_count;
	struct log_pace handshakes_told;
	struct http_listener listener[HTTP_LISTENERS_MAX];
	unsigned listeners;
	struct timer pause; /* after the process ran out of file descriptors */
	bool draining;
	struct timer late; /* while draining: the listeners are open until it is over */
	void (*on_empty)(void *arg);
	void *empty_arg;
	struct deferred empty;
	/* Used within one callback only. */
	struct http_field fields[HTTP_FIELDS_MAX];
	char scratch[HTTP_READ_SIZE];
	char print[HTTP_PRINT_MAX];
};

enum conn_state {
	CONN_IDLE,   /* between requests: nothing of the next one has come */
	CONN_HEAD,   /* a part of a head is in `in` */
	CONN_BUSY,   /* a task works the stream */
	CONN_HTTP2,  /* http2_conn.c has it */
	CONN_LINGER, /* we are done: what still comes is thrown away until the client closes */
};

/*
 * Bytes received and not yet used: 0 ≤ start ≤ end ≤ capacity
 *
 *   data: …used… | start: a head's beginning, body framing, next requests | end: free
 */
struct conn_in {
	char *data;
	size_t start, end, capacity;
};

struct http_conn {
	struct http_stream stream; /* first: the stream's address is the connection's */
	unsigned magic;
	enum conn_state state;
	struct http_front *front;
	struct transport *transport; /* NULL once the client is gone */
	int wanted;		     /* WATCH_…: as told to the transport */
	struct conn_in in;
	size_t scanned; /* of a head's part in `in` */
	struct timer timer;
	int64_t timer_due; /* when it fires; 0: not running */
	int64_t deadline; /* when something is to be done; 0: never. May be later than the timer
			   */
	struct deferred again;
	char remote[HTTP_REMOTE_MAX];
	TAILQ_ENTRY(http_conn) link;
	uint64_t mark; /* of the front's admission */
	bool opening;
	TAILQ_ENTRY(http_conn) opening_link;
	struct http2 *http2; /* in CONN_HTTP2 */

	/* The request that runs. */
	struct http_body body;
	unsigned minor;
	bool client_keeps;
	bool continue_due; /* the client waits for 100 Continue */
	bool more_likely;  /* the last read was full */
	bool broken;	   /* the framing of the body is */
	bool head_sent;
	bool keep; /* after this answer; decided with its head */
	bool cut;
	char *held;	       /* head bytes that the socket did not take yet */
	struct waiter *waiter; /* of the task, while it waits for the transport */
	int waiting_for;
};

/* http_front.c */
void front_forget(struct http_front *f, struct http_conn *c);
/* The handshake is done, or failed. */
void front_opened(struct http_front *f, struct http_conn *c);

/* http_conn.c */
struct http_conn *conn_new(struct http_front *f, struct transport *t, const char *remote);
void conn_want(struct http_conn *c, int what);
/* The client is gone: wake or cancel the task, or free the connection when there is none. */
void conn_lost(struct http_conn *c);
/* Drop the connection; a task that works it is cancelled and ends it. */
void conn_abort(struct http_conn *c);
/* Do something in ms milliseconds, or (0) never. */
void conn_set_deadline(struct http_conn *c, int64_t ms);
void conn_drop_transport(struct http_conn *c);
/* Throw away what came; false: the client has closed. */
bool conn_swallow(struct http_conn *c);
/* Say FIN and throw away what comes for at most ms. */
void conn_linger(struct http_conn *c, int64_t ms);
/* The task is done: next request, linger, or close. */
void conn_finish(struct http_conn *c);
/* Draining has begun: do not stay idle for long. */
void conn_hurry(struct http_conn *c);
void conn_free(struct http_conn *c);
/* Room for `size` bytes after in.end. */
void conn_in_reserve(struct http_conn *c, size_t size);
void conn_in_drop(struct http_conn *c);

static inline size_t conn_in_len(const struct http_conn *c)
{
	return c->in.end - c->in.start;
}

/* http_conn_io.c */
extern const struct http_stream_ops conn_stream_ops;
