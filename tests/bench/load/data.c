/*
 * Word i of a stream is mix(seed + i × odd): splitmix64's output function over a counter, so
 * any offset is reached at once. Two multiplications a word keep it at several GB/s: the
 * generator must not be what a bench measures.
 */
#include "tests/bench/load/data.h"

#include <ctype.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN 0x9e3779b97f4a7c15u

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t word_at(uint64_t seed, uint64_t index)
{
	return mix(seed + (index + 1) * GOLDEN);
}

uint64_t data_seed(uint64_t family, uint64_t n)
{
	return mix(mix(family + GOLDEN) ^ (n * GOLDEN));
}

void data_fill(uint64_t seed, uint64_t offset, void *out, size_t len)
{
	unsigned char *p = out;

	while (len > 0) {
		size_t skip = offset % 8, n = 8 - skip;
		uint64_t word = word_at(seed, offset / 8);

		if (skip == 0 && len >= 8) {
			memcpy(p, &word, 8);
		} else {
			n = n < len ? n : len;
			memcpy(p, (unsigned char *)&word + skip, n);
		}
		p += n;
		offset += n;
		len -= n;
	}
}

bool data_matches(uint64_t seed, uint64_t offset, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	unsigned char piece[4096];

	while (len > 0) {
		size_t n = len < sizeof(piece) ? len : sizeof(piece);

		data_fill(seed, offset, piece, n);
		if (memcmp(piece, p, n) != 0)
			return false;
		p += n;
		offset += n;
		len -= n;
	}
	return true;
}

/* ---- SHA-256 ---- */

struct hash {
	EVP_MD_CTX *context;
	EVP_MD *sha256; /* fetched once: a look-up by name costs more than a small blob */
};

struct hash *hash_new(void)
{
	struct hash *h = xcalloc(1, sizeof(*h));

	h->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->context = EVP_MD_CTX_new();
	if (h->sha256 == NULL || h->context == NULL)
		fatal("OpenSSL has no SHA-256");
	hash_reset(h);
	return h;
}

void hash_free(struct hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->context);
	EVP_MD_free(h->sha256);
	free(h);
}

void hash_reset(struct hash *h)
{
	if (EVP_DigestInit_ex2(h->context, h->sha256, NULL) != 1)
		fatal("SHA-256 does not start");
}

void hash_add(struct hash *h, const void *bytes, size_t len)
{
	if (EVP_DigestUpdate(h->context, bytes, len) != 1)
		fatal("SHA-256 failed");
}

void hash_text(struct hash *h, char text[DATA_DIGEST_TEXT])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *p = text + 7;

	if (EVP_DigestFinal_ex(h->context, bytes, &n) != 1 || n != 32)
		fatal("SHA-256 failed");
	memcpy(text, "sha256:", 7);
	for (unsigned i = 0; i < n; i++) {
		*p++ = "0123456789abcdef"[bytes[i] >> 4];
		*p++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*p = '\0';
}

void data_digest(struct hash *h, uint64_t seed, uint64_t size, char text[DATA_DIGEST_TEXT])
{
	unsigned char piece[16384];

	hash_reset(h);
	for (uint64_t at = 0; at < size;) {
		size_t n = size - at < sizeof(piece) ? (size_t)(size - at) : sizeof(piece);

		data_fill(seed, at, piece, n);
		hash_add(h, piece, n);
		at += n;
	}
	hash_text(h, text);
}

/* ---- sizes ---- */

static int scan_size(const char **text, uint64_t *out)
{
	static const struct {
		const char *name;
		unsigned shift;
	} units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"K", 10},
		     {"M", 20},	  {"G", 30},   {"B", 0},    {"", 0}};
	char *end;
	unsigned long long value;

	if (!isdigit((unsigned char)**text))
		return ERR_SYNTAX;
	errno = 0;
	value = strtoull(*text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(end, units[i].name, n) != 0)
			continue;
		if (errno != 0 || value > (1ull << 50) >> units[i].shift)
			return ERR_LIMIT;
		*out = value << units[i].shift;
		*text = end + n;
		return 0;
	}
	return ERR_SYNTAX;
}

int data_parse_size(const char *text, uint64_t *out)
{
	int rc = scan_size(&text, out);

	return rc != 0 ? rc : *text == '\0' ? 0 : ERR_SYNTAX;
}

/* [WEIGHT:]SIZE[-SIZE] */
static int scan_class(const char **text, struct size_class *out)
{
	uint64_t number;
	int rc;

	*out = (struct size_class){.weight = 1};
	rc = scan_size(text, &number);
	if (rc != 0)
		return rc;
	if (**text == ':') {
		if (number == 0 || number > 1000000)
			return ERR_LIMIT;
		out->weight = (unsigned)number;
		++*text;
		rc = scan_size(text, &number);
		if (rc != 0)
			return rc;
	}
	out->from = out->to = number;
	if (**text == '-') {
		++*text;
		rc = scan_size(text, &out->to);
		if (rc != 0)
			return rc;
	}
	return out->from <= out->to ? 0 : ERR_SYNTAX;
}

int data_parse_sizes(const char *text, struct sizes *out)
{
	*out = (struct sizes){0};
	for (;;) {
		int rc;

		if (out->count == DATA_SIZES_MAX)
			return ERR_LIMIT;
		rc = scan_class(&text, &out->classes[out->count]);
		if (rc != 0)
			return rc;
		out->weight += out->classes[out->count++].weight;
		if (*text == '\0')
			return 0;
		if (*text++ != ',')
			return ERR_SYNTAX;
	}
}

uint64_t data_size(const struct sizes *sizes, uint64_t seed)
{
	uint64_t draw = data_seed(seed, 1) % sizes->weight;
	double where = (double)(data_seed(seed, 2) >> 11) / (double)(1ull << 53);
	const struct size_class *c = sizes->classes;

	while (draw >= c->weight) {
		draw -= c->weight;
		c++;
	}
	if (c->from == c->to)
		return c->from;
	/* Log-uniform: as many blobs between 1 and 2 KiB as between 1 and 2 MiB. */
	return (uint64_t)(exp(log((double)c->from + 1) +
			      where * (log((double)c->to + 1) - log((double)c->from + 1))) -
			  1 + 0.5);
}
