/* See jwks.h. Keys are made of their numbers by OpenSSL, which also checks points and
 * signatures. */
#include "gateway/jwks.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base64.h"
#include "gateway/strict_json.h"

#define SET_VALUES_MAX	 4096
#define RSA_BYTES_MIN	 256
#define RSA_BYTES_MAX	 1024
#define EXPONENT_MAX	 8 /* bytes */
#define COORDINATE_BYTES 32
#define ED25519_BYTES	 32
#define ED25519_SIGNED	 64
#define WITHOUT_KID_MAX	 4 /* keys that are tried for a token that names none */

struct jwk {
	char kid[JWT_TEXT_MAX + 1];
	enum jwt_algorithm algorithm;
	EVP_PKEY *pkey;
};

struct jwks {
	size_t count;
	struct jwk key[JWKS_KEYS_MAX];
};

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *numbers)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(numbers);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return pkey;
}

/* A member that is base64url. */
static bool read_bytes(struct arena *a, const json_t *jwk, const char *name, struct slice *out)
{
	const json_t *value = json_object_get(jwk, name);

	return json_is_string(value) && base64_decode(a, BASE64_URL, json_string_value(value),
						      json_string_length(value), out) == 0;
}

static EVP_PKEY *read_rsa(struct arena *a, const json_t *jwk)
{
	OSSL_PARAM_BLD *numbers;
	struct slice n, e;
	BIGNUM *big_n, *big_e;
	EVP_PKEY *pkey = NULL;

	if (!read_bytes(a, jwk, "n", &n) || !read_bytes(a, jwk, "e", &e) ||
	    n.len < RSA_BYTES_MIN || n.len > RSA_BYTES_MAX || e.len == 0 ||
	    e.len > EXPONENT_MAX)
		return NULL;
	numbers = OSSL_PARAM_BLD_new();
	big_n = BN_bin2bn((const unsigned char *)n.data, (int)n.len, NULL);
	big_e = BN_bin2bn((const unsigned char *)e.data, (int)e.len, NULL);
	if (numbers != NULL && big_n != NULL && big_e != NULL && BN_is_odd(big_n) &&
	    BN_is_odd(big_e) && !BN_is_one(big_e) && BN_num_bits(big_n) >= 8 * RSA_BYTES_MIN &&
	    OSSL_PARAM_BLD_push_BN(numbers, OSSL_PKEY_PARAM_RSA_N, big_n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(numbers, OSSL_PKEY_PARAM_RSA_E, big_e) == 1)
		pkey = key_from("RSA", numbers);
	BN_free(big_n);
	BN_free(big_e);
	OSSL_PARAM_BLD_free(numbers);
	return pkey;
}

static bool on_curve(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool good = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return good;
}

static EVP_PKEY *read_p256(struct arena *a, const json_t *jwk)
{
	unsigned char point[1 + 2 * COORDINATE_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
	const char *curve = strict_json_text(jwk, "crv");
	OSSL_PARAM_BLD *numbers;
	struct slice x, y;
	EVP_PKEY *pkey = NULL;

	if (curve == NULL || strcmp(curve, "P-256") != 0 || !read_bytes(a, jwk, "x", &x) ||
	    !read_bytes(a, jwk, "y", &y) || x.len != COORDINATE_BYTES ||
	    y.len != COORDINATE_BYTES)
		return NULL;
	memcpy(point + 1, x.data, x.len);
	memcpy(point + 1 + COORDINATE_BYTES, y.data, y.len);
	numbers = OSSL_PARAM_BLD_new();
	if (numbers != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(numbers, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
					    0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(numbers, OSSL_PKEY_PARAM_PUB_KEY, point,
					     sizeof(point)) == 1)
		pkey = key_from("EC", numbers);
	OSSL_PARAM_BLD_free(numbers);
	if (pkey != NULL && !on_curve(pkey)) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	return pkey;
}

static EVP_PKEY *read_ed25519(struct arena *a, const json_t *jwk)
{
	const char *curve = strict_json_text(jwk, "crv");
	struct slice x;

	if (curve == NULL || strcmp(curve, "Ed25519") != 0 || !read_bytes(a, jwk, "x", &x) ||
	    x.len != ED25519_BYTES)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
					   (const unsigned char *)x.data, x.len);
}

static const struct {
	const char *type;
	enum jwt_algorithm algorithm;
	EVP_PKEY *(*read)(struct arena *a, const json_t *jwk);
} kinds[] = {
	{"RSA", JWT_RS256, read_rsa},
	{"EC", JWT_ES256, read_p256},
	{"OKP", JWT_EDDSA, read_ed25519},
};

/* false: it does not count. */
static bool read_key(struct arena *a, const json_t *jwk, struct jwk *out)
{
	const char *type = strict_json_text(jwk, "kty"), *use = strict_json_text(jwk, "use");
	const char *algorithm = strict_json_text(jwk, "alg");
	const char *kid = strict_json_text(jwk, "kid");

	if (type == NULL || (use != NULL && strcmp(use, "sig") != 0) ||
	    (kid != NULL && strlen(kid) > JWT_TEXT_MAX))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(type, kinds[i].type) != 0)
			continue;
		out->algorithm = kinds[i].algorithm;
		if (algorithm != NULL &&
		    strcmp(algorithm, jwt_algorithm_name(out->algorithm)) != 0)
			return false;
		out->pkey = kinds[i].read(a, jwk);
		memcpy(out->kid, kid == NULL ? "" : kid, kid == NULL ? 1 : strlen(kid) + 1);
		return out->pkey != NULL;
	}
	return false;
}

