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

static bool within(const struct pg_rows *r, int row, int column)
{
	if (row < 0 || column < 0)
		return false;
	if (r->record != NULL)
		return row == 0 && (unsigned)column < r->record->count;
	return row < PQntuples(r->result) && column < PQnfields(r->result);
}

/* False: NULL, or a mistake. */
static bool cell(struct pg_rows *r, int row, int column, struct pg_member *out)
{
	if (r->error != 0)
		return false;
	if (!within(r, row, column)) {
		mistake(r, "no such cell", row, column);
		return false;
	}
	if (r->record != NULL) {
		*out = r->record->member[column];
		return out->length >= 0;
	}
	if (PQgetisnull(r->result, row, column))
		return false;
	out->type = PQftype(r->result, column);
	out->length = PQgetlength(r->result, row, column);
	out->value = PQgetvalue(r->result, row, column);
	return true;
}

int pg_rows_count(const struct pg_rows *r)
{
	if (r->error != 0)
		return 0;
	return r->record != NULL ? 1 : PQntuples(r->result);
}

bool pg_null(struct pg_rows *r, int row, int column)
{
	struct pg_member m;

	return !cell(r, row, column, &m);
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
	struct pg_member m;

	if (!cell(r, row, column, &m))
		return false;
	if (m.type != PG_BOOL || m.length != 1) {
		mistake(r, "not a boolean", row, column);
		return false;
	}
	return m.value[0] != 0;
}

int64_t pg_int(struct pg_rows *r, int row, int column)
{
	struct pg_member m;

	if (!cell(r, row, column, &m))
		return 0;
	if (m.type != PG_INT2 && m.type != PG_INT4 && m.type != PG_INT8) {
		mistake(r, "not an integer", row, column);
		return 0;
	}
	return number(m.value, m.length);
}

const char *pg_text(struct pg_rows *r, int row, int column)
{
	struct pg_member m;

	if (!cell(r, row, column, &m))
		return "";
	if (m.type != PG_TEXT) {
		mistake(r, "not a text", row, column);
		return "";
	}
	return m.value;
}

struct slice pg_bytes(struct pg_rows *r, int row, int column)
{
	struct slice s = {NULL, 0};
	struct pg_member m;

	if (!cell(r, row, column, &m))
		return s;
	if (m.type != PG_BYTEA) {
		mistake(r, "not bytes", row, column);
		return s;
	}
	s.data = m.value;
	s.len = (size_t)m.length;
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
	struct pg_member m;
	const char *p;
	int64_t count;
	int len;

	*out = NULL;
	if (!cell(r, row, column, &m))
		return 0;
	p = m.value;
	len = m.length;
	if (m.type != PG_INT8S || len < 12) {
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

/*
 * As record_send() writes it: int32 members | per member: int32 type, int32 length (-1: NULL),
 * bytes. Behind a member is the type of the next one, behind the last one libpq's NUL. Numbers
 * of built-in types are small, so behind each text there is a NUL here as well.
 */
static bool record_parse(const struct pg_member *whole, struct pg_record *out)
{
	const char *p = whole->value, *end = p + whole->length;

	if (whole->length < 4 || number(p, 4) < 0 || number(p, 4) > PG_RECORD_MAX)
		return false;
	out->count = (unsigned)number(p, 4);
	p += 4;
	for (unsigned i = 0; i < out->count; i++) {
		struct pg_member *m = &out->member[i];

		if (end - p < 8)
			return false;
		m->type = (unsigned)number(p, 4);
		m->length = (int)number(p + 4, 4);
		m->value = p += 8;
		if (m->length < -1 || m->length > end - p)
			return false;
		if (m->length >= 0)
			p += m->length;
		if (m->type == PG_TEXT && m->length >= 0 && *p != '\0')
			return false;
	}
	return p == end;
}

struct pg_rows pg_record_open(struct pg_rows *r, int row, int column, struct pg_record *room)
{
	struct pg_rows rows = {.record = room};
	struct pg_member whole;

	room->count = 0;
	if (!cell(r, row, column, &whole) || !record_parse(&whole, room))
		mistake(r, "not a record", row, column);
	rows.error = r->error;
	return rows;
}
