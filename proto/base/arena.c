/*
 * A list of malloc'ed blocks, the newest in front; small pieces are cut from it from low to
 * high. A piece larger than a block gets a block of its own, put behind the front one so that
 * the rest of the front one stays in use.
 */
#include "proto/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)8 * 1024)

struct block {
	struct block *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

struct release {
	struct release *next;
	void (*fn)(void *);
	void *arg;
};

struct arena {
	struct block *front;
	struct release *releases;
};

static struct block *block_new(size_t size)
{
	struct block *b = xmalloc(sizeof(*b) + size);

	b->next = NULL;
	b->used = 0;
	b->size = size;
	return b;
}

struct arena *arena_new(void)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	a->front = block_new(BLOCK_SIZE);
	return a;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	/* A release may register another one: take them off one by one. */
	while (a->releases != NULL) {
		struct release *r = a->releases;

		a->releases = r->next;
		r->fn(r->arg);
	}
	while (a->front != NULL) {
		struct block *b = a->front;

		a->front = b->next;
		free(b);
	}
	free(a);
}

static struct block *block_for(struct arena *a, size_t size)
{
	struct block *b;

	if (size <= a->front->size - a->front->used)
		return a->front;
	if (size > BLOCK_SIZE / 2) {
		b = block_new(size);
		b->next = a->front->next;
		a->front->next = b;
		return b;
	}
	b = block_new(BLOCK_SIZE);
	b->next = a->front;
	a->front = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct block *b;
	void *piece;

	if (size > SIZE_MAX / 2)
		fatal("an arena cannot hold %zu bytes", size);
	size = (size + align - 1) / align * align;
	b = block_for(a, size);
	piece = b->bytes + b->used;
	b->used += size;
	return memset(piece, 0, size);
}

char *arena_memdup(struct arena *a, const void *data, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return arena_memdup(a, text, strlen(text));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		fatal("bad format: %s", fmt);
	text = arena_alloc(a, (size_t)n + 1);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = arena_vprintf(a, fmt, args);
	va_end(args);
	return text;
}

void arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
	struct release *r = arena_alloc(a, sizeof(*r));

	r->fn = fn;
	r->arg = arg;
	r->next = a->releases;
	a->releases = r;
}
