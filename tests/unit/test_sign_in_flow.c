/* gateway/sign_in_flow.h and oidc_accounts.h: what ties a sign-in to a browser; whose account
 * is made. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "gateway/base64.h"
#include "gateway/oidc_accounts.h"
#include "gateway/sign_in_flow.h"

#define NOW  1700000000
#define KEY  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY2 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefe"
#define SALT "0123456789abcdef0123456789abcdef"

static struct arena *arena;

static int open_all(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static int resume(const char *key, int64_t issuer, const char *state, int64_t now,
		  struct sign_in_flow *out)
{
	memset(out, 0, sizeof(*out));
	return sign_in_resume(arena, key, issuer, state, now, out);
}

static void comes_back(void **state)
{
	struct sign_in_flow went, came, other;
	unsigned char hash[SHA256_DIGEST_LENGTH];

	(void)state;
	sign_in_begin(arena, KEY, 7, "/a?b=c&d", SALT, NOW, &went);
	assert_true(strlen(went.state) < SIGN_IN_STATE_MAX);
	assert_int_equal(resume(KEY, 7, went.state, NOW + SIGN_IN_LIFE_S, &came), 0);
	assert_string_equal(came.return_to, "/a?b=c&d");
	assert_string_equal(came.nonce, went.nonce);
	assert_string_equal(came.verifier, went.verifier);
	/* RFC 7636, 4.1 and 4.2 */
	assert_true(strlen(went.verifier) >= 43 && strlen(went.verifier) <= 128);
	SHA256((const unsigned char *)went.verifier, strlen(went.verifier), hash);
	assert_string_equal(went.challenge,
			    base64_encode(arena, BASE64_URL, hash, sizeof(hash)));
	assert_string_not_equal(went.nonce, went.verifier);
	assert_null(strstr(went.state, went.nonce));
	assert_null(strstr(went.state, went.verifier));
	sign_in_begin(arena, KEY, 7, "/a?b=c&d", "1" SALT, NOW, &other);
	assert_string_not_equal(other.nonce, went.nonce);
	assert_string_not_equal(other.verifier, went.verifier);
	sign_in_begin(arena, KEY, 8, "/a?b=c&d", SALT, NOW, &other);
	assert_string_not_equal(other.verifier, went.verifier);
}

