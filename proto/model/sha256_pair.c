/*
 * The instructions want a state as two vectors, ABEF and CDGH, and do two rounds with each
 * sha256rnds2; one step here is four rounds of both states with four words of the schedule.
 */
#include "proto/model/sha256_pair.h"

#include <assert.h>

#ifdef __x86_64__

#	include <cpuid.h>
#	include <immintrin.h>
#	include <pthread.h>

#	define WITH_SHA __attribute__((target("sha,ssse3,sse4.1")))
#	define BLOCK	 64

/* FIPS 180-4, 4.2.2. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2};

struct lanes {
	__m128i abef, cdgh;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool possible;

static void look(void)
{
	unsigned a, b, c, d;

	possible = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1) &&
		   __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

bool sha256_pair_possible(void)
{
	pthread_once(&once, look);
	return possible;
}

WITH_SHA static struct lanes unpack(const uint32_t h[8])
{
	__m128i low = _mm_loadu_si128((const __m128i *)h);
	__m128i high = _mm_loadu_si128((const __m128i *)(h + 4));

	low = _mm_shuffle_epi32(low, 0xb1);
	high = _mm_shuffle_epi32(high, 0x1b);
	return (struct lanes){_mm_alignr_epi8(low, high, 8), _mm_blend_epi16(high, low, 0xf0)};
}

WITH_SHA static void pack(const struct lanes *s, uint32_t h[8])
{
	__m128i low = _mm_shuffle_epi32(s->abef, 0x1b);
	__m128i high = _mm_shuffle_epi32(s->cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)h, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128((__m128i *)(h + 4), _mm_alignr_epi8(high, low, 8));
}

WITH_SHA static inline __m128i words(const unsigned char *p)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p), big_endian);
}

/* The next four words, from the sixteen before them. */
WITH_SHA static inline __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
	__m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));

	return _mm_sha256msg2_epu32(sum, w3);
}

WITH_SHA static inline void four_rounds(struct lanes *a, struct lanes *b, __m128i w, int round)
{
	__m128i first = _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(constants + round)));
	__m128i second = _mm_shuffle_epi32(first, 0x0e);

	a->cdgh = _mm_sha256rnds2_epu32(a->cdgh, a->abef, first);
	b->cdgh = _mm_sha256rnds2_epu32(b->cdgh, b->abef, first);
	a->abef = _mm_sha256rnds2_epu32(a->abef, a->cdgh, second);
	b->abef = _mm_sha256rnds2_epu32(b->abef, b->cdgh, second);
}

WITH_SHA static inline void add_block(struct lanes *a, struct lanes *b, const unsigned char *p)
{
	__m128i w0 = words(p), w1 = words(p + 16), w2 = words(p + 32), w3 = words(p + 48);

	for (int round = 0;; round += 16) {
		four_rounds(a, b, w0, round);
		four_rounds(a, b, w1, round + 4);
		four_rounds(a, b, w2, round + 8);
		four_rounds(a, b, w3, round + 12);
		if (round == 48)
			break;
		w0 = next_words(w0, w1, w2, w3);
		w1 = next_words(w1, w2, w3, w0);
		w2 = next_words(w2, w3, w0, w1);
		w3 = next_words(w3, w0, w1, w2);
	}
}

WITH_SHA void sha256_pair_add(uint32_t a[8], uint32_t b[8], const unsigned char *data,
			      size_t blocks)
{
	struct lanes x = unpack(a), y = unpack(b);

	for (; blocks > 0; blocks--, data += BLOCK) {
		struct lanes from_x = x, from_y = y;

		add_block(&x, &y, data);
		x.abef = _mm_add_epi32(x.abef, from_x.abef);
		x.cdgh = _mm_add_epi32(x.cdgh, from_x.cdgh);
		y.abef = _mm_add_epi32(y.abef, from_y.abef);
		y.cdgh = _mm_add_epi32(y.cdgh, from_y.cdgh);
	}
	pack(&x, a);
	pack(&y, b);
}

#else

bool sha256_pair_possible(void)
{
	return false;
}

void sha256_pair_add(uint32_t a[8], uint32_t b[8], const unsigned char *data, size_t blocks)
{
	(void)a;
	(void)b;
	(void)data;
	(void)blocks;
	assert(!"sha256_pair_possible() said no");
}

#endif
