/*
 * Building answers and handing them to the stream.
 *
 * An answer is a status, a list of headers and either a body in memory, sent after the handler
 * has returned (head and body in one write), or a length announced by reply_start() and the
 * bytes that await_send() brings.
 */
#include "gateway/reply.h"

#include <string.h>

#include "gateway/api_head.h"
#include "proto/base/log.h"

#define FIELDS_ROOM 16

static void add_field(struct request *rq, const char *name, const char *value)
{
	struct reply_field *grown;

	if (rq->answer.count == rq->answer.room) {
		rq->answer.room = rq->answer.room > 0 ? 2 * rq->answer.room : FIELDS_ROOM;
		grown = arena_alloc(rq->arena, rq->answer.room * sizeof(*grown));
		if (rq->answer.count > 0)
			memcpy(grown, rq->answer.fields, rq->answer.count * sizeof(*grown));
		rq->answer.fields = grown;
	}
	rq->answer.fields[rq->answer.count++] = (struct reply_field){name, value};
}

/* Whether it ends neither its line nor the head. */
static bool value_sane(const char *value)
{
	for (const char *c = value; *c != '\0'; c++)
		if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
			return false;
	return true;
}

void reply_header(struct request *rq, const char *name, const char *fmt, ...)
{
	const char *value;
	va_list args;

	va_start(args, fmt);
	value = arena_vprintf(rq->arena, fmt, args);
	va_end(args);
	if (!value_sane(value)) {
		log_error("header with a control character dropped", "header=%s", name);
		return;
	}
	add_field(rq, name, value);
}

/* Types come from the database, too. */
static void add_type(struct request *rq, const char *type)
{
	if (!value_sane(type)) {
		log_error("type with a control character replaced", NULL);
		type = "application/octet-stream";
	}
	add_field(rq, "Content-Type", type);
}

static void set(struct request *rq, int status, const void *body, int64_t length)
{
	assert(!rq->answer.streamed && status >= 200 && status < 600);
	rq->answer.status = status;
	rq->answer.body = body;
	rq->answer.length = length;
}

int reply(struct request *rq, int status)
{
	set(rq, status, NULL, 0);
	return status;
}

int reply_bytes(struct request *rq, int status, const char *type, const void *data, size_t len)
{
	add_type(rq, type);
	set(rq, status, data, (int64_t)len);
	return status;
}

void reply_start(struct request *rq, int status, const char *type, int64_t length)
{
	assert(length >= 0 || (length == REPLY_UNTIL_END && !request_is(rq, METHOD_HEAD)));
	if (type != NULL)
		add_type(rq, type);
	set(rq, status, NULL, length);
	rq->answer.streamed = true;
}

void reply_seal(struct request *rq)
{
	if (rq->surface == SURFACE_REGISTRY)
		add_field(rq, "Docker-Distribution-Api-Version", "registry/2.0");
	if (rq->surface == SURFACE_REST)
		api_head_seal(rq);
	/* Stored bytes are never to be guessed at by a browser. */
	add_field(rq, "X-Content-Type-Options", "nosniff");
	add_field(rq, "X-Request-Id", rq->id);
}

static int await_write(struct request *rq, const struct iovec *parts, int count)
{
	struct reply_head head = {.status = rq->answer.status, .length = rq->answer.length};

	if (!rq->answer.head_sent) {
		reply_seal(rq);
		rq->answer.head_sent = true;
	}
	head.fields = rq->answer.fields;
	head.count = rq->answer.count;
	return rq->stream->ops->await_write(rq->stream, &head, parts, count);
}

static bool body_goes(const struct request *rq)
{
	return !request_is(rq, METHOD_HEAD) && rq->answer.status != 204 &&
	       rq->answer.status != 304;
}

int await_send_parts(struct request *rq, const struct iovec *parts, int count)
{
	size_t len = 0;

	assert(rq->answer.streamed && count <= SEND_PARTS);
	for (int i = 0; i < count; i++)
		len += parts[i].iov_len;
	rq->answer.sent += (int64_t)len;
	assert(rq->answer.sent <= rq->answer.length || rq->answer.length < 0);
	if (!body_goes(rq) || (rq->answer.length < 0 && len == 0))
		return 0;
	return await_write(rq, parts, count);
}

int await_send_end(struct request *rq)
{
	struct iovec nothing = {NULL, 0};

	assert(rq->answer.streamed && rq->answer.length == REPLY_UNTIL_END);
	rq->answer.ended = true;
	return await_write(rq, &nothing, 0);
}

int await_send(struct request *rq, const void *data, size_t len)
{
	struct iovec part = {(void *)(uintptr_t)data, len};

	return await_send_parts(rq, &part, 1);
}

int await_reply_flush(struct request *rq)
{
	struct iovec body = {(void *)(uintptr_t)rq->answer.body, (size_t)rq->answer.length};
	bool goes = !rq->answer.streamed && rq->answer.length > 0 && body_goes(rq);
	int rc;

	if (rq->answer.none || rq->answer.head_sent)
		return 0;
	rc = await_write(rq, &body, goes);
	if (rc == 0 && goes)
		rq->answer.sent = rq->answer.length;
	return rc;
}
