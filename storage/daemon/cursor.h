/*
 * Reading the log of one segment from the medium, record by record.
 *
 * What is no record is stepped over: after damage the next record is found at the next multiple
 * of 64 bytes. Pages that cannot be read count as damage. A cursor belongs to one thread; the
 * segment is held by whoever uses it.
 */
#pragma once

#include "storage/daemon/segment.h"

/* Bytes that are read at once, at least, when it is headers that are wanted. */
#define CURSOR_HEADERS ((size_t)256 << 10)

struct cursor {
	struct segment *segment;
	struct store_place at; /* where the next record is looked for */
	uint64_t limit;	       /* nothing is read from here on */
	uint64_t end;	       /* behind the last byte so far that is not zero */
	/* The window: bytes [start, start + len) of the segment. */
	unsigned char *bytes;
	uint64_t start;
	size_t len, room, ahead;
	uint64_t read; /* bytes of the medium so far */
};

/* From offset `from` (a multiple of LOG_PAGE) up to `to`; `ahead`: bytes to read at once. */
void cursor_init(struct cursor *c, struct segment *s, uint64_t from, uint64_t to, size_t ahead);
void cursor_fini(struct cursor *c);

/* The next record whose header is right; false: there is none. */
bool cursor_next(struct cursor *c, struct record *out);
/* `len` bytes at an offset, up to those of a whole record, good until the next call; NULL: the
 * segment ends before. */
const unsigned char *cursor_bytes(struct cursor *c, uint64_t offset, size_t len);
/* Forget what has been read: the next call asks the medium again. */
void cursor_forget(struct cursor *c);
/* Do the bytes of a record's payload have the CRCs of its head? */
bool cursor_payload_good(struct cursor *c, const struct record *r);

/* A record found; `good`: its payload, if any, passes its check as well. */
typedef void segment_visit(void *arg, const struct record *r, bool good);

/*
 * Visit every record between two offsets. Returns the offset, a multiple of LOG_PAGE, after
 * which everything up to `to` is zeros.
 */
uint64_t segment_walk(struct segment *s, uint64_t from, uint64_t to, segment_visit *visit,
		      void *arg);
/* Read whole pages; what cannot be read is filled with a byte that is in no record. */
void segment_read_pages(struct segment *s, unsigned char *buf, uint64_t offset, size_t len);
