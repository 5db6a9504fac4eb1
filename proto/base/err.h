/*
 * The one error space: 0 is success, -errno what the system said, own codes below -1000.
 *
 * Functions return int and are marked MUST_CHECK where ignoring the result is a bug. What must
 * not happen is an assert or fatal(); what may happen is a code, logged once where it is
 * decided. Everything here may be called from any thread.
 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#define MUST_CHECK	       __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN	       __attribute__((noreturn))

enum err {
	/* What we depend on (PostgreSQL, a quorum of storage) is away or too busy; try again.
	 */
	ERR_UNAVAILABLE = -1001,
	/* It is not there, and the side that says so is the one that knows. */
	ERR_NOT_FOUND = -1002,
	/* It is there already, or somebody else was faster (a compare-and-set that lost). */
	ERR_CONFLICT = -1003,
	/* Stored bytes failed a check. */
	ERR_CORRUPT = -1004,
	/* The bytes do not have the digest they were sent under. */
	ERR_BAD_DIGEST = -1005,
	/* The sender's cluster map is older than the receiver's. */
	ERR_STALE_EPOCH = -1006,
	/* The disk is at its floor of free space. */
	ERR_FULL = -1007,
	/* The disk failed an fdatasync and acknowledges nothing any more. */
	ERR_POISONED = -1008,
	/* The other side sent something that the protocol does not allow. */
	ERR_PROTOCOL = -1009,
	/* A COMMIT was sent and its answer lost: it may or may not have happened. */
	ERR_UNKNOWN_OUTCOME = -1010,
	/* A number or size from outside is over its limit. */
	ERR_LIMIT = -1011,
	/* The text does not follow its grammar. */
	ERR_SYNTAX = -1012,
	/* The caller may not do this. */
	ERR_DENIED = -1013,
	/* The peer went away (connection closed or reset). */
	ERR_PEER_GONE = -1014,
	/* PostgreSQL was put back or replaced, and no operator has adopted it. */
	ERR_NOT_ADOPTED = -1015,
	/* What was remembered of the caller's rights is not proved any more: look them up. */
	ERR_STALE_RIGHTS = -1016,
};

/* A short English sentence part for any code above or -errno; a static or thread-local string.
 */
const char *err_text(int code);

/* Print one line and abort: a broken promise inside the program, or no memory left. */
NORETURN void fatal(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* malloc and friends that never return NULL: below admission, lack of memory is fatal. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
