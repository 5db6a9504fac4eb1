/* Tokens whose signature was checked before: the same answers, and no others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "gateway/bearer_seen.h"

#define NOW 1700000000

static unsigned char seed[BEARER_KEY_BYTES] = {1, 2, 3};
static unsigned char public[BEARER_KEY_BYTES];

static const char *token(struct arena *a, const char *repository, int64_t expires)
{
	struct bearer_key *key = bearer_key_signing(7, seed);
	struct bearer_claims claims = {
		.audience = "registry",
		.issued_at = NOW,
		.not_before = NOW,
		.expires_at = expires,
		.credential_id = 3,
		.account_id = 4,
		.grants = {{repository, 5, BEARER_PULL}},
		.grant_count = 1,
	};
	const char *text = bearer_sign(a, key, &claims);

	bearer_key_free(key);
	assert_non_null(text);
	return text;
}

static int verify(struct bearer_seen *s, struct arena *a, const char *text, int64_t now,
		  struct bearer_claims *out)
{
	return bearer_seen_verify(s, a, 7, public, text, "registry", now, out);
}

static int make_public(void **state)
{
	EVP_PKEY *key =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	size_t len = sizeof(public);
	int rc = EVP_PKEY_get_raw_public_key(key, public, &len);

	(void)state;
	EVP_PKEY_free(key);
	return rc == 1 ? 0 : -1;
}

static void the_second_answer_is_as_the_first(void **state)
{
	struct bearer_seen *s = bearer_seen_new();
	struct bearer_claims c;
	(void)state;

	for (int i = 0; i < 3; i++) {
		struct arena *a = arena_new();

		assert_int_equal(verify(s, a, token(a, "a/b", NOW + 60), NOW + i, &c), 0);
		assert_int_equal(c.credential_id, 3);
		assert_non_null(bearer_grant_for(&c, "a/b"));
		assert_null(bearer_grant_for(&c, "a/c"));
		arena_free(a);
	}
	bearer_seen_free(s);
}

static void it_ends_when_the_token_ends(void **state)
{
	struct bearer_seen *s = bearer_seen_new();
	struct arena *a = arena_new();
	const char *text = token(a, "a/b", NOW + 60);
	struct bearer_claims c;
	(void)state;

	assert_int_equal(verify(s, a, text, NOW + 59, &c), 0);
	assert_int_equal(verify(s, a, text, NOW + 60, &c), ERR_DENIED);
	assert_int_equal(verify(s, a, text, NOW - 31, &c), ERR_DENIED);
	assert_int_equal(bearer_seen_verify(s, a, 7, public, text, "other", NOW, &c),
			 ERR_DENIED);
	arena_free(a);
	bearer_seen_free(s);
}

static void a_changed_token_or_key_is_another(void **state)
{
	struct bearer_seen *s = bearer_seen_new();
	struct arena *a = arena_new();
	char *text = arena_strdup(a, token(a, "a/b", NOW + 60));
	unsigned char other[BEARER_KEY_BYTES];
	struct bearer_claims c;
	(void)state;

	assert_int_equal(verify(s, a, text, NOW, &c), 0);
	memcpy(other, public, sizeof(other));
	other[0] ^= 1;
	assert_true(bearer_seen_verify(s, a, 7, other, text, "registry", NOW, &c) < 0);
	for (size_t i = 0; text[i] != '\0'; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		/* The last character of a part has bits that mean nothing. */
		if (text[i + 1] != '\0' && text[i + 1] != '.')
			assert_true(verify(s, a, text, NOW, &c) < 0);
		text[i] = was;
	}
	assert_int_equal(verify(s, a, text, NOW, &c), 0);
	arena_free(a);
	bearer_seen_free(s);
}

static void many_tokens_only_evict(void **state)
{
	struct bearer_seen *s = bearer_seen_new();
	struct bearer_claims c;
	(void)state;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 700; i++) {
			struct arena *a = arena_new();
			const char *name = arena_printf(a, "a/p%d", i);

			assert_int_equal(verify(s, a, token(a, name, NOW + 60), NOW, &c), 0);
			assert_non_null(bearer_grant_for(&c, name));
			arena_free(a);
		}
	}
	bearer_seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_answer_is_as_the_first),
		cmocka_unit_test(it_ends_when_the_token_ends),
		cmocka_unit_test(a_changed_token_or_key_is_another),
		cmocka_unit_test(many_tokens_only_evict),
	};

	return cmocka_run_group_tests(tests, make_public, NULL);
}
