/*
 * The bytes of the log: superblock and record. Pure functions.
 *
 *   segment:  | superblock | the same again | batch | batch | …
 *             0            4096             8192
 *   batch:    | record | record | … | zeros to the next multiple of 4096
 *   record:   | header 96 | crcs: u32 for each 64 KiB | payload | zeros to a multiple of 64 |
 *
 * All numbers are little-endian. A header carries its own segment and offset, so that what was
 * written or read at a wrong place is no record, and the segment's salt: 64 random bits that
 * never leave the disk, so that no payload can contain a record.
 */
#pragma once

#include <stdint.h>

#include "proto/base/err.h"
#include "storage/daemon/key.h"
#include "storage/daemon/store.h"

/* Batches begin at its multiples, so that a synced page is never written again. */
#define LOG_PAGE	4096
#define LOG_VERSION	1
#define SEGMENT_START	(2 * LOG_PAGE) /* offset of the first batch */

#define RECORD_ALIGN	64
#define RECORD_HEADER	96
#define RECORD_HEAD_MAX (RECORD_HEADER + 4 * CHUNK_BLOCKS_MAX)

struct superblock {
	unsigned char node[STORE_UUID_SIZE];
	uint64_t segment;
	uint64_t salt;
	/* A write at this place failed: what follows it in that segment is no part of the log.
	 * Segment 0: there is no such place. */
	struct store_place cut;
};

void superblock_encode(const struct superblock *s, unsigned char out[LOG_PAGE]);
/* ERR_CORRUPT; -EPROTO: of a newer version, and intact. */
int superblock_decode(const unsigned char in[LOG_PAGE], struct superblock *out) MUST_CHECK;

enum record_type { RECORD_PUT = 1, RECORD_DEL = 2 };

struct record {
	enum record_type type;
	struct chunk_key key;
	uint32_t len; /* payload bytes; 0 for DEL */
	uint64_t seq; /* one more than the record before; shows what is missing */
	struct store_place place;
};

/* Bytes from the header to the payload, and to the next record. */
static inline uint32_t record_head_size(uint32_t len)
{
	return RECORD_HEADER + 4 * chunk_blocks(len);
}

static inline uint32_t record_size(uint32_t len)
{
	return (record_head_size(len) + len + RECORD_ALIGN - 1) & ~(uint32_t)(RECORD_ALIGN - 1);
}

/* Write header and crcs (chunk_blocks(len) of them); returns their size. */
size_t record_encode(const struct record *r, uint64_t salt, const uint32_t *crcs,
		     unsigned char out[RECORD_HEAD_MAX]);
/*
 * Is the header at `in` a record at this place? 0 or ERR_CORRUPT. The payload is not looked
 * at, and the crcs only by record_crcs().
 */
int record_decode(const unsigned char in[RECORD_HEADER], uint64_t salt,
		  const struct store_place *place, struct record *out) MUST_CHECK;
/* Take the crcs out of a whole head of record_head_size(len) bytes; ERR_CORRUPT. */
int record_crcs(const unsigned char *head, uint32_t len, uint32_t *crcs) MUST_CHECK;