static void does_not_come_back(void **state)
{
	static const char *const texts[] = {"", ".", "..", "...", "1.2.3.4", "x", "1700000000"};
	struct sign_in_flow went, came;
	size_t len;

	(void)state;
	sign_in_begin(arena, KEY, 7, "/", SALT, NOW, &went);
	assert_int_equal(resume(KEY2, 7, went.state, NOW, &came), ERR_DENIED);
	assert_int_equal(resume(KEY, 8, went.state, NOW, &came), ERR_DENIED);
	assert_int_equal(resume(KEY, 7, went.state, NOW + SIGN_IN_LIFE_S + 1, &came),
			 -ETIMEDOUT);
	assert_int_equal(resume(KEY, 7, went.state, NOW - 61, &came), -ETIMEDOUT);
	assert_int_equal(resume(KEY, 7, went.state, NOW - 60, &came), 0);
	len = strlen(went.state);
	for (size_t i = 0; i < len; i++) {
		char *bent = arena_strdup(arena, went.state);

		bent[i] = bent[i] == 'A' ? 'B' : 'A';
		assert_int_equal(resume(KEY, 7, bent, NOW, &came), ERR_DENIED);
		bent[i] = '\0';
		assert_int_equal(resume(KEY, 7, bent, NOW, &came), ERR_DENIED);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(resume(KEY, 7, texts[i], NOW, &came), ERR_DENIED);
	assert_int_equal(
		resume(KEY, 7, arena_printf(arena, "%s%01100d", went.state, 0), NOW, &came),
		ERR_DENIED);
}

/* Whoever has the key can make a state of anything: it is looked at all the same. */
static void nothing_else_is_signed(void **state)
{
	struct sign_in_flow went, came;

	(void)state;
	sign_in_begin(arena, KEY, 7, "//evil.example", SALT, NOW, &went);
	assert_int_equal(resume(KEY, 7, went.state, NOW, &came), ERR_DENIED);
	sign_in_begin(arena, KEY, 7, "/", "short", NOW, &went);
	assert_int_equal(resume(KEY, 7, went.state, NOW, &came), ERR_DENIED);
	sign_in_begin(arena, KEY, 7, "/", SALT, 1000000000000000, &went);
	assert_int_equal(resume(KEY, 7, went.state, NOW, &came), ERR_DENIED);
}

static void return_addresses(void **state)
{
	static const char *const good[] = {"/", "/acme?tab=1", "/a//b", "/%0a", "/a:b@c"};
	static const char *const bad[] = {
		"",	      "acme",  "//evil.example",  "/\\evil.example",
		"https://x/", "/a b",  "/a\nSet-Cookie:", "/\t/evil",
		"/a\\b",      "/\x7f", "/\xc3\xa9"};
	char *path = arena_printf(arena, "/%0*d", SIGN_IN_RETURN_MAX - 1, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(sign_in_return_fine(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sign_in_return_fine(bad[i]));
	assert_true(sign_in_return_fine(path));
	assert_false(sign_in_return_fine(arena_printf(arena, "%s0", path)));
	assert_true(sign_in_key_fine(KEY, strlen(KEY)));
	assert_false(sign_in_key_fine(KEY, strlen(KEY) - 1));
	assert_false(sign_in_key_fine(arena_printf(arena, "G%s", &KEY[1]), strlen(KEY)));
}

static json_t *json(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	arena_defer(arena, (void (*)(void *))json_decref, value);
	return value;
}

#define CREATES                                                                         \
	"{\"match\":{\"groups\":\"dev*\"},\"login\":\"{preferred_username}\",\"name\":" \
	"\"{given} {family}\",\"email\":\"{email}\"}"

static int apply(const char *claims, struct oidc_person *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	return oidc_accounts_apply(arena, json(CREATES), json(claims), out, why);
}

static void accounts(void **state)
{
	struct oidc_person p;
	const char *why;

	(void)state;
	assert_int_equal(apply("{\"groups\":[\"x\",\"dev-a\"],\"preferred_username\":\"Ada-L\","
			       "\"given\":\"Ada\",\"family\":\"L\",\"email\":\"a@b.c\"}",
			       &p, &why),
			 0);
	assert_string_equal(p.login, "ada-l");
	assert_string_equal(p.name, "Ada L");
	assert_string_equal(p.email, "a@b.c");
	assert_int_equal(apply("{\"groups\":\"dev\",\"preferred_username\":\"ada\"}", &p, &why),
			 0);
	assert_string_equal(p.name, "");
	assert_string_equal(p.email, "");
	assert_int_equal(
		apply("{\"groups\":[\"ops\"],\"preferred_username\":\"ada\"}", &p, &why),
		ERR_NOT_FOUND);
	assert_non_null(strstr(why, "no account is linked"));
	assert_int_equal(apply("{\"groups\":\"dev\"}", &p, &why), ERR_SYNTAX);
	assert_int_equal(
		apply("{\"groups\":\"dev\",\"preferred_username\":\"login\"}", &p, &why),
		ERR_SYNTAX);
	assert_non_null(strstr(why, "reserved"));
	assert_int_equal(
		apply("{\"groups\":\"dev\",\"preferred_username\":\"ada@b.c\"}", &p, &why),
		ERR_SYNTAX);
	assert_non_null(strstr(why, "none here"));
	assert_int_equal(
		oidc_accounts_apply(arena, json("null"), json("{\"sub\":\"x\"}"), &p, &why),
		ERR_NOT_FOUND);
}

static void rules_that_are_none(void **state)
{
	static const char *const texts[] = {
		"1",
		"[]",
		"{}",
		"{\"match\":{},\"login\":\"{sub}\"}",
		"{\"match\":{\"a\":1},\"login\":\"{sub}\"}",
		"{\"login\":\"{sub}\"}",
		"{\"match\":{\"a\":\"b\"}}",
		"{\"match\":{\"a\":\"b\"},\"login\":\"{\"}",
		"{\"match\":{\"a\":\"b\"},\"login\":\"{}\"}",
		"{\"match\":{\"a\":\"b\"},\"login\":\"everybody\"}",
		"{\"match\":{\"a\":\"b\"},\"login\":\"{sub}\",\"name\":1}",
		"{\"match\":{\"a\":\"b\"},\"login\":\"{sub}\",\"email\":\"}\"}",
		"{\"match\":{\"a\":\"b\"},\"login\":\"{sub}\",\"link_by\":\"email\"}",
	};
	const char *why;

	(void)state;
	assert_int_equal(oidc_accounts_check(arena, json("null"), &why), 0);
	assert_int_equal(oidc_accounts_check(arena, json(CREATES), &why), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(oidc_accounts_check(arena, json(texts[i]), &why), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(does_not_come_back),
		cmocka_unit_test(nothing_else_is_signed),
		cmocka_unit_test(return_addresses),
		cmocka_unit_test(accounts),
		cmocka_unit_test(rules_that_are_none),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
