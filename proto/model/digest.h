/*
 * Content digests: `sha256:<64 hex>` and `sha512:<128 hex>` (OCI image-spec, "Digests"), and
 * hashing whose state can be saved and resumed by another process.
 *
 * Pure functions; any thread. A struct digest is a plain value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/err.h"

enum digest_algorithm { DIGEST_SHA256 = 1, DIGEST_SHA512 = 2 };

#define SHA256_BYTES	 32
#define DIGEST_BYTES_MAX 64
/* "sha512:" + 128 hex + NUL */
#define DIGEST_TEXT_MAX 136

struct digest {
	enum digest_algorithm algorithm;
	unsigned char
		bytes[DIGEST_BYTES_MAX]; /* unused bytes are 0, so that memcmp may compare */
};

size_t digest_size(enum digest_algorithm a); /* 32 or 64 */
/* Lower-case hex only, exact length, known algorithm; ERR_SYNTAX otherwise. */
int digest_parse(const char *text, size_t len, struct digest *out) MUST_CHECK;
/* Looks like `algorithm:encoded` of any algorithm, so it is meant as a digest and not as a tag.
 */
bool digest_shaped(const char *text, size_t len);
/* Writes the text form into buf (DIGEST_TEXT_MAX bytes) and returns it. */
char *digest_text(const struct digest *d, char *buf);
const char *digest_str(struct arena *a, const struct digest *d);
bool digest_equal(const struct digest *a, const struct digest *b);
int digest_compare(const struct digest *a, const struct digest *b);
/* From raw bytes as they stand in database and records; ERR_SYNTAX when len does not fit. */
int digest_from_bytes(int algorithm, const void *bytes, size_t len,
		      struct digest *out) MUST_CHECK;

/* Of a whole text in memory. */
void digest_of(enum digest_algorithm a, const void *data, size_t len, struct digest *out);
void sha256_of(const void *data, size_t len, unsigned char out[SHA256_BYTES]);

/*
 * Incremental hashing. A hasher is a plain value: copying it copies the state. The saved form
 * is versioned, of its own layout (never a raw library struct) and ends in a CRC32C: version,
 * algorithm, state words big-endian, total length, tail.
 */
struct hasher {
	enum digest_algorithm algorithm;
	uint64_t total;
	union {
		uint64_t align;
		unsigned char opaque[256];
	} state;
};
#define HASHER_SAVED_MAX 224

void hasher_init(struct hasher *h, enum digest_algorithm a);
void hasher_add(struct hasher *h, const void *data, size_t len);
/* The same bytes to both. Two SHA-256 that stand at multiples of 64 cost little more than one.
 */
void hasher_add_both(struct hasher *a, struct hasher *b, const void *data, size_t len);
/* The hasher itself is not changed: more may be added after. */
void hasher_digest(const struct hasher *h, struct digest *out);
/* Returns the length written to buf (≤ HASHER_SAVED_MAX). */
size_t hasher_save(const struct hasher *h, unsigned char *buf);
/* ERR_CORRUPT when version, algorithm, lengths or checksum do not fit. */
int hasher_load(struct hasher *h, const void *saved, size_t len) MUST_CHECK;
