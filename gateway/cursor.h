/*
 * Where a list is read on: the id of an element, and, for lists in the order of words, its
 * word. Clients take the text as it is, and need not know what is in it. Pure; any thread.
 */
#pragma once

#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

#define CURSOR_WORD_MAX 160 /* bytes */

struct cursor {
	int64_t id;
	const char *word; /* "" where ids alone are the order */
};

/* In the arena; fit for a URL. */
const char *cursor_print(struct arena *a, const struct cursor *c);
/* ERR_SYNTAX: cursor_print() has not made this. */
int cursor_read(struct arena *a, const char *text, struct cursor *out) MUST_CHECK;
