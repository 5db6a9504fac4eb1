/*
 * One SQL statement with its parameters, and how to read the rows it answers.
 *
 * Parameters and results travel in PostgreSQL's binary form, with their types named. The same
 * text always has the same types. Parameter memory comes from the arena; what a pg_bind_…() is
 * given by pointer (texts, bytes) must live until the statement was run.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"
#include "proto/model/digest.h"

#define PG_PARAMS_MAX 40

/* Object ids of types, as in pg_type.dat: part of PostgreSQL's protocol, they never change. */
enum pg_type {
	PG_BOOL = 16,
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_INT2 = 21,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_BOOLS = 1000,
	PG_BYTEAS = 1001,
	PG_INT2S = 1005,
	PG_INT4S = 1007,
	PG_TEXTS = 1009,
	PG_INT8S = 1016,
};

struct pg_stmt {
	const char *sql;
	struct arena *arena;
	int count;
	unsigned type[PG_PARAMS_MAX];
	const char *value[PG_PARAMS_MAX];
	int length[PG_PARAMS_MAX];
};

void pg_stmt_init(struct pg_stmt *s, struct arena *a, const char *sql);

/* The next parameter: $1, $2, … */
void pg_bind_null(struct pg_stmt *s, enum pg_type type);
void pg_bind_bool(struct pg_stmt *s, bool v);
void pg_bind_int2(struct pg_stmt *s, int v);
void pg_bind_int4(struct pg_stmt *s, int32_t v);
void pg_bind_int8(struct pg_stmt *s, int64_t v);
/* NULL is NULL. */
void pg_bind_text(struct pg_stmt *s, const char *text);
void pg_bind_bytes(struct pg_stmt *s, const void *data, size_t len);
/* Two parameters: algorithm and bytes; both NULL when d is. */
void pg_bind_digest(struct pg_stmt *s, const struct digest *d);

/* An array, grown element by element, then bound. */
struct pg_array {
	struct arena *arena;
	enum pg_type element;
	unsigned char *data;
	size_t len;
	size_t capacity;
	uint32_t count;
	bool nulls;
};
void pg_array_init(struct pg_array *v, struct arena *a, enum pg_type element, size_t expected);
void pg_array_bool(struct pg_array *v, bool b);
void pg_array_int2(struct pg_array *v, int i);
void pg_array_int4(struct pg_array *v, int32_t i);
void pg_array_int8(struct pg_array *v, int64_t i);
void pg_array_bytes(struct pg_array *v, const void *data, size_t len); /* bytea and text */
void pg_array_text(struct pg_array *v, const char *text);	       /* NULL is NULL */
void pg_array_null(struct pg_array *v);
void pg_bind_array(struct pg_stmt *s, struct pg_array *v);
/* Two parameters: smallint[] of algorithms and bytea[] of bytes. */
void pg_bind_digests(struct pg_stmt *s, const struct digest *d, size_t count);

struct pg_result; /* libpq's */

/*
 * Rows of an answer. Getters check row, column and type; the first mistake stays in `error`
 * (ERR_PROTOCOL), later ones answer 0, "" or nothing: read a row, then look once.
 * Views are valid as long as the answer.
 */
struct pg_rows {
	struct pg_result *result;
	const struct pg_record *record; /* NULL, or the one row it is */
	int error;
};

/*
 * A function's composite answer as one value, `SELECT f(…)`: to PostgreSQL that costs a quarter
 * of `SELECT … FROM f(…)`. It is read like a row, number 0, with its members as columns.
 */
#define PG_RECORD_MAX 32
struct pg_record {
	unsigned count;
	struct pg_member {
		unsigned type;
		int length; /* -1: NULL */
		const char *value;
	} member[PG_RECORD_MAX];
};
/* The room must live as long as what is returned; that has the error of `r`, or its own. */
struct pg_rows pg_record_open(struct pg_rows *r, int row, int column, struct pg_record *room);

int pg_rows_count(const struct pg_rows *r);
bool pg_null(struct pg_rows *r, int row, int column);
bool pg_bool(struct pg_rows *r, int row, int column);
/* int2, int4 and int8. NULL is 0. */
int64_t pg_int(struct pg_rows *r, int row, int column);
/* NUL-terminated; NULL is "". */
const char *pg_text(struct pg_rows *r, int row, int column);
/* bytea; NULL has data NULL. */
struct slice pg_bytes(struct pg_rows *r, int row, int column);
/* Columns `column` (algorithm) and the next (bytes). */
void pg_digest(struct pg_rows *r, int row, int column, struct digest *out);
/* bigint[]: the number of elements, copied into the arena. */
size_t pg_int8s(struct pg_rows *r, int row, int column, struct arena *a, int64_t **out);
