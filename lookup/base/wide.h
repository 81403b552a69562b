/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wide.h: the two loops over bytes in which a list's answers spend most of their instructions, 16
 * bytes at a time where the processor surely can (SSE2), else 8.
 */
#ifndef KITH_BASE_WIDE_H
#define KITH_BASE_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"

#if defined(__SSE2__)
#include <emmintrin.h>

static inline __m128i kith_wide_load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* The sum of the 32 bytes in two halves. */
static inline uint64_t kith_wide_sum(__m128i low, __m128i high)
{
	const __m128i zero = _mm_setzero_si128();
	__m128i sums = _mm_add_epi64(_mm_sad_epu8(low, zero), _mm_sad_epu8(high, zero));

	return (uint64_t)_mm_cvtsi128_si32(sums) + (uint64_t)_mm_extract_epi16(sums, 4);
}
#endif

/*
 * Adds up 32 bytes at p: the first i (at most 32) of them to *ret_before, all to *ret_total. False:
 * one of them is 0x80 or more.
 */
static inline bool kith_sum_short(const uint8_t *p, size_t i, uint64_t *ret_before,
				  uint64_t *ret_total)
{
#if defined(__SSE2__)
	static const uint8_t masks[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	const uint8_t *mask = masks + 32 - i; /* its first i bytes are set */
	__m128i low = kith_wide_load(p), high = kith_wide_load(p + 16);

	if (_mm_movemask_epi8(_mm_or_si128(low, high)) != 0)
		return false;
	*ret_total = kith_wide_sum(low, high);
	*ret_before = kith_wide_sum(_mm_and_si128(low, kith_wide_load(mask)),
				    _mm_and_si128(high, kith_wide_load(mask + 16)));
	return true;
#else
	uint64_t before = 0, total = 0;
	unsigned longer = 0;
	size_t k;

	for (k = 0; k < 32; k++) {
		longer |= p[k];
		before += k < i ? p[k] : 0;
		total += p[k];
	}
	*ret_before = before;
	*ret_total = total;
	return longer < 0x80;
#endif
}

#if defined(__SSE2__)
#define KITH_WIDE 16u
#else
#define KITH_WIDE 8u
#endif

/*
 * Copies KITH_WIDE bytes. The result is 0 where all of them stand for themselves in a JSON string;
 * else kith_wide_plain() of it is how many at the front surely do.
 */
static inline uint64_t kith_copy_wide(uint8_t *to, const uint8_t *in)
{
#if defined(__SSE2__)
	__m128i v = kith_wide_load(in);
	/* as signed numbers all of 0x80 and more are below a blank too */
	__m128i special = _mm_or_si128(_mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
						    _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f))),
				       _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
						    _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));

	_mm_storeu_si128((__m128i *)(void *)to, v);
	return (unsigned)_mm_movemask_epi8(special);
#else
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	uint64_t v, quote, backslash;

	memcpy(&v, in, 8);
	memcpy(to, &v, 8);
	quote = v ^ ones * '"';
	backslash = v ^ ones * '\\';
	/* A byte below 0x20, of 0x7f or more, or one of the two, sets a high bit; a borrow can
	 * only reach the bytes above one that is found anyway. */
	return (v | (v - ones * 0x20) | (v + ones) | (quote - ones) | (backslash - ones)) & highs;
#endif
}

static inline size_t kith_wide_plain(uint64_t special)
{
#if defined(__SSE2__)
	return (size_t)__builtin_ctzll(special);
#else
	(void)special;
	return 0;
#endif
}

#endif
