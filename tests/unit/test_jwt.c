/* gateway/jwt.h, jwks.h and oidc_rules.h: vectors of the RFCs, forgeries, claims, rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "gateway/base64.h"
#include "gateway/jwks.h"
#include "gateway/oidc_rules.h"

#define NOW    1700000000
#define ISSUER "https://issuer.example/x"

/* RFC 7515, appendices A.2 and A.3: key and signature over the same claims. */
#define RFC_CLAIMS                                                                        \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19" \
	"yb290Ijp0cnVlfQ"
#define RSA_KEY                                                                           \
	"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26m" \
	"PddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b3" \
	"2690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTB" \
	"EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8N" \
	"Aco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}"
#define RSA_TOKEN                                                                         \
	"eyJhbGciOiJSUzI1NiJ9." RFC_CLAIMS                                                \
	".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_" \
	"lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75" \
	"vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHW" \
	"EsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlV" \
	"mtVrBp0igcN_IoypGlUPQGe77Rw"
#define EC_KEY                                                                             \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPH" \
	"vRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define EC_TOKEN                                                                          \
	"eyJhbGciOiJFUzI1NiJ9." RFC_CLAIMS                                                \
	".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3" \
	"-Kg6NU1Q"

static struct arena *arena;
static EVP_PKEY *key; /* Ed25519 */
static struct jwks *set;
static const char *set_text;
static const unsigned char seed[32] = {7};

static int open_all(void **state)
{
	unsigned char public[32];
	size_t len = sizeof(public);
	const char *why;

	(void)state;
	arena = arena_new();
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	EVP_PKEY_get_raw_public_key(key, public, &len);
	set_text = arena_printf(
		arena,
		"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"k1\"},"
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k1\",\"x\":\"%s\"}]}",
		base64_encode(arena, BASE64_URL, public, len));
	return jwks_parse(arena, set_text, strlen(set_text), &set, &why);
}

static int close_all(void **state)
{
	(void)state;
	jwks_free(set);
	EVP_PKEY_free(key);
	arena_free(arena);
	return 0;
}

static const char *encoded(const char *text)
{
	return base64_encode(arena, BASE64_URL, text, strlen(text));
}

static const char *sign(const char *header, const char *claims)
{
	const char *body = arena_printf(arena, "%s.%s", encoded(header), encoded(claims));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char signature[64];
	size_t len = sizeof(signature);

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(
		EVP_DigestSign(ctx, signature, &len, (const unsigned char *)body, strlen(body)),
		1);
	EVP_MD_CTX_free(ctx);
	return arena_printf(arena, "%s.%s", body,
			    base64_encode(arena, BASE64_URL, signature, len));
}

/* Parsed, verified and judged. */
static int judge(const char *token)
{
	struct jwt_expected e = {ISSUER, "packhouse", NOW};
	struct jwt t;
	const char *why;
	int rc;

	rc = jwt_parse(arena, token, strlen(token), &t, &why);
	if (rc == 0)
		rc = jwks_verify(set, &t);
	return rc < 0 ? rc : jwt_judge(&t, &e, &why);
}

#define HEADER "{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"typ\":\"JWT\"}"
#define WITH(MORE) \
	"{\"iss\":\"" ISSUER "\",\"sub\":\"me\",\"iat\":1700000000,\"exp\":1700000300" MORE "}"
#define GOOD WITH(",\"aud\":\"packhouse\"")

static int verify_with(const char *keys, const char *token)
{
	const char *why, *text = arena_printf(arena, "{\"keys\":[%s]}", keys);
	struct jwks *one;
	struct jwt t;
	int rc;

	assert_int_equal(jwks_parse(arena, text, strlen(text), &one, &why), 0);
	assert_int_equal(jwt_parse(arena, token, strlen(token), &t, &why), 0);
	rc = jwks_verify(one, &t);
	jwks_free(one);
	return rc;
}

static void vectors(void **state)
{
	char *bent = arena_strdup(arena, RSA_TOKEN);

	(void)state;
	assert_int_equal(verify_with(RSA_KEY, RSA_TOKEN), 0);
	assert_int_equal(verify_with(EC_KEY, EC_TOKEN), 0);
	assert_int_equal(verify_with(EC_KEY "," RSA_KEY, RSA_TOKEN), 0);
	assert_int_equal(verify_with(RSA_KEY, EC_TOKEN), ERR_NOT_FOUND);
	bent[strlen(bent) - 10] ^= 1;
	assert_int_equal(verify_with(RSA_KEY, bent), ERR_DENIED);
}

