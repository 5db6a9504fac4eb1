/*
 * The bytes that are pushed: a stream that is a pure function of (seed, offset), so that 10 GiB
 * need no storage and any piece can be made again to compare it with what comes back. It looks
 * random to compressors and to deduplication; it is no cryptography.
 *
 * Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/err.h"

/* "sha256:" + 64 hex + NUL */
#define DATA_DIGEST_TEXT 72

/* A seed that depends on every bit of both: the n-th of a family. */
uint64_t data_seed(uint64_t family, uint64_t n);

/* Writes the bytes [offset, offset + len) of the stream into out. */
void data_fill(uint64_t seed, uint64_t offset, void *out, size_t len);

/* Whether these are the bytes [offset, offset + len) of the stream. */
bool data_matches(uint64_t seed, uint64_t offset, const void *bytes, size_t len);

/* SHA-256, incremental. */
struct hash;
struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_reset(struct hash *h);
void hash_add(struct hash *h, const void *bytes, size_t len);
/* The text form; the hash must be reset before it is used again. */
void hash_text(struct hash *h, char text[DATA_DIGEST_TEXT]);

/* Digest of the stream's first `size` bytes. */
void data_digest(struct hash *h, uint64_t seed, uint64_t size, char text[DATA_DIGEST_TEXT]);

/* Sizes of blobs: "4096", "4KiB", "1MiB-8MiB" (log-uniform between both), or a weighted list
 * "70:1MiB,20:10MiB,10:100MiB".
 */
#define DATA_SIZES_MAX 16
struct sizes {
	struct size_class {
		uint64_t from, to;
		unsigned weight;
	} classes[DATA_SIZES_MAX];
	unsigned count, weight;
};
int data_parse_size(const char *text, uint64_t *out) MUST_CHECK;
int data_parse_sizes(const char *text, struct sizes *out) MUST_CHECK;
/* The size that belongs to a seed: the same seed, the same size. */
uint64_t data_size(const struct sizes *sizes, uint64_t seed);
