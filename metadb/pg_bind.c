/*
 * Binary parameters. A scalar is its big-endian bytes; an array is
 *
 *   int32 dimensions (1, or 0 when empty) | int32 has nulls | int32 element type
 *   int32 count | int32 lower bound (1)   | per element: int32 length (-1: NULL), bytes
 *
 * The header is written when the array is bound; elements start at ARRAY_HEAD.
 */
#include "metadb/pg_bind.h"

#include <string.h>

#define ARRAY_HEAD 20

static void put32(unsigned char *p, uint32_t v)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

void pg_stmt_init(struct pg_stmt *s, struct arena *a, const char *sql)
{
	s->sql = sql;
	s->arena = a;
	s->count = 0;
}

static void bind(struct pg_stmt *s, unsigned type, const void *value, size_t len)
{
	assert(s->count < PG_PARAMS_MAX);
	assert(len <= INT32_MAX);
	s->type[s->count] = type;
	s->value[s->count] = value;
	s->length[s->count] = (int)len;
	s->count++;
}

static void bind_number(struct pg_stmt *s, enum pg_type type, uint64_t v, size_t len)
{
	unsigned char *p = arena_alloc(s->arena, len);

	for (size_t i = 0; i < len; i++)
		p[i] = v >> (8 * (len - 1 - i));
	bind(s, type, p, len);
}

void pg_bind_null(struct pg_stmt *s, enum pg_type type)
{
	bind(s, type, NULL, 0);
}

void pg_bind_bool(struct pg_stmt *s, bool v)
{
	bind_number(s, PG_BOOL, v, 1);
}

void pg_bind_int2(struct pg_stmt *s, int v)
{
	assert(v >= INT16_MIN && v <= INT16_MAX);
	bind_number(s, PG_INT2, (uint64_t)v, 2);
}

void pg_bind_int4(struct pg_stmt *s, int32_t v)
{
	bind_number(s, PG_INT4, (uint64_t)v, 4);
}

void pg_bind_int8(struct pg_stmt *s, int64_t v)
{
	bind_number(s, PG_INT8, (uint64_t)v, 8);
}

void pg_bind_text(struct pg_stmt *s, const char *text)
{
	bind(s, PG_TEXT, text, text == NULL ? 0 : strlen(text));
}

void pg_bind_bytes(struct pg_stmt *s, const void *data, size_t len)
{
	/* A NULL pointer would be NULL, not an empty string of bytes. */
	bind(s, PG_BYTEA, data == NULL ? "" : data, len);
}

void pg_bind_digest(struct pg_stmt *s, const struct digest *d)
{
	if (d == NULL) {
		pg_bind_null(s, PG_INT2);
		pg_bind_null(s, PG_BYTEA);
		return;
	}
	pg_bind_int2(s, d->algorithm);
	pg_bind_bytes(s, d->bytes, digest_size(d->algorithm));
}

void pg_array_init(struct pg_array *v, struct arena *a, enum pg_type element, size_t expected)
{
	v->arena = a;
	v->element = element;
	v->capacity = ARRAY_HEAD + expected * (element == PG_BYTEA ? 4 + DIGEST_BYTES_MAX : 12);
	v->data = arena_alloc(a, v->capacity);
	v->len = ARRAY_HEAD;
	v->count = 0;
	v->nulls = false;
}

static unsigned char *element(struct pg_array *v, size_t len)
{
	unsigned char *at;

	if (v->len + 4 + len > v->capacity) {
		unsigned char *old = v->data;

		v->capacity = 2 * (v->len + 4 + len);
		v->data = arena_alloc(v->arena, v->capacity);
		memcpy(v->data, old, v->len);
	}
	at = v->data + v->len;
	put32(at, (uint32_t)len);
	v->len += 4 + len;
	v->count++;
	return at + 4;
}

static void element_number(struct pg_array *v, enum pg_type type, uint64_t n, size_t len)
{
	unsigned char *p = element(v, len);

	assert(v->element == type);
	for (size_t i = 0; i < len; i++)
		p[i] = n >> (8 * (len - 1 - i));
}

void pg_array_bool(struct pg_array *v, bool b)
{
	element_number(v, PG_BOOL, b, 1);
}

void pg_array_int2(struct pg_array *v, int i)
{
	element_number(v, PG_INT2, (uint64_t)i, 2);
}

void pg_array_int4(struct pg_array *v, int32_t i)
{
	element_number(v, PG_INT4, (uint64_t)i, 4);
}

void pg_array_int8(struct pg_array *v, int64_t i)
{
	element_number(v, PG_INT8, (uint64_t)i, 8);
}

void pg_array_bytes(struct pg_array *v, const void *data, size_t len)
{
	unsigned char *p = element(v, len);

	assert(v->element == PG_BYTEA || v->element == PG_TEXT);
	if (len > 0)
		memcpy(p, data, len);
}

void pg_array_text(struct pg_array *v, const char *text)
{
	if (text == NULL)
		pg_array_null(v);
	else
		pg_array_bytes(v, text, strlen(text));
}

void pg_array_null(struct pg_array *v)
{
	put32(element(v, 0) - 4, UINT32_MAX);
	v->nulls = true;
}

static enum pg_type array_of(enum pg_type element_type)
{
	switch (element_type) {
	case PG_BOOL:
		return PG_BOOLS;
	case PG_BYTEA:
		return PG_BYTEAS;
	case PG_INT2:
		return PG_INT2S;
	case PG_INT4:
		return PG_INT4S;
	case PG_INT8:
		return PG_INT8S;
	default:
		assert(element_type == PG_TEXT);
		return PG_TEXTS;
	}
}

void pg_bind_array(struct pg_stmt *s, struct pg_array *v)
{
	put32(v->data, v->count > 0);
	put32(v->data + 4, v->nulls);
	put32(v->data + 8, v->element);
	put32(v->data + 12, v->count);
	put32(v->data + 16, 1);
	bind(s, array_of(v->element), v->data, v->count > 0 ? v->len : 12);
}

void pg_bind_digests(struct pg_stmt *s, const struct digest *d, size_t count)
{
	struct pg_array algorithms;
	struct pg_array bytes;

	pg_array_init(&algorithms, s->arena, PG_INT2, count);
	pg_array_init(&bytes, s->arena, PG_BYTEA, count);
	for (size_t i = 0; i < count; i++) {
		pg_array_int2(&algorithms, d[i].algorithm);
		pg_array_bytes(&bytes, d[i].bytes, digest_size(d[i].algorithm));
	}
	pg_bind_array(s, &algorithms);
	pg_bind_array(s, &bytes);
}
