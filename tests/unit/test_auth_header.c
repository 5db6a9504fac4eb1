/* gateway/auth_header.h and gateway/base64.h: every form in which clients send a credential. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/auth_header.h"
#include "gateway/base64.h"

#define TOKEN "ph_0123456789abcdefghijABCDEFGHIJ0123456789"

static struct arena *arena;

static int open_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void expect(const char *header, enum auth_kind kind, const char *user,
		   const char *secret)
{
	struct auth_header h;

	if (auth_header_parse(arena, header, strlen(header), &h) < 0)
		fail_msg("'%s' was refused", header);
	assert_int_equal(h.kind, kind);
	assert_string_equal(h.user, user);
	assert_string_equal(h.secret, secret);
}

static const char *encoded(const char *scheme, const char *text)
{
	return arena_printf(arena, "%s %s", scheme,
			    base64_encode(arena, BASE64_STANDARD, text, strlen(text)));
}

static void forms(void **state)
{
	(void)state;
	expect("", AUTH_KIND_NONE, "", "");
	expect(encoded("Basic", ":"), AUTH_KIND_NONE, "", "");
	expect(encoded("Basic", "ada:" TOKEN), AUTH_KIND_CREDENTIAL, "ada", TOKEN);
	expect(encoded("basic", "ada:a:b"), AUTH_KIND_CREDENTIAL, "ada", "a:b");
	expect("Bearer " TOKEN, AUTH_KIND_CREDENTIAL, "", TOKEN);
	expect("token " TOKEN, AUTH_KIND_CREDENTIAL, "", TOKEN);
	expect(encoded("Bearer", TOKEN), AUTH_KIND_CREDENTIAL, "", TOKEN);
	expect(encoded("Bearer", "ada:" TOKEN), AUTH_KIND_CREDENTIAL, "ada", TOKEN);
	expect("Bearer aaa.bbb.ccc", AUTH_KIND_COMPACT, "", "aaa.bbb.ccc");
}

static void refused(void **state)
{
	static const char *const bad[] = {"Basic",	    "Basic ",	      "Basic ***",
					  "Basic YWRh",	    "Digest a=b",     "Bearer ",
					  "Bearer a b",	    "Basic YWRhOg==", "Bearer a\tb",
					  "Basic YTpiAA==", "Bearer Og=="};
	struct auth_header h;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (auth_header_parse(arena, bad[i], strlen(bad[i]), &h) != ERR_SYNTAX)
			fail_msg("'%s' was accepted", bad[i]);
	}
}

/* RFC 4648 §10, and what strictness refuses. */
static void base64_vectors(void **state)
{
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const code[] = {"",	       "Zg==",	   "Zm8=",    "Zm9v",
					   "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	static const char *const bad[] = {"Z",	  "Zh==", "Zm9=",  "Zg=a",
					  "Z===", "Zg=",  "Z m9v", "-_"};
	struct slice out;

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		assert_string_equal(
			base64_encode(arena, BASE64_STANDARD, plain[i], strlen(plain[i])),
			code[i]);
		assert_int_equal(
			base64_decode(arena, BASE64_STANDARD, code[i], strlen(code[i]), &out),
			0);
		assert_int_equal(out.len, strlen(plain[i]));
		assert_memory_equal(out.data, plain[i], out.len);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (base64_decode(arena, BASE64_STANDARD, bad[i], strlen(bad[i]), &out) == 0)
			fail_msg("'%s' was accepted", bad[i]);
	}
	assert_string_equal(base64_encode(arena, BASE64_URL, "\xfb\xff", 2), "-_8");
	assert_int_equal(base64_decode(arena, BASE64_URL, "-_8", 3, &out), 0);
	assert_int_equal(base64_decode(arena, BASE64_URL, "-_8=", 4, &out), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(forms, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(refused, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(base64_vectors, open_arena, close_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
