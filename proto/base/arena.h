/*
 * Memory of one request (or one job): allocated bit by bit, released at once.
 *
 * Blocks come from malloc and grow with need. Deferred releases registered with arena_defer()
 * run in reverse order when the arena is freed, whatever the path that led there, so that a
 * handler needs no clean-up code. Not thread-safe: one owner at a time.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "proto/base/err.h"

struct arena;

/* A view of bytes that somebody else owns; not terminated by a NUL. */
struct slice {
	const char *data;
	size_t len;
};

struct arena *arena_new(void);
void arena_free(struct arena *a);

/* Zeroed, aligned for any type; never NULL. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *text);
/* A NUL-terminated copy of len bytes. */
char *arena_memdup(struct arena *a, const void *data, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list args);

/* Run fn(arg) when the arena is freed, later registrations first. */
void arena_defer(struct arena *a, void (*fn)(void *), void *arg);
