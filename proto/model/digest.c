/* Text and byte forms of digests. Hashing is in hasher.c. */
#include "proto/model/digest.h"

#include <string.h>

static const struct {
	enum digest_algorithm algorithm;
	const char *name;
	size_t size;
} ALGORITHMS[] = {
	{DIGEST_SHA256, "sha256", 32},
	{DIGEST_SHA512, "sha512", 64},
};
#define ALGORITHM_COUNT (sizeof(ALGORITHMS) / sizeof(ALGORITHMS[0]))

size_t digest_size(enum digest_algorithm a)
{
	return a == DIGEST_SHA256 ? 32 : 64;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_hex(const char *text, size_t size, unsigned char *out)
{
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return ERR_SYNTAX;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

int digest_parse(const char *text, size_t len, struct digest *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
		size_t prefix = strlen(ALGORITHMS[i].name);

		if (len != prefix + 1 + 2 * ALGORITHMS[i].size || text[prefix] != ':' ||
		    memcmp(text, ALGORITHMS[i].name, prefix) != 0)
			continue;
		out->algorithm = ALGORITHMS[i].algorithm;
		return parse_hex(text + prefix + 1, ALGORITHMS[i].size, out->bytes);
	}
	return ERR_SYNTAX;
}

bool digest_shaped(const char *text, size_t len)
{
	/* A tag never holds a colon. */
	return memchr(text, ':', len) != NULL;
}

char *digest_text(const struct digest *d, char *buf)
{
	static const char HEX[] = "0123456789abcdef";
	char *p = buf;

	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
		if (ALGORITHMS[i].algorithm == d->algorithm)
			p = stpcpy(p, ALGORITHMS[i].name);
	*p++ = ':';
	for (size_t i = 0; i < digest_size(d->algorithm); i++) {
		*p++ = HEX[d->bytes[i] >> 4];
		*p++ = HEX[d->bytes[i] & 15];
	}
	*p = '\0';
	return buf;
}

const char *digest_str(struct arena *a, const struct digest *d)
{
	return digest_text(d, arena_alloc(a, DIGEST_TEXT_MAX));
}

int digest_compare(const struct digest *a, const struct digest *b)
{
	if (a->algorithm != b->algorithm)
		return a->algorithm < b->algorithm ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return digest_compare(a, b) == 0;
}

int digest_from_bytes(int algorithm, const void *bytes, size_t len, struct digest *out)
{
	memset(out, 0, sizeof(*out));
	if (algorithm != DIGEST_SHA256 && algorithm != DIGEST_SHA512)
		return ERR_SYNTAX;
	out->algorithm = (enum digest_algorithm)algorithm;
	if (len != digest_size(out->algorithm))
		return ERR_SYNTAX;
	memcpy(out->bytes, bytes, len);
	return 0;
}

void digest_of(enum digest_algorithm a, const void *data, size_t len, struct digest *out)
{
	struct hasher h;

	hasher_init(&h, a);
	hasher_add(&h, data, len);
	hasher_digest(&h, out);
}
