/* gateway/bearer.h: RFC vector, round trip, and every way to forge or outlive a token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/base64.h"
#include "gateway/bearer.h"

#define NOW  1700000000
#define REST "\"cid\":1,\"uid\":1,\"access\":"

static struct arena *arena;
static struct bearer_key *key;
static const unsigned char seed[BEARER_KEY_BYTES] = {1, 2, 3};

static int open_all(void **state)
{
	(void)state;
	arena = arena_new();
	key = bearer_key_signing(7, seed);
	return key == NULL;
}

static int close_all(void **state)
{
	(void)state;
	bearer_key_free(key);
	arena_free(arena);
	return 0;
}

static struct bearer_claims sample(void)
{
	struct bearer_claims c = {.audience = "packhouse",
				  .issued_at = NOW,
				  .not_before = NOW,
				  .expires_at = NOW + 300,
				  .credential_id = 12,
				  .account_id = 34};

	c.grants[0] = (struct bearer_grant){"acme/app/web", 56, BEARER_PULL | BEARER_PUSH};
	c.grants[1] = (struct bearer_grant){"ada/tool", 0, BEARER_PULL};
	c.grant_count = 2;
	return c;
}

static int verify(const char *token, const char *audience, int64_t now)
{
	struct bearer_claims c;

	return bearer_verify(arena, key, token, audience, now, &c);
}

static void round_trip(void **state)
{
	struct bearer_claims in = sample(), out;
	const char *token = bearer_sign(arena, key, &in);
	int64_t id;

	(void)state;
	assert_int_equal(bearer_key_wanted(arena, token, &id), 0);
	assert_int_equal(id, 7);
	assert_int_equal(bearer_verify(arena, key, token, "packhouse", NOW + 1, &out), 0);
	assert_int_equal(out.credential_id, 12);
	assert_int_equal(out.account_id, 34);
	assert_int_equal(out.expires_at, NOW + 300);
	assert_int_equal(out.grant_count, 2);
	assert_int_equal(bearer_grant_for(&out, "acme/app/web")->actions,
			 BEARER_PULL | BEARER_PUSH);
	assert_int_equal(bearer_grant_for(&out, "acme/app/web")->namespace_id, 56);
	assert_null(bearer_grant_for(&out, "acme/app"));
}

static void times_and_audience(void **state)
{
	struct bearer_claims in = sample();
	const char *token = bearer_sign(arena, key, &in);

	(void)state;
	assert_int_equal(verify(token, "packhouse", NOW + 299), 0);
	assert_int_equal(verify(token, "packhouse", NOW + 300), ERR_DENIED);
	assert_int_equal(verify(token, "packhouse", NOW - 29), 0);
	assert_int_equal(verify(token, "packhouse", NOW - 31), ERR_DENIED);
	assert_int_equal(verify(token, "other", NOW), ERR_DENIED);
}

static const char *with_header(const char *json, const char *token)
{
	return arena_printf(arena, "%s%s", base64_encode(arena, BASE64_URL, json, strlen(json)),
			    strchr(token, '.'));
}

static void forgeries(void **state)
{
	struct bearer_claims in = sample();
	const char *token = bearer_sign(arena, key, &in);
	struct bearer_key *other = bearer_key_signing(7, (const unsigned char[32]){9});
	char *bent;

	(void)state;
	for (size_t i = 0; i < strlen(token); i++) {
		bent = arena_strdup(arena, token);
		bent[i] = bent[i] == 'A' ? 'B' : 'A';
		assert_true(verify(bent, "packhouse", NOW) < 0);
	}
	for (size_t i = 0; i < strlen(token); i++)
		assert_true(verify(arena_memdup(arena, token, i), "packhouse", NOW) < 0);
	assert_int_equal(verify(bearer_sign(arena, other, &in), "packhouse", NOW), ERR_DENIED);
	assert_int_equal(verify(with_header("{\"alg\":\"none\",\"typ\":\"JWT\"}", token),
				"packhouse", NOW),
			 ERR_SYNTAX);
	assert_int_equal(
		verify(with_header("{\"alg\":\"HS256\",\"kid\":\"7\",\"typ\":\"JWT\"}", token),
		       "packhouse", NOW),
		ERR_SYNTAX);
	assert_int_equal(
		verify(with_header(
			       "{\"alg\":\"EdDSA\",\"kid\":\"7\",\"jwk\":{},\"typ\":\"JWT\"}",
			       token),
		       "packhouse", NOW),
		ERR_SYNTAX);
	assert_int_equal(
		verify(with_header("{\"alg\":\"EdDSA\",\"kid\":\"007\",\"typ\":\"JWT\"}",
				   token),
		       "packhouse", NOW),
		ERR_SYNTAX);
	bearer_key_free(other);
}

static void bad_claims(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"aud\":1,\"iat\":1,\"nbf\":1,\"exp\":2,\"cid\":1,\"uid\":1,\"access\":[]}",
		"{\"aud\":\"a\",\"iat\":1,\"nbf\":1,\"cid\":1,\"uid\":1,\"access\":[]}",
		"{\"aud\":\"a\",\"iat\":1,\"nbf\":3,\"exp\":2," REST "[]}",
		"{\"aud\":\"a\",\"iat\":1,\"nbf\":1,\"exp\":2," REST "[1]}",
		"{\"aud\":\"a\",\"iat\":1,\"nbf\":1,\"exp\":2," REST "{}}",
	};
	struct bearer_claims c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bearer_claims_parse(arena, bad[i], strlen(bad[i]), &c),
				 ERR_SYNTAX);
}

static void actions(void **state)
{
	(void)state;
	assert_int_equal(bearer_actions_parse("pull", 4), BEARER_PULL);
	assert_int_equal(bearer_actions_parse("push,pull", 9), BEARER_PULL | BEARER_PUSH);
	assert_int_equal(bearer_actions_parse("pull,,x,pul", 11), BEARER_PULL);
	assert_int_equal(bearer_actions_parse("*", 1),
			 BEARER_PULL | BEARER_PUSH | BEARER_DELETE);
	assert_int_equal(bearer_actions_parse("", 0), 0);
}

/* RFC 8037 appendix A: the key pair of RFC 8032, and its public half verifies what it signs. */
static void rfc8037_keys(void **state)
{
	static const char d[] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
	static const char x[] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
	struct bearer_claims in = sample(), out;
	struct bearer_key *secret, *pub;
	struct slice s, p;

	(void)state;
	assert_int_equal(base64_decode(arena, BASE64_URL, d, strlen(d), &s), 0);
	assert_int_equal(base64_decode(arena, BASE64_URL, x, strlen(x), &p), 0);
	assert_int_equal(s.len, BEARER_KEY_BYTES);
	assert_int_equal(p.len, BEARER_KEY_BYTES);
	secret = bearer_key_signing(1, (const unsigned char *)s.data);
	pub = bearer_key_verifying(1, (const unsigned char *)p.data);
	assert_int_equal(bearer_verify(arena, pub, bearer_sign(arena, secret, &in), "packhouse",
				       NOW, &out),
			 0);
	assert_null(bearer_sign(arena, pub, &in));
	bearer_key_free(secret);
	bearer_key_free(pub);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(round_trip), CASE(times_and_audience),
					   CASE(forgeries),  CASE(bad_claims),
					   CASE(actions),    CASE(rfc8037_keys)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
