/*
 * When a token was last used, to the hour: noted in the background by the lookups that meet it.
 * Nobody waits for it, and what does not fit is noted at a later use. Loop thread only.
 */
#pragma once

#include <stdint.h>

#include "metadb/pg_pool.h"

struct token_touch;

struct token_touch *token_touch_new(struct loop *l, struct pg_pool *p);
void token_touch_free(struct token_touch *t);
/* This token was used just now, and its row says that it was not for an hour. */
void token_touch_add(struct token_touch *t, int64_t token_id);
