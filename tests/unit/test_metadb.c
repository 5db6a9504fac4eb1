/* The parts of the database library that need no database: tokens, parameters, errors, cache.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "metadb/cache.h"
#include "metadb/pg_bind.h"
#include "metadb/pg_error.h"
#include "metadb/pg_prepared.h"
#include "metadb/schema.h"
#include "metadb/token_text.h"

static void tokens_are_recognised(void **state)
{
	char one[TOKEN_TEXT_LEN + 1];
	char two[TOKEN_TEXT_LEN + 1];
	unsigned char hash[TOKEN_HASH_BYTES];
	unsigned char other[TOKEN_HASH_BYTES];

	(void)state;
	for (int round = 0; round < 200; round++) {
		token_make(one);
		token_make(two);
		assert_int_equal(strlen(one), TOKEN_TEXT_LEN);
		assert_memory_equal(one, "ph_", 3);
		assert_string_not_equal(one, two);
		assert_true(token_shaped(one, TOKEN_TEXT_LEN));
		assert_false(token_shaped(one, TOKEN_TEXT_LEN - 1));
	}
	token_hash(one, TOKEN_TEXT_LEN, hash);
	token_hash(two, TOKEN_TEXT_LEN, other);
	assert_memory_not_equal(hash, other, TOKEN_HASH_BYTES);
}

/* Any one character changed, or two neighbours swapped, is noticed. */
static void mistyped_tokens_are_noticed(void **state)
{
	char text[TOKEN_TEXT_LEN + 1];

	(void)state;
	token_make(text);
	for (int i = 0; i < TOKEN_TEXT_LEN; i++) {
		char kept = text[i];

		text[i] = kept == 'x' ? 'y' : 'x';
		assert_false(token_shaped(text, TOKEN_TEXT_LEN));
		text[i] = kept;
		if (i + 1 < TOKEN_TEXT_LEN && text[i] != text[i + 1]) {
			text[i] = text[i + 1];
			text[i + 1] = kept;
			assert_false(token_shaped(text, TOKEN_TEXT_LEN));
			text[i + 1] = text[i];
			text[i] = kept;
		}
	}
	assert_true(token_shaped(text, TOKEN_TEXT_LEN));
}

static void arrays_are_encoded(void **state)
{
	static const unsigned char expected[] = {
		0,    0,    0,	  1,		       /* dimensions */
		0,    0,    0,	  1,		       /* has NULLs */
		0,    0,    0,	  PG_INT2,	       /* element type */
		0,    0,    0,	  3,		       /* count */
		0,    0,    0,	  1,		       /* lower bound */
		0,    0,    0,	  2,	   0x01, 0x02, /* 258 */
		0xff, 0xff, 0xff, 0xff,		       /* NULL */
		0,    0,    0,	  2,	   0xff, 0xff, /* -1 */
	};
	struct arena *a = arena_new();
	struct pg_array v;
	struct pg_stmt s;

	(void)state;
	pg_stmt_init(&s, a, "SELECT $1, $2");
	pg_array_init(&v, a, PG_INT2, 0); /* grows */
	pg_array_int2(&v, 258);
	pg_array_null(&v);
	pg_array_int2(&v, -1);
	pg_bind_array(&s, &v);
	assert_int_equal(s.type[0], PG_INT2S);
	assert_int_equal(s.length[0], sizeof(expected));
	assert_memory_equal(s.value[0], expected, sizeof(expected));
	pg_array_init(&v, a, PG_TEXT, 4);
	pg_bind_array(&s, &v);
	assert_int_equal(s.type[1], PG_TEXTS);
	assert_int_equal(s.length[1], 12); /* no dimension at all */
	assert_int_equal(s.value[1][3], 0);
	arena_free(a);
}

