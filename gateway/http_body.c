/*
 * The framing of bodies as a state machine, a byte a step.
 *
 *   SIZE → DIGITS → (EXTENSION →) SIZE_LF → DATA → DATA_CR → DATA_LF → SIZE …
 *                                    └ size 0 → TRAILER → (TRAILER_TEXT → TRAILER_LF →
 * TRAILER)* └ CR → LAST_LF → DONE
 */
#include "gateway/http_body.h"

#include "proto/base/hex.h"

/* 15 hex digits stay below 2^60: no sum of sizes that a body can reach overflows. */
#define DIGITS_MAX 15

void body_init(struct http_body *b, const struct http_head *h)
{
	*b = (struct http_body){.state = BODY_DONE, .chunked = h->chunked};
	if (h->chunked) {
		b->state = BODY_SIZE;
	} else if (h->content_length > 0) {
		b->state = BODY_DATA;
		b->left = h->content_length;
	}
}

bool body_done(const struct http_body *b)
{
	return b->state == BODY_DONE;
}

int64_t body_data(const struct http_body *b)
{
	return b->state == BODY_DATA ? b->left : 0;
}

void body_take(struct http_body *b, int64_t n)
{
	assert(n >= 0 && n <= body_data(b));
	b->left -= n;
	if (b->state == BODY_DATA && b->left == 0)
		b->state = b->chunked ? BODY_DATA_CR : BODY_DONE;
}

static int expect(struct http_body *b, char c, char wanted, enum body_state next)
{
	if (c != wanted)
		return ERR_SYNTAX;
	b->state = next;
	return 0;
}

/* A byte of text that is read past: an extension or a trailer field. */
static int skip(struct http_body *b, char c, unsigned max, enum body_state at_cr)
{
	if (c == '\r') {
		b->state = at_cr;
		return 0;
	}
	if (((unsigned char)c < 0x20 && c != '\t') || c == 0x7f || ++b->extra > max)
		return ERR_SYNTAX;
	return 0;
}

static int size_step(struct http_body *b, char c)
{
	int value = hex_digit(c);

	if (value >= 0 && b->digits < DIGITS_MAX) {
		b->left = b->left << 4 | value;
		b->digits++;
		b->state = BODY_DIGITS;
		return 0;
	}
	if (b->digits == 0 || value >= 0)
		return ERR_SYNTAX;
	if (c == ';') {
		b->extra = 0;
		b->state = BODY_EXTENSION;
		return 0;
	}
	return expect(b, c, '\r', BODY_SIZE_LF);
}

static int step(struct http_body *b, char c)
{
	switch (b->state) {
	case BODY_SIZE:
	case BODY_DIGITS:
		return size_step(b, c);
	case BODY_EXTENSION:
		return skip(b, c, BODY_EXTENSION_MAX, BODY_SIZE_LF);
	case BODY_SIZE_LF:
		b->extra = 0;
		return expect(b, c, '\n', b->left > 0 ? BODY_DATA : BODY_TRAILER);
	case BODY_DATA_CR:
		return expect(b, c, '\r', BODY_DATA_LF);
	case BODY_DATA_LF:
		b->digits = 0;
		return expect(b, c, '\n', BODY_SIZE);
	case BODY_TRAILER:
		if (c == '\r') {
			b->state = BODY_LAST_LF;
			return 0;
		}
		b->state = BODY_TRAILER_TEXT;
		return skip(b, c, BODY_TRAILERS_MAX, BODY_TRAILER_LF);
	case BODY_TRAILER_TEXT:
		return skip(b, c, BODY_TRAILERS_MAX, BODY_TRAILER_LF);
	case BODY_TRAILER_LF:
		return expect(b, c, '\n', BODY_TRAILER);
	case BODY_LAST_LF:
		return expect(b, c, '\n', BODY_DONE);
	case BODY_DATA:
	case BODY_DONE:
		break;
	}
	return ERR_SYNTAX;
}

int64_t body_frame(struct http_body *b, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len && b->state != BODY_DATA && b->state != BODY_DONE; i++)
		if (step(b, data[i]) < 0)
			return ERR_SYNTAX;
	return (int64_t)i;
}