/* RFC 8037, appendix A.4: its payload is no JSON. */
static void vector_of_ed25519(void **state)
{
	const char *text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	const char *signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGj"
				"g5BhVsPt9g7sVvpAr_MuM0KAg";
	const char *keys =
		"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfV"
		"S_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
	struct jwt t = {.algorithm = JWT_EDDSA, .signed_text = {text, strlen(text)}};
	struct jwks *one;
	const char *why;

	(void)state;
	assert_int_equal(jwks_parse(arena, keys, strlen(keys), &one, &why), 0);
	assert_int_equal(
		base64_decode(arena, BASE64_URL, signature, strlen(signature), &t.signature),
		0);
	assert_int_equal(jwks_verify(one, &t), 0);
	t.signed_text.len--;
	assert_int_equal(jwks_verify(one, &t), ERR_DENIED);
	jwks_free(one);
}

static void forgeries(void **state)
{
	const char *token = sign(HEADER, GOOD);
	static const char *const headers[] = {
		"{\"alg\":\"none\"}",
		"{\"alg\":\"None\",\"kid\":\"k1\"}",
		"{\"alg\":\"HS256\",\"kid\":\"k1\"}",
		"{\"alg\":\"RS512\",\"kid\":\"k1\"}",
		"{\"kid\":\"k1\"}",
		"{\"alg\":[\"EdDSA\"],\"kid\":\"k1\"}",
		"{\"alg\":\"EdDSA\",\"kid\":1}",
		"{\"alg\":\"EdDSA\",\"alg\":\"none\",\"kid\":\"k1\"}",
		"{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"crit\":[\"b64\"],\"b64\":false}",
		"{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}",
		"[]",
		"",
	};

	(void)state;
	assert_int_equal(judge(token), 0);
	for (size_t i = 0; i < strlen(token); i++) {
		char *bent = arena_strdup(arena, token);

		bent[i] = bent[i] == 'A' ? 'B' : 'A';
		assert_true(judge(bent) < 0);
		assert_true(judge(arena_memdup(arena, token, i)) < 0);
	}
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(judge(sign(headers[i], GOOD)), ERR_SYNTAX);
	/* Another key, and keys that the token brings along. */
	assert_int_equal(judge(sign("{\"alg\":\"EdDSA\",\"kid\":\"k2\"}", GOOD)),
			 ERR_NOT_FOUND);
	assert_int_equal(judge(sign("{\"alg\":\"RS256\",\"kid\":\"k1\"}", GOOD)),
			 ERR_NOT_FOUND);
	assert_int_equal(judge(sign("{\"alg\":\"EdDSA\",\"kid\":\"k2\",\"jku\":\"https://x/\","
				    "\"jwk\":{\"kty\":\"OKP\"}}",
				    GOOD)),
			 ERR_NOT_FOUND);
	/* Without a kid any key that fits. */
	assert_int_equal(judge(sign("{\"alg\":\"EdDSA\"}", GOOD)), 0);
	assert_int_equal(judge(arena_printf(arena, "%s.", token)), ERR_SYNTAX);
	assert_int_equal(judge(arena_printf(arena, "%s=", token)), ERR_SYNTAX);
}

