/*
 * What store_compact.c and store_scrub.c share, and nobody else includes: see store_chores.c.
 */
#pragma once

#include "storage/daemon/chores.h"
#include "storage/daemon/store_inside.h"

/* The payload of a copy, good until the cursor moves. ERR_CORRUPT: twice in a row it did not
 * have its CRCs and SHA-256. Other errors: the disk does not answer. */
int store_copy_check(struct cursor *c, const struct index_entry *e,
		     const unsigned char **bytes) MUST_CHECK;
/* Drop, count, log and report it. */
void store_copy_is_bad(struct store *s, const struct chores *c, const struct index_entry *e,
		       struct chores_report *out);
/* Is this PUT record what the index points at? *rc: the index could not be read. */
bool store_counts(struct store *s, const struct record *r, struct index_entry *out, int *rc);
/* Let the rate know what the cursor has read since `*paced`. False: stop. */
bool store_paced(const struct chores *c, struct cursor *cursor, uint64_t *paced);

/* 0, or an error that ends the visits. */
typedef int store_entry_visit(void *arg, const struct index_entry *e);
/* Visit every good entry that points into the segment. Reads the whole index. */
int store_entries_of(struct store *s, const struct segment *segment, store_entry_visit *visit,
		     void *arg) MUST_CHECK;
