/* state: BEGUN.SALT.RETURN.CODE, the return address and the code in base64url. */
#include "gateway/sign_in_flow.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "gateway/base64.h"
#include "proto/base/log.h"

#define HEX	  "0123456789abcdef"
#define SALT_LEN  32
#define BEGUN_LEN 12 /* digits at most */
#define SKEW_S	  60 /* between gateways */

bool sign_in_return_fine(const char *path)
{
	size_t len = strlen(path);

	if (len == 0 || len > SIGN_IN_RETURN_MAX || path[0] != '/' || path[1] == '/')
		return false;
	for (size_t i = 0; i < len; i++)
		if (path[i] <= ' ' || path[i] > '~' || path[i] == '\\')
			return false;
	return true;
}

bool sign_in_key_fine(const char *key, size_t len)
{
	return len == SIGN_IN_KEY_LEN && strspn(key, HEX) >= SIGN_IN_KEY_LEN;
}

/* A code of what it is for, the issuer, and the state's first three parts. */
static const char *code_over(struct arena *a, const char *key, const char *purpose,
			     int64_t issuer_id, const char *parts)
{
	const char *text = arena_printf(a, "packhouse sign-in %s\n%lld\n%s", purpose,
					(long long)issuer_id, parts);
	unsigned char code[SHA256_DIGEST_LENGTH];
	unsigned len = sizeof(code);

	if (HMAC(EVP_sha256(), key, SIGN_IN_KEY_LEN, (const unsigned char *)text, strlen(text),
		 code, &len) == NULL)
		fatal("no HMAC for a sign-in");
	return base64_encode(a, BASE64_URL, code, sizeof(code));
}

static void make(struct arena *a, const char *key, int64_t issuer_id, const char *parts,
		 struct sign_in_flow *out)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	out->state =
		arena_printf(a, "%s.%s", parts, code_over(a, key, "state", issuer_id, parts));
	out->nonce = code_over(a, key, "nonce", issuer_id, parts);
	out->verifier = code_over(a, key, "verifier", issuer_id, parts);
	SHA256((const unsigned char *)out->verifier, strlen(out->verifier), hash);
	out->challenge = base64_encode(a, BASE64_URL, hash, sizeof(hash));
}

void sign_in_begin(struct arena *a, const char *key, int64_t issuer_id, const char *return_to,
		   const char *salt, int64_t now, struct sign_in_flow *out)
{
	const char *parts =
		arena_printf(a, "%lld.%s.%s", (long long)now, salt,
			     base64_encode(a, BASE64_URL, return_to, strlen(return_to)));

	out->return_to = return_to;
	make(a, key, issuer_id, parts, out);
}

static bool same(const char *one, const char *other)
{
	size_t len = strlen(one);

	return len == strlen(other) && CRYPTO_memcmp(one, other, len) == 0;
}

/* Of a state whose code is right: BEGUN.SALT.RETURN */
static int read_parts(struct arena *a, const char *parts, int64_t now, struct sign_in_flow *out)
{
	size_t digits = strspn(parts, "0123456789");
	const char *return_to = strrchr(parts, '.') + 1;
	int64_t begun = 0;
	struct slice path;

	if (digits == 0 || digits > BEGUN_LEN || parts[digits] != '.' ||
	    return_to != parts + digits + 1 + SALT_LEN + 1)
		return ERR_DENIED;
	for (size_t i = 0; i < digits; i++)
		begun = begun * 10 + (parts[i] - '0');
	if (begun > now + SKEW_S || now - begun > SIGN_IN_LIFE_S)
		return -ETIMEDOUT;
	if (base64_decode(a, BASE64_URL, return_to, strlen(return_to), &path) < 0 ||
	    strlen(path.data) != path.len || !sign_in_return_fine(path.data))
		return ERR_DENIED;
	out->return_to = path.data;
	return 0;
}

int sign_in_resume(struct arena *a, const char *key, int64_t issuer_id, const char *state,
		   int64_t now, struct sign_in_flow *out)
{
	const char *dot = strrchr(state, '.');
	const char *parts;

	if (dot == NULL || strlen(state) > SIGN_IN_STATE_MAX)
		return ERR_DENIED;
	parts = arena_memdup(a, state, (size_t)(dot - state));
	if (strchr(parts, '.') == NULL)
		return ERR_DENIED;
	make(a, key, issuer_id, parts, out);
	return same(out->state, state) ? read_parts(a, parts, now, out) : ERR_DENIED;
}
