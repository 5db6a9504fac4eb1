/*
 * Frames on their way to the transport.
 *
 * A batch is gathered, then written; the next one is gathered when all of it is gone, so the
 * order of frames is nghttp2's, and hardly more is promised to the transport than it takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http2_private.h"

/* One is kept: most are written at once. */
static struct http2_out *spare;

struct http2_out *http2_out_new(void)
{
	struct http2_out *o = spare != NULL ? spare : xmalloc(sizeof(*o));

	spare = NULL;
	o->first = o->count = 0;
	o->bytes = o->text_len = 0;
	return o;
}

bool http2_out_full(const struct http2_out *o)
{
	return o->bytes >= OUT_BATCH || o->text_len + OUT_FRAME > OUT_TEXT ||
	       o->count + SEND_PARTS + 2 > OUT_PIECES;
}

static void add(struct http2_out *o, void *data, size_t len, struct http2_stream *owner)
{
	struct iovec *last = o->count > 0 ? &o->piece[o->count - 1].iov : NULL;

	o->bytes += len;
	if (last != NULL && o->piece[o->count - 1].owner == owner &&
	    (char *)last->iov_base + last->iov_len == data) {
		last->iov_len += len;
		return;
	}
	assert(o->count < OUT_PIECES);
	o->piece[o->count].iov = (struct iovec){data, len};
	o->piece[o->count].owner = owner;
	o->piece[o->count].own = NULL;
	o->count++;
}

void http2_out_text(struct http2_out *o, const void *data, size_t len)
{
	assert(o->text_len + len <= OUT_TEXT);
	memcpy(o->text + o->text_len, data, len);
	add(o, o->text + o->text_len, len, NULL);
	o->text_len += len;
}

void http2_out_parts(struct http2_out *o, struct http2_stream *s, size_t len)
{
	assert(len <= s->parts_len);
	s->parts_len -= len;
	s->in_out += len;
	while (len > 0) {
		size_t n = s->parts->iov_len < len ? s->parts->iov_len : len;

		if (n > 0)
			add(o, s->parts->iov_base, n, s);
		s->parts->iov_base = (char *)s->parts->iov_base + n;
		s->parts->iov_len -= n;
		len -= n;
		if (s->parts->iov_len == 0) {
			s->parts++;
			s->part_count--;
		}
	}
}

static void advance(struct http2_out *o, size_t n)
{
	o->bytes -= n;
	while (n > 0) {
		struct iovec *iov = &o->piece[o->first].iov;
		struct http2_stream *owner = o->piece[o->first].owner;
		size_t taken = n < iov->iov_len ? n : iov->iov_len;

		iov->iov_base = (char *)iov->iov_base + taken;
		iov->iov_len -= taken;
		n -= taken;
		if (iov->iov_len == 0) {
			free(o->piece[o->first].own);
			o->first++;
		}
		if (owner != NULL)
			http2_stream_written(owner, taken);
	}
}

int http2_out_write(struct http2_out *o, struct transport *t)
{
	struct iovec iov[OUT_PIECES];

	while (o->first < o->count) {
		int count = (int)(o->count - o->first);
		ssize_t n;

		for (int i = 0; i < count; i++)
			iov[i] = o->piece[o->first + (unsigned)i].iov;
		n = t->ops->writev(t, iov, count);
		if (n < 0 && n != -EINTR)
			return (int)n;
		if (n > 0)
			advance(o, (size_t)n);
	}
	o->first = o->count = 0;
	o->text_len = 0;
	return 0;
}

void http2_out_rescue(struct http2_out *o, struct http2_stream *s)
{
	for (unsigned i = o->first; i < o->count; i++) {
		struct iovec *iov = &o->piece[i].iov;

		if (o->piece[i].owner != s)
			continue;
		o->piece[i].own = xmalloc(iov->iov_len);
		memcpy(o->piece[i].own, iov->iov_base, iov->iov_len);
		iov->iov_base = o->piece[i].own;
		o->piece[i].owner = NULL;
		s->in_out -= iov->iov_len;
	}
}

void http2_out_free(struct http2_out *o)
{
	if (o == NULL)
		return;
	for (unsigned i = o->first; i < o->count; i++) {
		struct http2_stream *owner = o->piece[i].owner;

		if (owner != NULL)
			owner->in_out -= o->piece[i].iov.iov_len;
		free(o->piece[i].own);
	}
	free(spare);
	spare = o;
}