int jwks_parse(struct arena *a, const char *text, size_t len, struct jwks **out,
	       const char **why)
{
	struct jwks *set;
	json_t *json, *keys, *one;
	size_t i;

	*out = NULL;
	*why = "it is too long";
	if (len > JWKS_TEXT_MAX ||
	    strict_json_object(a, text, len, SET_VALUES_MAX, &json, why) < 0)
		return ERR_SYNTAX;
	keys = json_object_get(json, "keys");
	*why = "it has no list `keys`";
	if (!json_is_array(keys))
		return ERR_SYNTAX;
	set = xcalloc(1, sizeof(*set));
	json_array_foreach(keys, i, one) {
		if (set->count < JWKS_KEYS_MAX && read_key(a, one, &set->key[set->count]))
			set->count++;
	}
	*why = "it has no key for RS256, ES256 or EdDSA";
	if (set->count == 0) {
		jwks_free(set);
		return ERR_SYNTAX;
	}
	*out = set;
	return 0;
}

void jwks_free(struct jwks *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++)
		EVP_PKEY_free(set->key[i].pkey);
	free(set);
}

size_t jwks_count(const struct jwks *set)
{
	return set->count;
}

/* The two numbers of an ES256 signature as OpenSSL wants them; NULL, or free() it. */
static unsigned char *es256_der(struct slice raw, size_t *len)
{
	const unsigned char *bytes = (const unsigned char *)raw.data;
	ECDSA_SIG *sig = NULL;
	BIGNUM *r, *s;
	unsigned char *der = NULL;
	int n;

	if (raw.len != 2 * COORDINATE_BYTES)
		return NULL;
	sig = ECDSA_SIG_new();
	r = BN_bin2bn(bytes, COORDINATE_BYTES, NULL);
	s = BN_bin2bn(bytes + COORDINATE_BYTES, COORDINATE_BYTES, NULL);
	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(sig);
		return NULL;
	}
	n = i2d_ECDSA_SIG(sig, &der);
	ECDSA_SIG_free(sig);
	*len = n > 0 ? (size_t)n : 0;
	return n > 0 ? der : NULL;
}

static bool verify_bytes(EVP_PKEY *pkey, const EVP_MD *md, struct slice text,
			 const unsigned char *signature, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, md, NULL, pkey) == 1 &&
		    EVP_DigestVerify(ctx, signature, len, (const unsigned char *)text.data,
				     text.len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static bool signature_right(const struct jwk *key, const struct jwt *t)
{
	const unsigned char *raw = (const unsigned char *)t->signature.data;
	unsigned char *der;
	size_t len;
	bool good;

	switch (key->algorithm) {
	case JWT_RS256: /* RSASSA-PKCS1-v1_5, which is OpenSSL's padding for RSA */
		return verify_bytes(key->pkey, EVP_sha256(), t->signed_text, raw,
				    t->signature.len);
	case JWT_EDDSA:
		return t->signature.len == ED25519_SIGNED &&
		       verify_bytes(key->pkey, NULL, t->signed_text, raw, t->signature.len);
	case JWT_ES256:
		break;
	}
	der = es256_der(t->signature, &len);
	good = der != NULL && verify_bytes(key->pkey, EVP_sha256(), t->signed_text, der, len);
	OPENSSL_free(der);
	return good;
}

int jwks_verify(const struct jwks *set, const struct jwt *t)
{
	int rc = ERR_NOT_FOUND, tried = 0;

	for (size_t i = 0; i < set->count && tried < WITHOUT_KID_MAX; i++) {
		const struct jwk *key = &set->key[i];

		if (key->algorithm != t->algorithm ||
		    (t->kid != NULL && strcmp(key->kid, t->kid) != 0))
			continue;
		if (signature_right(key, t))
			return 0;
		rc = ERR_DENIED;
		tried++;
	}
	return rc;
}
