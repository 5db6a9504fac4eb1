/*
 * The text of a token:  p h _ | 34 random of base 62 | 6 of checksum, base 62.
 *
 * Random characters are drawn by rejection, so all are equally likely.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "metadb/token_text.h"
#include "metadb/tokens.h"
#include "proto/base/crc32c.h"
#include "proto/model/digest.h"

#define PREFIX	     "ph_"
#define PREFIX_LEN   3
#define CHECKSUM_LEN 6
#define BODY_LEN     (TOKEN_TEXT_LEN - CHECKSUM_LEN)

static const char ALPHABET[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void checksum(const char *body, char out[CHECKSUM_LEN])
{
	uint32_t crc = crc32c_add(0, body, BODY_LEN);

	for (int i = CHECKSUM_LEN - 1; i >= 0; i--) {
		out[i] = ALPHABET[crc % 62];
		crc /= 62;
	}
}

bool token_shaped(const char *text, size_t len)
{
	char sum[CHECKSUM_LEN];

	if (len != TOKEN_TEXT_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0)
		return false;
	for (size_t i = PREFIX_LEN; i < len; i++)
		if (text[i] == '\0' || strchr(ALPHABET, text[i]) == NULL)
			return false;
	checksum(text, sum);
	return memcmp(text + BODY_LEN, sum, CHECKSUM_LEN) == 0;
}

void token_hash(const char *text, size_t len, unsigned char hash[TOKEN_HASH_BYTES])
{
	sha256_of(text, len, hash);
}

void token_make(char text[TOKEN_TEXT_LEN + 1])
{
	unsigned char random[64];
	size_t at = PREFIX_LEN;

	memcpy(text, PREFIX, PREFIX_LEN);
	while (at < BODY_LEN) {
		if (RAND_bytes(random, sizeof(random)) != 1)
			fatal("no random bytes for a token");
		for (size_t i = 0; i < sizeof(random) && at < BODY_LEN; i++)
			if (random[i] < 4 * 62)
				text[at++] = ALPHABET[random[i] % 62];
	}
	checksum(text, text + BODY_LEN);
	text[TOKEN_TEXT_LEN] = '\0';
	OPENSSL_cleanse(random, sizeof(random));
}