static void scalars_are_encoded(void **state)
{
	struct digest d = {.algorithm = DIGEST_SHA512};
	struct arena *a = arena_new();
	struct pg_stmt s;

	(void)state;
	pg_stmt_init(&s, a, "");
	pg_bind_int8(&s, -2);
	pg_bind_bool(&s, true);
	pg_bind_text(&s, NULL);
	pg_bind_bytes(&s, NULL, 0);
	pg_bind_digest(&s, &d);
	pg_bind_digest(&s, NULL);
	assert_int_equal(s.count, 8);
	assert_memory_equal(s.value[0], "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
	assert_int_equal(s.value[1][0], 1);
	assert_null(s.value[2]);
	assert_non_null(s.value[3]); /* empty is not NULL */
	assert_int_equal(s.length[5], 64);
	assert_null(s.value[6]);
	assert_null(s.value[7]);
	arena_free(a);
}

static void errors_have_meanings(void **state)
{
	bool retry;

	(void)state;
	assert_int_equal(pg_error_code(NULL, &retry), ERR_UNAVAILABLE);
	assert_int_equal(pg_error_code("40P01", &retry), ERR_UNAVAILABLE);
	assert_true(retry);
	assert_int_equal(pg_error_code("57P01", &retry), ERR_UNAVAILABLE);
	assert_false(retry);
	assert_int_equal(pg_error_code("PH409", &retry), ERR_CONFLICT);
	assert_int_equal(pg_error_code("23503", &retry), ERR_NOT_FOUND);
	assert_int_equal(pg_error_code("42601", &retry), ERR_PROTOCOL);
}

static void the_cache_is_bounded(void **state)
{
	struct cache *c = cache_new(10000);
	struct arena *pin = arena_new();
	struct arena *a = arena_new();
	int64_t key = 0;
	char *kept;
	size_t len;

	(void)state;
	kept = cache_add(c, pin, &key, sizeof(key), 100);
	memset(kept, 'k', 100);
	for (key = 1; key < 100; key++) {
		memset(cache_add(c, a, &key, sizeof(key), 500), (int)key, 500);
		assert_true(cache_used(c) <= 10000);
	}
	key = 99;
	assert_int_equal(*(const char *)cache_find(c, a, &key, sizeof(key), &len), 99);
	assert_int_equal(len, 500);
	key = 0;
	assert_null(cache_find(c, a, &key, sizeof(key), NULL));
	assert_int_equal(kept[99], 'k'); /* pinned: alive though no longer in the cache */
	key = 1000;
	assert_non_null(cache_add(c, a, &key, sizeof(key), 5000)); /* too large to be kept */
	assert_null(cache_find(c, a, &key, sizeof(key), NULL));
	cache_free(c);
	assert_int_equal(kept[0], 'k');
	arena_free(a);
	arena_free(pin);
}

static void what_is_used_stays(void **state)
{
	struct cache *c = cache_new(5000);
	struct arena *a = arena_new();
	int64_t first = 1;

	(void)state;
	cache_add(c, a, &first, sizeof(first), 400);
	for (int64_t key = 2; key < 50; key++) {
		cache_add(c, a, &key, sizeof(key), 400);
		assert_non_null(cache_find(c, a, &first, sizeof(first), NULL));
	}
	cache_free(c);
	arena_free(a);
}

static void names_stand_when_the_server_took_them(void **state)
{
	struct pg_prepared p = {0};
	bool is_new;
	char text[16];

	(void)state;
	assert_int_equal(pg_prepared_number(&p, "SELECT 1", &is_new), 0);
	assert_true(is_new);
	assert_int_equal(pg_prepared_number(&p, "SELECT 2", &is_new), 1);
	assert_true(is_new);
	assert_int_equal(pg_prepared_number(&p, "SELECT 1", &is_new), 0);
	assert_false(is_new); /* once a pipeline is enough */
	pg_prepared_stand(&p);
	pg_prepared_settle(&p); /* the second was skipped */
	assert_int_equal(pg_prepared_number(&p, "SELECT 1", &is_new), 0);
	assert_false(is_new);
	assert_int_equal(pg_prepared_number(&p, "SELECT 3", &is_new), 1);
	assert_true(is_new);
	for (int i = 0; i < PG_PREPARED_MAX; i++) {
		snprintf(text, sizeof(text), "SELECT a%d", i);
		assert_int_equal(pg_prepared_number(&p, text, &is_new),
				 i + 2 < PG_PREPARED_MAX ? i + 2 : -1);
	}
	assert_false(is_new);
	pg_prepared_clear(&p);
	assert_int_equal(pg_prepared_number(&p, "SELECT 1", &is_new), 0);
	assert_true(is_new);
	pg_prepared_clear(&p);
}

static void migrations_are_numbered(void **state)
{
	(void)state;
	assert_true(schema_count > 0);
	for (size_t i = 0; i < schema_count; i++) {
		assert_true(schema_scripts[i].version >
			    (i == 0 ? 0 : schema_scripts[i - 1].version));
		assert_memory_equal(schema_scripts[i].sql, "--", 2); /* its reason on top */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_recognised),
		cmocka_unit_test(mistyped_tokens_are_noticed),
		cmocka_unit_test(arrays_are_encoded),
		cmocka_unit_test(scalars_are_encoded),
		cmocka_unit_test(errors_have_meanings),
		cmocka_unit_test(the_cache_is_bounded),
		cmocka_unit_test(what_is_used_stays),
		cmocka_unit_test(names_stand_when_the_server_took_them),
		cmocka_unit_test(migrations_are_numbered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
