/*
 * The reader's engine side, for the wrapper that waits (storage/client/await.c).
 */
#pragma once

#include "storage/client/reader.h"

/* 0: taken, or at the end; 1: not there yet; an error. Never waits. */
int reader_take(struct store_reader *r, struct store_bytes *out) MUST_CHECK;
/* fn runs on the loop when reader_take() may have something new; NULL: nobody listens. */
void reader_on_change(struct store_reader *r, void (*fn)(void *arg), void *arg);
/* Longer than room and a piece can take together. */
int64_t reader_patience_ms(const struct store_reader *r);
