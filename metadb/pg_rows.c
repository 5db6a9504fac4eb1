/*
 * Typed access to binary results: the second half of metadb/pg_bind.h.
 *
 * libpq terminates every value with a NUL of its own, so texts can be used in place.
 */
#include <libpq-fe.h>
#include <string.h>

#include "metadb/pg_bind.h"
#include "proto/base/log.h"

static void mistake(struct pg_rows *r, const char *what, int row, int column)
{
	if (r->error == 0)
		log_error("unexpected answer of PostgreSQL", "what=\"%s\" row=%d column=%d",
			  what, row, column);
	r->error = ERR_PROTOCOL;
}

static bool cell(struct pg_rows *r, int row, int column)
{
	if (r->error != 0)
		return false;
	if (row < 0 || row >= PQntuples(r->result) || column < 0 ||
	    column >= PQnfields(r->result)) {
		mistake(r, "no such cell", row, column);
		return false;
	}
	return !PQgetisnull(r->result, row, column);
}

int pg_rows_count(const struct pg_rows *r)
{
	return r->error == 0 ? PQntuples(r->result) : 0;
}

bool pg_null(struct pg_rows *r, int row, int column)
{
	return !cell(r, row, column);
}

static int64_t number(const char *data, int len)
{
	const unsigned char *p = (const unsigned char *)data;
	/* Starts at the sign, so that shorter numbers are extended by it. */
	uint64_t v = (p[0] & 0x80) != 0 ? UINT64_MAX : 0;

	for (int i = 0; i < len; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

bool pg_bool(struct pg_rows *r, int row, int column)
{
	if (!cell(r, row, column))
		return false;
	if (PQftype(r->result, column) != PG_BOOL) {
		mistake(r, "not a boolean", row, column);
		return false;
	}
	return PQgetvalue(r->result, row, column)[0] != 0;
}

int64_t pg_int(struct pg_rows *r, int row, int column)
{
	Oid type;

	if (!cell(r, row, column))
		return 0;
	type = PQftype(r->result, column);
	if (type != PG_INT2 && type != PG_INT4 && type != PG_INT8) {
		mistake(r, "not an integer", row, column);
		return 0;
	}
	return number(PQgetvalue(r->result, row, column), PQgetlength(r->result, row, column));
}

const char *pg_text(struct pg_rows *r, int row, int column)
{
	if (!cell(r, row, column))
		return "";
	if (PQftype(r->result, column) != PG_TEXT) {
		mistake(r, "not a text", row, column);
		return "";
	}
	return PQgetvalue(r->result, row, column);
}

struct slice pg_bytes(struct pg_rows *r, int row, int column)
{
	struct slice s = {NULL, 0};

	if (!cell(r, row, column))
		return s;
	if (PQftype(r->result, column) != PG_BYTEA) {
		mistake(r, "not bytes", row, column);
		return s;
	}
	s.data = PQgetvalue(r->result, row, column);
	s.len = (size_t)PQgetlength(r->result, row, column);
	return s;
}

void pg_digest(struct pg_rows *r, int row, int column, struct digest *out)
{
	int algorithm = (int)pg_int(r, row, column);
	struct slice bytes = pg_bytes(r, row, column + 1);

	memset(out, 0, sizeof(*out));
	if (r->error == 0 && digest_from_bytes(algorithm, bytes.data, bytes.len, out) < 0)
		mistake(r, "not a digest", row, column);
}

size_t pg_int8s(struct pg_rows *r, int row, int column, struct arena *a, int64_t **out)
{
	const char *p;
	int len;
	int64_t count;

	*out = NULL;
	if (!cell(r, row, column))
		return 0;
	p = PQgetvalue(r->result, row, column);
	len = PQgetlength(r->result, row, column);
	if (PQftype(r->result, column) != PG_INT8S || len < 12) {
		mistake(r, "not an array of bigint", row, column);
		return 0;
	}
	if (number(p, 4) == 0)
		return 0;
	count = len >= 20 ? number(p + 12, 4) : -1;
	if (number(p, 4) != 1 || number(p + 4, 4) != 0 || count < 0 || len != 20 + count * 12) {
		mistake(r, "not a plain array", row, column);
		return 0;
	}
	*out = arena_alloc(a, (size_t)count * sizeof(**out));
	for (int64_t i = 0; i < count; i++)
		(*out)[i] = number(p + 20 + i * 12 + 4, 8);
	return (size_t)count;
}
