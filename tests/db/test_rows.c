/* Answers as rows, and a composite value as a row of its own. */
#include <string.h>

#include "metadb/pg_tx.h"
#include "tests/db/harness.h"

/* The first column of the statement's one row. */
static struct pg_rows await_record(struct arena *a, const char *sql, struct pg_record *room)
{
	struct pg_tx *tx = pg_tx_new(h_db, a, PG_READ);

	pg_tx_add(tx, sql);
	assert_int_equal(await_pg_tx(tx), 0);
	return pg_record_open(pg_tx_rows(tx, 0), 0, 0, room);
}

H_TEST(a_record_is_read_like_a_row)
{
	struct arena *a = arena_new();
	struct pg_record room;
	struct pg_rows r = await_record(
		a,
		"SELECT ROW(true, -2::smallint, 70000, -5000000000, 'one'::text, ''::text, "
		"NULL::text, NULL::bigint, '\\x00ff'::bytea, ''::bytea, ARRAY[7::bigint, 8], "
		"'last'::text)",
		&room);
	int64_t *list;

	assert_int_equal(pg_rows_count(&r), 1);
	assert_true(pg_bool(&r, 0, 0));
	assert_int_equal(pg_int(&r, 0, 1), -2);
	assert_int_equal(pg_int(&r, 0, 2), 70000);
	assert_int_equal(pg_int(&r, 0, 3), -5000000000);
	assert_string_equal(pg_text(&r, 0, 4), "one");
	assert_string_equal(pg_text(&r, 0, 5), "");
	assert_false(pg_null(&r, 0, 5));
	assert_true(pg_null(&r, 0, 6));
	assert_string_equal(pg_text(&r, 0, 6), "");
	assert_true(pg_null(&r, 0, 7));
	assert_int_equal(pg_int(&r, 0, 7), 0);
	assert_int_equal(pg_bytes(&r, 0, 8).len, 2);
	assert_memory_equal(pg_bytes(&r, 0, 8).data, "\0\377", 2);
	assert_int_equal(pg_bytes(&r, 0, 9).len, 0);
	assert_non_null(pg_bytes(&r, 0, 9).data);
	assert_int_equal(pg_int8s(&r, 0, 10, a, &list), 2);
	assert_int_equal(list[1], 8);
	assert_string_equal(pg_text(&r, 0, 11), "last");
	assert_int_equal(r.error, 0);
	arena_free(a);
}

H_TEST(mistakes_in_records_are_errors)
{
	static const char *const none[] = {
		"SELECT 1",
		"SELECT 'text'::text",
		"SELECT NULL::account",
		"SELECT ROW(1) WHERE false",
		("SELECT ROW(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, "
		 "19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33)"),
	};
	struct arena *a = arena_new();
	struct pg_record room;
	struct pg_rows r;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		r = await_record(a, none[i], &room);
		assert_int_equal(r.error, ERR_PROTOCOL);
		assert_int_equal(pg_rows_count(&r), 0);
		assert_int_equal(pg_int(&r, 0, 0), 0);
	}
	r = await_record(a, "SELECT ROW(1, 'a'::text)", &room);
	assert_int_equal(pg_int(&r, 0, 2), 0);
	assert_int_equal(r.error, ERR_PROTOCOL);
	r = await_record(a, "SELECT ROW(1, 'a'::text)", &room);
	assert_int_equal(pg_int(&r, 0, 1), 0);
	assert_int_equal(r.error, ERR_PROTOCOL);
	r = await_record(a, "SELECT ROW(1, 'a'::text)", &room);
	assert_int_equal(pg_int(&r, 1, 0), 0);
	assert_int_equal(r.error, ERR_PROTOCOL);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_read_like_a_row),
		cmocka_unit_test(mistakes_in_records_are_errors),
	};

	return cmocka_run_group_tests(tests, h_setup, h_teardown);
}
