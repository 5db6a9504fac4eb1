/*
 * Hashing with a state that can be saved: the one file that uses OpenSSL's low-level SHA API,
 * because EVP contexts of OpenSSL 3 cannot be exported. Deprecation is silenced for this file.
 *
 * Saved form, big-endian:
 *
 *   0        1          2             2+W              10+W         11+W           11+W+tail
 *   version  algorithm  state words   total bytes u64  tail length  tail           CRC32C u32
 *                       W = 8 × 4 or 8 × 8
 */
#define OPENSSL_API_COMPAT 0x10100000L
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/sha.h>
#include <string.h>

#include "proto/base/crc32c.h"
#include "proto/model/digest.h"
#include "proto/model/sha256_pair.h"

#define SAVED_VERSION 1

union sha {
	SHA256_CTX sha256;
	SHA512_CTX sha512;
};

_Static_assert(sizeof(union sha) <= sizeof(((struct hasher *)0)->state), "room for the state");

static union sha *sha_of(struct hasher *h)
{
	return (union sha *)&h->state;
}

static size_t block_size(enum digest_algorithm a)
{
	return a == DIGEST_SHA256 ? SHA256_CBLOCK : SHA512_CBLOCK;
}

void hasher_init(struct hasher *h, enum digest_algorithm a)
{
	memset(h, 0, sizeof(*h));
	h->algorithm = a;
	if (a == DIGEST_SHA256)
		SHA256_Init(&sha_of(h)->sha256);
	else
		SHA512_Init(&sha_of(h)->sha512);
}

void hasher_add(struct hasher *h, const void *data, size_t len)
{
	h->total += len;
	if (h->algorithm == DIGEST_SHA256)
		SHA256_Update(&sha_of(h)->sha256, data, len);
	else
		SHA512_Update(&sha_of(h)->sha512, data, len);
}

/* What was added through OpenSSL ends with a block, so that its state words say it all. */
static bool at_block(struct hasher *h)
{
	return h->algorithm == DIGEST_SHA256 && h->total % SHA256_CBLOCK == 0;
}

/* Blocks were added to the state words by others. */
static void note_blocks(struct hasher *h, size_t blocks)
{
	h->total += (uint64_t)blocks * SHA256_CBLOCK;
	sha_of(h)->sha256.Nl = (SHA_LONG)(h->total << 3 & 0xffffffff);
	sha_of(h)->sha256.Nh = (SHA_LONG)(h->total >> 29);
}

void hasher_add_both(struct hasher *a, struct hasher *b, const void *data, size_t len)
{
	size_t blocks = len / SHA256_CBLOCK, done = blocks * SHA256_CBLOCK;

	if (blocks > 0 && at_block(a) && at_block(b) && sha256_pair_possible()) {
		sha256_pair_add(sha_of(a)->sha256.h, sha_of(b)->sha256.h, data, blocks);
		note_blocks(a, blocks);
		note_blocks(b, blocks);
		data = (const unsigned char *)data + done;
		len -= done;
	}
	hasher_add(a, data, len);
	hasher_add(b, data, len);
}

void hasher_digest(const struct hasher *h, struct digest *out)
{
	struct hasher copy = *h;

	memset(out, 0, sizeof(*out));
	out->algorithm = h->algorithm;
	if (h->algorithm == DIGEST_SHA256)
		SHA256_Final(out->bytes, &sha_of(&copy)->sha256);
	else
		SHA512_Final(out->bytes, &sha_of(&copy)->sha512);
}

void sha256_of(const void *data, size_t len, unsigned char out[SHA256_BYTES])
{
	SHA256(data, len, out);
}

static unsigned char *put_be(unsigned char *p, uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		*p++ = (unsigned char)(value >> (8 * i));
	return p;
}

static const unsigned char *get_be(const unsigned char *p, uint64_t *value, int bytes)
{
	*value = 0;
	for (int i = 0; i < bytes; i++)
		*value = *value << 8 | *p++;
	return p;
}

size_t hasher_save(const struct hasher *h, unsigned char *buf)
{
	struct hasher copy = *h;
	union sha *sha = sha_of(&copy);
	bool small = h->algorithm == DIGEST_SHA256;
	size_t tail = (size_t)(h->total % block_size(h->algorithm));
	unsigned char *p = buf;

	*p++ = SAVED_VERSION;
	*p++ = (unsigned char)h->algorithm;
	for (int i = 0; i < 8; i++)
		p = small ? put_be(p, sha->sha256.h[i], 4) : put_be(p, sha->sha512.h[i], 8);
	p = put_be(p, h->total, 8);
	*p++ = (unsigned char)tail;
	memcpy(p, small ? (unsigned char *)sha->sha256.data : sha->sha512.u.p, tail);
	p += tail;
	p = put_be(p, crc32c_add(0, buf, (size_t)(p - buf)), 4);
	assert(p - buf <= HASHER_SAVED_MAX);
	return (size_t)(p - buf);
}

static void load_words(struct hasher *h, const unsigned char *p, const unsigned char *tail_at,
		       size_t tail)
{
	union sha *sha = sha_of(h);
	bool small = h->algorithm == DIGEST_SHA256;
	uint64_t word, bits = h->total << 3;

	for (int i = 0; i < 8; i++) {
		p = get_be(p, &word, small ? 4 : 8);
		if (small)
			sha->sha256.h[i] = (SHA_LONG)word;
		else
			sha->sha512.h[i] = word;
	}
	if (small) {
		sha->sha256.Nl = (SHA_LONG)(bits & 0xffffffff);
		sha->sha256.Nh = (SHA_LONG)(bits >> 32);
		sha->sha256.num = (unsigned)tail;
		memcpy(sha->sha256.data, tail_at, tail);
	} else {
		sha->sha512.Nl = bits;
		sha->sha512.Nh = h->total >> 61;
		sha->sha512.num = (unsigned)tail;
		memcpy(sha->sha512.u.p, tail_at, tail);
	}
}

int hasher_load(struct hasher *h, const void *saved, size_t len)
{
	const unsigned char *p = saved;
	size_t words, tail;
	uint64_t total, crc;

	if (len < 2 || p[0] != SAVED_VERSION ||
	    (p[1] != DIGEST_SHA256 && p[1] != DIGEST_SHA512))
		return ERR_CORRUPT;
	words = p[1] == DIGEST_SHA256 ? 32 : 64;
	if (len < 2 + words + 8 + 1 + 4)
		return ERR_CORRUPT;
	tail = p[2 + words + 8];
	get_be(p + 2 + words, &total, 8);
	if (len != 2 + words + 8 + 1 + tail + 4 || tail != total % block_size(p[1]))
		return ERR_CORRUPT;
	get_be(p + len - 4, &crc, 4);
	if (crc != crc32c_add(0, p, len - 4))
		return ERR_CORRUPT;
	hasher_init(h, p[1]);
	h->total = total;
	load_words(h, p + 2, p + 2 + words + 9, tail);
	return 0;
}
