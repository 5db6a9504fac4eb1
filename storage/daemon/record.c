/*
 * Superblock, one page:            Record header:
 *    0  8 magic "PHSEGMNT"            0  4 magic "PHRC"
 *    8  4 version                     4  1 type    5 1 version
 *   12  4 zero                        6  1 digest algorithm (1: SHA-256)    7 1 zero
 *   16 16 node uuid                   8  4 payload length
 *   32  8 segment                    12  4 CRC32C of the crcs
 *   40  8 salt                       16 32 digest
 *   48  8 cut segment                48  8 gen
 *   56  8 cut offset                 56  8 seq
 *   64    zeros                      64  8 segment
 * 4092  4 CRC32C of 0–4091           72  8 offset
 *                                    80  8 salt
 *                                    88  4 zero
 *                                    92  4 CRC32C of 0–91
 *
 * The salt stands in the header as such, and so under its CRC: a forger has to guess 64 bits,
 * where a salt that only entered the CRC would leave him 32.
 */
#include "storage/daemon/record.h"

#include <endian.h>
#include <string.h>

#include "proto/base/crc32c.h"

static const char superblock_magic[8] = "PHSEGMNT";
static const char record_magic[4] = "PHRC";
#define ALGORITHM_SHA256 1

static void put32(unsigned char *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(unsigned char *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

void superblock_encode(const struct superblock *s, unsigned char out[LOG_PAGE])
{
	memset(out, 0, LOG_PAGE);
	memcpy(out, superblock_magic, sizeof(superblock_magic));
	put32(out + 8, LOG_VERSION);
	memcpy(out + 16, s->node, sizeof(s->node));
	put64(out + 32, s->segment);
	put64(out + 40, s->salt);
	put64(out + 48, s->cut.segment);
	put64(out + 56, s->cut.offset);
	put32(out + LOG_PAGE - 4, crc32c_add(0, out, LOG_PAGE - 4));
}

int superblock_decode(const unsigned char in[LOG_PAGE], struct superblock *out)
{
	if (memcmp(in, superblock_magic, sizeof(superblock_magic)) != 0 ||
	    get32(in + LOG_PAGE - 4) != crc32c_add(0, in, LOG_PAGE - 4))
		return ERR_CORRUPT;
	if (get32(in + 8) != LOG_VERSION)
		return -EPROTO;
	memcpy(out->node, in + 16, sizeof(out->node));
	out->segment = get64(in + 32);
	out->salt = get64(in + 40);
	out->cut.segment = get64(in + 48);
	out->cut.offset = get64(in + 56);
	return 0;
}

size_t record_encode(const struct record *r, uint64_t salt, const uint32_t *crcs,
		     unsigned char out[RECORD_HEAD_MAX])
{
	uint32_t blocks = chunk_blocks(r->len);

	assert(r->len <= CHUNK_MAX && (r->type == RECORD_PUT || r->len == 0));
	for (uint32_t i = 0; i < blocks; i++)
		put32(out + RECORD_HEADER + 4 * i, crcs[i]);
	memset(out, 0, RECORD_HEADER);
	memcpy(out, record_magic, sizeof(record_magic));
	out[4] = (unsigned char)r->type;
	out[5] = LOG_VERSION;
	out[6] = ALGORITHM_SHA256;
	put32(out + 8, r->len);
	put32(out + 12, crc32c_add(0, out + RECORD_HEADER, 4 * blocks));
	memcpy(out + 16, r->key.digest, CHUNK_DIGEST_SIZE);
	put64(out + 48, r->key.gen);
	put64(out + 56, r->seq);
	put64(out + 64, r->place.segment);
	put64(out + 72, r->place.offset);
	put64(out + 80, salt);
	put32(out + 92, crc32c_add(0, out, 92));
	return record_head_size(r->len);
}

int record_decode(const unsigned char in[RECORD_HEADER], uint64_t salt,
		  const struct store_place *place, struct record *out)
{
	if (memcmp(in, record_magic, sizeof(record_magic)) != 0 || get64(in + 80) != salt ||
	    get64(in + 64) != place->segment || get64(in + 72) != place->offset ||
	    get32(in + 92) != crc32c_add(0, in, 92))
		return ERR_CORRUPT;
	out->type = in[4];
	out->len = get32(in + 8);
	if (in[5] != LOG_VERSION || in[6] != ALGORITHM_SHA256 || out->len > CHUNK_MAX ||
	    (out->type != RECORD_PUT && (out->type != RECORD_DEL || out->len != 0)))
		return ERR_CORRUPT;
	memcpy(out->key.digest, in + 16, CHUNK_DIGEST_SIZE);
	out->key.gen = get64(in + 48);
	out->seq = get64(in + 56);
	out->place = *place;
	return 0;
}

int record_crcs(const unsigned char *head, uint32_t len, uint32_t *crcs)
{
	uint32_t blocks = chunk_blocks(len);

	if (get32(head + 12) != crc32c_add(0, head + RECORD_HEADER, 4 * blocks))
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < blocks; i++)
		crcs[i] = get32(head + RECORD_HEADER + 4 * i);
	return 0;
}
