/*
 * How far a PostgreSQL had come. Keepers hand it to daemons and daemons tell the highest to
 * keepers, which know by it that an older PostgreSQL was put back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Higher by adoption and then place; the gen is a maximum of its own. All 0: none. */
struct wire_mark {
	int64_t adoption; /* how often an operator adopted */
	int64_t place;	  /* end of its durable log, in bytes; begins anew with each adoption */
	int64_t gen;	  /* newest given out */
};

/* Make *m the highest of both; true: it was raised. */
bool wire_mark_raise(struct wire_mark *m, const struct wire_mark *other);
