/*
 * Where a request's body begins and ends: by Content-Length or in chunks. Pure; any thread.
 *
 * The body is data, with framing bytes in between when it is chunked. The caller moves the data
 * itself, so that it can read(2) them where they belong; this module eats the framing:
 *
 *   while (!body_done(b)) {
 *           n = body_frame(b, bytes, len);     framing at the front: n bytes are eaten, or
 * ERR_SYNTAX …move up to body_data(b) bytes of data… body_take(b, moved);
 *   }
 *
 * Chunk framing is as strict as the head: CR LF, hex digits only, no blanks around the size;
 * extensions and trailers are read past, within bounds (RFC 9112 §7.1).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/http_head.h"
#include "proto/base/err.h"

#define BODY_EXTENSION_MAX 256 /* bytes beside the size in a chunk's first line */
#define BODY_TRAILERS_MAX  8192

enum body_state {
	BODY_DATA,   /* `left` bytes of data come next */
	BODY_SIZE,   /* first digit of a chunk's size */
	BODY_DIGITS, /* more digits, an extension, or the end of the line */
	BODY_EXTENSION,
	BODY_SIZE_LF,
	BODY_DATA_CR, /* the line end after a chunk's data */
	BODY_DATA_LF,
	BODY_TRAILER, /* first byte of a line after the last chunk */
	BODY_TRAILER_TEXT,
	BODY_TRAILER_LF,
	BODY_LAST_LF,
	BODY_DONE,
};

struct http_body {
	enum body_state state;
	bool chunked;
	int64_t left; /* data bytes that come next, or size read so far */
	unsigned digits;
	unsigned extra; /* bytes of the extension or of the trailers */
};

void body_init(struct http_body *b, const struct http_head *h);
bool body_done(const struct http_body *b);
/* Data bytes that come next; 0 when framing does, or when done. */
int64_t body_data(const struct http_body *b);
/* Eat framing at the front of data: bytes eaten (0…len), or ERR_SYNTAX (then all is over). */
int64_t body_frame(struct http_body *b, const char *data, size_t len) MUST_CHECK;
/* n ≤ body_data() bytes of data were moved. */
void body_take(struct http_body *b, int64_t n);
