/*
 * A connection without a socket, for tests of HTTP: a transport made of two memory areas, one
 * front with one connection over it, and a service whose handler the test chooses.
 */
#pragma once

#include "gateway/http_conn.h"
#include "proto/base/task.h"

/* Times that tests wait for; the clock is the real one. */
#define SHORT_MS 30

/* What the client has sent and not been read, what it has received, how much it takes now. */
struct fake {
	struct transport base;
	char sent[256 * 1024];
	size_t sent_len, read_at;
	size_t read_max; /* a read gives at most this much */
	bool end;	 /* the client's FIN */
	char got[256 * 1024];
	size_t got_len;
	size_t room; /* what a write takes before −EAGAIN */
	int wanted;
	int reads, writes;
	const void *last_read_into;
	bool fin, closed;
};

extern struct fake fake;
extern struct loop *loop;
extern struct http_front *front;

/* Runs in the task of each request; what follows an answer is done for it. */
extern void (*handler)(struct http_stream *s, const struct http_head *h);
extern bool no_tasks; /* requests find no task */
extern int requests;

/* For cmocka: a front with long times and its connection; all is gone after. */
int fake_set_up(void **state);
int fake_tear_down(void **state);
/* Instead: a new one with these times. */
void fake_use_times(int64_t head_ms, int64_t idle_ms, int64_t progress_ms);

/* Or a connection that speaks HTTP/2; later new ones do as well. */
void fake_use_http2(void);
/* Or one that hands requests to this service instead of the handler. */
void fake_use_service(const struct http_service *service);

/* For http_front_drain(): sets the bool that arg points to. */
void fake_on_empty(void *arg);

/* Let everything happen that can. */
void fake_pump(void);
/* The same, over some times SHORT_MS. */
void fake_pump_long(void);
void fake_sends_bytes(const char *data, size_t len);
void fake_sends(const char *text);
/* How often the client has received this text. */
int fake_count(const char *text);
