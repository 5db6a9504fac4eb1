/* A list of pieces: filled at its end, emptied at its front. */
#include "gateway/http2_inbox.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base/err.h"

#define PIECE_LEAST ((size_t)2 * 1024)
#define SPARES	    32

struct inbox_piece {
	TAILQ_ENTRY(inbox_piece) link;
	size_t start, end, capacity; /* bytes in data */
	char data[];
};

/* A few whole pieces are kept: an upload uses them over and over. */
static struct inbox_piece *spare[SPARES];
static unsigned spares;

static void drop_piece(struct inbox *in, struct inbox_piece *p)
{
	TAILQ_REMOVE(&in->pieces, p, link);
	if (p->capacity == INBOX_PIECE && spares < SPARES)
		spare[spares++] = p;
	else
		free(p);
}

void inbox_init(struct inbox *in)
{
	TAILQ_INIT(&in->pieces);
	in->len = 0;
}

static struct inbox_piece *add_piece(struct inbox *in, size_t len)
{
	size_t capacity = len < PIECE_LEAST ? PIECE_LEAST : len;
	struct inbox_piece *p;

	if (capacity > INBOX_PIECE)
		capacity = INBOX_PIECE;
	if (capacity == INBOX_PIECE && spares > 0)
		p = spare[--spares];
	else
		p = xmalloc(sizeof(*p) + capacity);
	p->start = p->end = 0;
	p->capacity = capacity;
	TAILQ_INSERT_TAIL(&in->pieces, p, link);
	return p;
}

void inbox_add(struct inbox *in, const void *data, size_t len)
{
	const char *from = data;
	struct inbox_piece *p = TAILQ_LAST(&in->pieces, inbox_pieces);

	in->len += len;
	while (len > 0) {
		size_t n;

		if (p == NULL || p->end == p->capacity)
			p = add_piece(in, len);
		n = p->capacity - p->end;
		if (n > len)
			n = len;
		memcpy(p->data + p->end, from, n);
		p->end += n;
		from += n;
		len -= n;
	}
}

size_t inbox_take(struct inbox *in, void *data, size_t capacity)
{
	struct inbox_piece *p;
	size_t total = 0;

	while (total < capacity && (p = TAILQ_FIRST(&in->pieces)) != NULL) {
		size_t n = p->end - p->start;

		if (n > capacity - total)
			n = capacity - total;
		memcpy((char *)data + total, p->data + p->start, n);
		p->start += n;
		total += n;
		if (p->start == p->end) {
			drop_piece(in, p);
		}
	}
	in->len -= total;
	return total;
}

void inbox_drop(struct inbox *in)
{
	struct inbox_piece *p;

	while ((p = TAILQ_FIRST(&in->pieces)) != NULL)
		drop_piece(in, p);
	in->len = 0;
}
