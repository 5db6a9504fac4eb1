/*
 * Body bytes of a stream that came before its task asked for them. Loop thread only.
 *
 * Packed into pieces of at most INBOX_PIECE bytes, so that a body sent a byte a frame takes
 * hardly more memory than its bytes. How many there may be is the affair of flow control.
 */
#pragma once

#include <stddef.h>
#include <sys/queue.h>

#define INBOX_PIECE ((size_t)16 * 1024)

struct inbox_piece;

struct inbox {
	TAILQ_HEAD(inbox_pieces, inbox_piece) pieces;
	size_t len; /* bytes in all of them */
};

void inbox_init(struct inbox *in);
void inbox_add(struct inbox *in, const void *data, size_t len);
/* Move the first bytes out: as many as there are, at most capacity. */
size_t inbox_take(struct inbox *in, void *data, size_t capacity);
void inbox_drop(struct inbox *in);
