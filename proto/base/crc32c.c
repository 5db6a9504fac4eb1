/*
 * Two ways: the CPU's crc32 instruction, 8 bytes each, in three streams that are joined at the
 * end (one stream waits three cycles for each instruction's result; three keep the unit busy);
 * and tables of 8 × 256 entries where there is no such instruction ("slicing by 8").
 *
 * Joining: a CRC is a polynomial modulo P, so the CRC of A followed by n zero bytes is A's CRC
 * times x^(8n) mod P. For the fixed n of a stream that is a linear map of 32 bits, kept as four
 * tables of 256 entries.
 *
 *   | stream a: LANE bytes | stream b: LANE bytes | stream c: LANE bytes |
 *   crc = shift(shift(a) ^ b) ^ c        shift: as if LANE zero bytes followed
 */
#include "proto/base/crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */
#define LANE	   ((size_t)1024)

static pthread_once_t tables_once = PTHREAD_ONCE_INIT;
static uint32_t slice[8][256];
static uint32_t lane_shift[4][256];
static bool have_sse42;

static uint32_t shift_slowly(uint32_t crc, size_t zeros)
{
	for (size_t i = 0; i < zeros; i++)
		crc = crc >> 8 ^ slice[0][crc & 0xff];
	return crc;
}

static void make_tables(void)
{
	for (uint32_t n = 0; n < 256; n++) {
		uint32_t crc = n;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		slice[0][n] = crc;
	}
	for (uint32_t n = 0; n < 256; n++) {
		for (int k = 1; k < 8; k++)
			slice[k][n] = slice[k - 1][n] >> 8 ^ slice[0][slice[k - 1][n] & 0xff];
	}
	for (uint32_t n = 0; n < 256; n++) {
		for (int k = 0; k < 4; k++)
			lane_shift[k][n] = shift_slowly(n << 8 * k, LANE);
	}
#ifdef __x86_64__
	__builtin_cpu_init();
	have_sse42 = __builtin_cpu_supports("sse4.2");
#endif
}

static uint64_t load64(const unsigned char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static uint32_t add_table(uint32_t crc, const unsigned char *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint32_t low = crc ^ (p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24);

		crc = slice[7][low & 0xff] ^ slice[6][low >> 8 & 0xff] ^
		      slice[5][low >> 16 & 0xff] ^ slice[4][low >> 24] ^ slice[3][p[4]] ^
		      slice[2][p[5]] ^ slice[1][p[6]] ^ slice[0][p[7]];
	}
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ slice[0][(crc ^ *p) & 0xff];
	return crc;
}

#ifdef __x86_64__
static uint32_t shift_lane(uint32_t crc)
{
	return lane_shift[0][crc & 0xff] ^ lane_shift[1][crc >> 8 & 0xff] ^
	       lane_shift[2][crc >> 16 & 0xff] ^ lane_shift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t add_sse42(uint32_t crc,
							    const unsigned char *p, size_t len)
{
	uint64_t a = crc;

	for (; len >= 3 * LANE; p += 3 * LANE, len -= 3 * LANE) {
		uint64_t b = 0, c = 0;

		for (size_t i = 0; i < LANE; i += 8) {
			a = __builtin_ia32_crc32di(a, load64(p + i));
			b = __builtin_ia32_crc32di(b, load64(p + LANE + i));
			c = __builtin_ia32_crc32di(c, load64(p + 2 * LANE + i));
		}
		a = shift_lane(shift_lane((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
	}
	for (; len >= 8; p += 8, len -= 8)
		a = __builtin_ia32_crc32di(a, load64(p));
	crc = (uint32_t)a;
	for (; len > 0; p++, len--)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}
#endif

uint32_t crc32c_add_table(uint32_t crc, const void *data, size_t len)
{
	pthread_once(&tables_once, make_tables);
	return ~add_table(~crc, data, len);
}

uint32_t crc32c_add_hardware(uint32_t crc, const void *data, size_t len)
{
	pthread_once(&tables_once, make_tables);
#ifdef __x86_64__
	if (have_sse42)
		return ~add_sse42(~crc, data, len);
#endif
	return ~add_table(~crc, data, len);
}

uint32_t crc32c_add(uint32_t crc, const void *data, size_t len)
{
	return crc32c_add_hardware(crc, data, len);
}
