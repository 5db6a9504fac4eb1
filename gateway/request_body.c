/*
 * Request bodies for handlers. Errors are remembered in rq->fault, so that give_up() can tell
 * the client's faults from ours.
 */
#include <stdlib.h>

#include "gateway/request.h"
#include "gateway/worker.h"

/* How long a body waits for room in the buffer budget. */
#define ROOM_MS 10000

int64_t request_body_length(const struct request *rq)
{
	if (rq->head->chunked)
		return -1;
	return rq->head->content_length > 0 ? rq->head->content_length : 0;
}

int64_t await_body_read(struct request *rq, void *data, size_t capacity)
{
	int64_t n = rq->stream->ops->await_read(rq->stream, data, capacity);

	if (n < 0)
		rq->fault = (int)n;
	return n;
}

int await_body_ready(struct request *rq)
{
	int rc = rq->stream->ops->await_ready(rq->stream);

	if (rc < 0)
		rq->fault = rc;
	return rc;
}

struct room {
	struct buf_pool *pool;
	size_t bytes;
	char *data;
};

static void room_release(void *arg)
{
	struct room *r = arg;

	free(r->data);
	buf_unreserve(r->pool, r->bytes);
}

static int await_fill(struct request *rq, char *data, size_t max, size_t *len)
{
	char beyond;
	int64_t n;

	*len = 0;
	while (*len < max) {
		n = await_body_read(rq, data + *len, max - *len);
		if (n <= 0)
			return (int)n;
		*len += (size_t)n;
	}
	/* Full: only a chunked body can have more. */
	n = await_body_read(rq, &beyond, 1);
	if (n > 0)
		rq->fault = ERR_LIMIT;
	return n > 0 ? ERR_LIMIT : (int)n;
}

int await_body_all(struct request *rq, size_t max, struct slice *out)
{
	int64_t length = request_body_length(rq);
	struct room *r;
	int rc;

	*out = (struct slice){"", 0};
	if (length > (int64_t)max) {
		rq->fault = ERR_LIMIT;
		return ERR_LIMIT;
	}
	if (length == 0)
		return 0;
	r = arena_alloc(rq->arena, sizeof(*r));
	*r = (struct room){rq->worker->bufs, length > 0 ? (size_t)length : max, NULL};
	rc = await_reserve(r->pool, r->bytes, ROOM_MS);
	if (rc < 0)
		return rc;
	r->data = xmalloc(r->bytes + 1);
	arena_defer(rq->arena, room_release, r);
	rc = await_fill(rq, r->data, r->bytes, &out->len);
	r->data[out->len] = '\0';
	out->data = r->data;
	return rc;
}