static void claims(void **state)
{
	static const char *const good[] = {
		GOOD,
		WITH(",\"aud\":[\"else\",\"packhouse\"]"),
		WITH(",\"aud\":\"packhouse\",\"nbf\":1700000059"),
		WITH(",\"aud\":\"packhouse\",\"nbf\":1699999999.5"),
		"{\"iss\":\"" ISSUER "\",\"sub\":\"me\",\"iat\":1,\"exp\":1699999941,"
		"\"aud\":\"packhouse\"}",
	};
	static const char *const bad[] = {
		WITH(",\"aud\":\"Packhouse\""),
		WITH(",\"aud\":[]"),
		WITH(",\"aud\":{\"packhouse\":1}"),
		WITH(""),
		WITH(",\"aud\":\"packhouse\",\"nbf\":1700000061"),
		WITH(",\"aud\":\"packhouse\",\"nbf\":\"1\""),
		WITH(",\"aud\":\"packhouse\",\"nbf\":-1"),
		WITH(",\"aud\":\"packhouse\",\"nbf\":1e300"),
		"{\"iss\":\"" ISSUER "\",\"sub\":\"me\",\"iat\":1,\"exp\":1699999940,"
		"\"aud\":\"packhouse\"}",
		"{\"iss\":\"" ISSUER "\",\"sub\":\"me\",\"iat\":1700000061,\"exp\":1700009999,"
		"\"aud\":\"packhouse\"}",
		"{\"iss\":\"" ISSUER "\",\"sub\":\"me\",\"exp\":1700009999,"
		"\"aud\":\"packhouse\"}",
		"{\"iss\":\"" ISSUER "\",\"sub\":\"me\",\"iat\":1,\"aud\":\"packhouse\"}",
		"{\"iss\":\"" ISSUER "\",\"sub\":\"\",\"iat\":1,\"exp\":1700009999,"
		"\"aud\":\"packhouse\"}",
		"{\"iss\":\"" ISSUER "/\",\"sub\":\"me\",\"iat\":1,\"exp\":1700009999,"
		"\"aud\":\"packhouse\"}",
		"{\"sub\":\"me\",\"iat\":1,\"exp\":1700009999,\"aud\":\"packhouse\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(judge(sign(HEADER, good[i])), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(judge(sign(HEADER, bad[i])), ERR_DENIED);
	assert_int_equal(judge(sign(HEADER, "{\"aud\":\"a\",\"aud\":\"packhouse\"}")),
			 ERR_SYNTAX);
}

static int judge_id(const char *more)
{
	const char *why, *token = sign(HEADER, arena_printf(arena, "%s%s}", "{\"x\":1", more));
	struct jwt t;

	assert_int_equal(jwt_parse(arena, token, strlen(token), &t, &why), 0);
	return jwt_judge_id(&t, "client", "our-nonce", &why);
}

#define NONCE ",\"nonce\":\"our-nonce\""

static void id_tokens(void **state)
{
	static const char *const bad[] = {
		",\"aud\":\"client\"",
		",\"aud\":\"client\",\"nonce\":\"other\"",
		",\"aud\":\"client\",\"nonce\":[\"our-nonce\"]",
		NONCE ",\"aud\":[\"client\",\"else\"]",
		NONCE ",\"aud\":\"client\",\"azp\":\"else\"",
		NONCE ",\"aud\":[\"client\",\"else\"],\"azp\":\"else\"",
		NONCE ",\"aud\":\"client\",\"azp\":[\"client\"]",
		NONCE ",\"aud\":\"client\",\"azp\":null",
	};

	(void)state;
	assert_int_equal(judge_id(NONCE ",\"aud\":\"client\""), 0);
	assert_int_equal(judge_id(NONCE ",\"aud\":[\"client\"]"), 0);
	assert_int_equal(judge_id(NONCE ",\"aud\":[\"else\",\"client\"],\"azp\":\"client\""),
			 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(judge_id(bad[i]), ERR_DENIED);
}

static void keys_that_do_not_count(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"keys\":{}}",
		"{\"keys\":[]}",
		"{\"keys\":[1,{},{\"kty\":7}]}",
		"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
		"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
		"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1g"
		"HMzV76e8Tus9uPHvRVEU\",\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}"
		"]}",
		"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}",
		"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"enc\",\"x\":\"11qYA"
		"YKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
		"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"RS256\",\"x\":\"11q"
		"YAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
		"not json",
	};
	struct jwks *one;
	const char *why;

	(void)state;
	assert_int_equal(jwks_count(set), 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(jwks_parse(arena, texts[i], strlen(texts[i]), &one, &why),
				 ERR_SYNTAX);
}

static json_t *json(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	arena_defer(arena, (void (*)(void *))json_decref, value);
	return value;
}

static void patterns(void **state)
{
	(void)state;
	assert_true(oidc_pattern_fits("refs/heads/*", "refs/heads/a/b"));
	assert_true(oidc_pattern_fits("*", ""));
	assert_true(oidc_pattern_fits("a*b*c", "a-b-b-c"));
	assert_true(oidc_pattern_fits("a**", "a"));
	assert_false(oidc_pattern_fits("a*b", "a-b-c"));
	assert_false(oidc_pattern_fits("", "a"));
	assert_false(oidc_pattern_fits("a", "A"));
	assert_false(oidc_pattern_fits("refs/heads/main", "refs/heads/main2"));
	assert_false(oidc_pattern_fits("*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void rules_lead_to_repositories(void **state)
{
	const json_t *rules =
		json("[{\"match\":{\"owner_id\":\"42\",\"ref\":[\"refs/heads/main\","
		     "\"refs/tags/v*\"]},"
		     "\"repository\":\"{repository}\",\"packages\":\"write\"},"
		     "{\"match\":{\"owner_id\":\"42\"},\"repository\":\"Acme/{name}\","
		     "\"packages\":\"read\"},"
		     "{\"match\":{\"/kubernetes.io/namespace\":\"ci\",\"groups\":\"b*\"},"
		     "\"repository\":\"acme/site\",\"packages\":\"write\"}]");
	struct oidc_grant g;
	const char *why;

	(void)state;
	assert_int_equal(oidc_rules_check(arena, rules, &why), 0);
	assert_int_equal(oidc_rules_apply(arena, rules,
					  json("{\"owner_id\":42,\"ref\":\"refs/tags/v1\","
					       "\"repository\":\"ACME/App\"}"),
					  &g),
			 0);
	assert_string_equal(g.owner, "acme");
	assert_string_equal(g.repository, "App");
	assert_true(g.write);
	assert_int_equal(oidc_rules_apply(arena, rules,
					  json("{\"owner_id\":\"42\",\"ref\":\"refs/x\","
					       "\"name\":\"tool\"}"),
					  &g),
			 0);
	assert_string_equal(g.repository, "tool");
	assert_false(g.write);
	assert_int_equal(oidc_rules_apply(arena, rules,
					  json("{\"kubernetes.io\":{\"namespace\":\"ci\"},"
					       "\"groups\":[\"a\",\"bc\"]}"),
					  &g),
			 0);
	assert_string_equal(g.repository, "site");
	assert_int_equal(oidc_rules_apply(arena, rules, json("{\"owner_id\":\"43\"}"), &g),
			 ERR_NOT_FOUND);
	assert_int_equal(oidc_rules_apply(arena, rules, json("{}"), &g), ERR_NOT_FOUND);
	/* What claims say may be no repository. */
	assert_int_equal(oidc_rules_apply(arena, rules,
					  json("{\"owner_id\":\"42\",\"name\":\"../other/x\"}"),
					  &g),
			 ERR_SYNTAX);
	assert_int_equal(oidc_rules_apply(arena, rules, json("{\"owner_id\":\"42\"}"), &g),
			 ERR_SYNTAX);
}

static void rules_that_are_none(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[1]",
		"[{}]",
		"[{\"match\":{},\"repository\":\"a/b\",\"packages\":\"read\"}]",
		"[{\"match\":{\"a\":1},\"repository\":\"a/b\",\"packages\":\"read\"}]",
		"[{\"match\":{\"a\":[]},\"repository\":\"a/b\",\"packages\":\"read\"}]",
		"[{\"match\":{\"a\":\"\"},\"repository\":\"a/b\",\"packages\":\"read\"}]",
		"[{\"match\":{\"\":\"x\"},\"repository\":\"a/b\",\"packages\":\"read\"}]",
		"[{\"match\":{\"a\":\"x\"},\"repository\":\"a\",\"packages\":\"read\"}]",
		"[{\"match\":{\"a\":\"x\"},\"repository\":\"a/b/c\",\"packages\":\"read\"}]",
		"[{\"match\":{\"a\":\"x\"},\"repository\":\"a/{b\",\"packages\":\"read\"}]",
		"[{\"match\":{\"a\":\"x\"},\"repository\":\"a/{}\",\"packages\":\"read\"}]",
		"[{\"match\":{\"a\":\"x\"},\"repository\":\"a/b\",\"packages\":\"admin\"}]",
		"[{\"match\":{\"a\":\"x\"},\"repository\":\"a/b\"}]",
		"[{\"match\":{\"a\":\"x\"},\"packages\":\"read\"}]",
		("[{\"match\":{\"a\":\"x\"},\"repository\":\"a/b\",\"packages\":\"read\","
		 "\"more\":1}]"),
	};
	const char *why;

	(void)state;
	assert_int_equal(oidc_rules_check(arena, json("[]"), &why), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(oidc_rules_check(arena, json(texts[i]), &why), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(vector_of_ed25519),
		cmocka_unit_test(forgeries),
		cmocka_unit_test(claims),
		cmocka_unit_test(id_tokens),
		cmocka_unit_test(keys_that_do_not_count),
		cmocka_unit_test(patterns),
		cmocka_unit_test(rules_lead_to_repositories),
		cmocka_unit_test(rules_that_are_none),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
