/*
 * Frames of a connection that the transport has not taken yet. Bytes of answers are not copied:
 * they lie where await_write() of their stream was given them. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct transport;
struct http2_stream;

/* DATA: with its head one record of TLS. */
#define HTTP2_FRAME_HEAD 9
#define HTTP2_DATA_MAX	 (16384 - HTTP2_FRAME_HEAD)

#define OUT_PIECES	 64
#define OUT_BATCH	 ((size_t)64 * 1024) /* bytes gathered before the transport is asked */
#define OUT_TEXT	 ((size_t)32 * 1024) /* frames' heads and control frames */
#define OUT_FRAME	 ((size_t)16 * 1024 + HTTP2_FRAME_HEAD)

/*
 * Bytes on their way to the transport, in order: pieces of `text`, and of memory that
 * await_write() of a stream lends until they are gone. There is one while there are such bytes.
 */
struct http2_out {
	struct {
		struct iovec iov;
		struct http2_stream *owner; /* NULL: lies in text or in `own` */
		char *own;		    /* to be freed behind it; NULL: nothing */
	} piece[OUT_PIECES];
	unsigned first, count; /* pieces first … count − 1 wait */
	size_t bytes;
	size_t text_len;
	char text[OUT_TEXT];
};

struct http2_out *http2_out_new(void);
bool http2_out_full(const struct http2_out *o);
void http2_out_text(struct http2_out *o, const void *data, size_t len);
/* The first len bytes of its parts, which are used up by it. */
void http2_out_parts(struct http2_out *o, struct http2_stream *s, size_t len);
/* 0: all is written; -EAGAIN, or what writev says. */
int http2_out_write(struct http2_out *o, struct transport *t);
/* Whoever lent bytes takes them back: what is left of them is copied. */
void http2_out_rescue(struct http2_out *o, struct http2_stream *s);
void http2_out_free(struct http2_out *o);
