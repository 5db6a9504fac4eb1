/* OpenSSL's scrypt. What a stored text asks for is bounded before it is done. */
#include "gateway/password.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base64.h"

#define SALT_BYTES 16
#define KEY_BYTES  32
#define LOG_N	   15
#define BLOCK	   8
#define LANES	   1
#define MEMORY_MAX (160ULL * 1024 * 1024)

struct parameters {
	unsigned log_n, r, p;
	unsigned char salt[SALT_BYTES];
	unsigned char key[KEY_BYTES];
};

static bool derive(const char *password, const struct parameters *x,
		   unsigned char key[KEY_BYTES])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	uint64_t n = 1ULL << x->log_n, r = x->r, p = x->p, memory = MEMORY_MAX;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD, (void *)password,
						  strlen(password)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)x->salt,
						  SALT_BYTES),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
		OSSL_PARAM_construct_end(),
	};
	bool good = ctx != NULL && EVP_KDF_derive(ctx, key, KEY_BYTES, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return good;
}

bool password_keep(const char *password, char secret[PASSWORD_SECRET_MAX])
{
	struct parameters x = {.log_n = LOG_N, .r = BLOCK, .p = LANES};
	struct arena *a;

	if (RAND_bytes(x.salt, SALT_BYTES) != 1 || !derive(password, &x, x.key))
		return false;
	a = arena_new();
	snprintf(secret, PASSWORD_SECRET_MAX, "scrypt$%u$%u$%u$%s$%s", x.log_n, x.r, x.p,
		 base64_encode(a, BASE64_URL, x.salt, SALT_BYTES),
		 base64_encode(a, BASE64_URL, x.key, KEY_BYTES));
	arena_free(a);
	return true;
}

static bool read_secret(struct arena *a, const char *secret, struct parameters *x)
{
	char salt[32], key[64];
	struct slice bytes;

	if (secret == NULL || sscanf(secret, "scrypt$%2u$%2u$%1u$%31[^$]$%63[^$]", &x->log_n,
				     &x->r, &x->p, salt, key) != 5)
		return false;
	if (x->log_n < 10 || x->log_n > 17 || x->r < 1 || x->r > 8 || x->p < 1 || x->p > 4)
		return false;
	if (base64_decode(a, BASE64_URL, salt, strlen(salt), &bytes) < 0 ||
	    bytes.len != SALT_BYTES)
		return false;
	memcpy(x->salt, bytes.data, SALT_BYTES);
	if (base64_decode(a, BASE64_URL, key, strlen(key), &bytes) < 0 ||
	    bytes.len != KEY_BYTES)
		return false;
	memcpy(x->key, bytes.data, KEY_BYTES);
	return true;
}

bool password_right(const char *password, const char *secret)
{
	struct parameters x = {.log_n = LOG_N, .r = BLOCK, .p = LANES};
	unsigned char key[KEY_BYTES];
	struct arena *a = arena_new();
	bool known = read_secret(a, secret, &x), right;

	arena_free(a);
	if (!known) /* as long as if it were */
		x = (struct parameters){.log_n = LOG_N, .r = BLOCK, .p = LANES};
	right = derive(password, &x, key) && CRYPTO_memcmp(key, x.key, KEY_BYTES) == 0;
	OPENSSL_cleanse(key, sizeof(key));
	return known && right;
}
