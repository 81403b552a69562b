/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256_x86.h: SHA-256 in the instructions that processors of the x86 family have for it, as
 * pieces of four rounds, for code that does other things between them. Included by what asks
 * kith_has_sha() before it runs. Names are those of the Intel instruction set reference.
 */
#ifndef KITH_BASE_SHA256_X86_H
#define KITH_BASE_SHA256_X86_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define KITH_SHA_INSTRUCTIONS 1

#define KITH_WITH_SHA     __attribute__((target("sha,sse4.1,bmi")))
#define KITH_SHA_INLINE   __attribute__((target("sha,sse4.1,bmi"), always_inline)) static inline
#define KITH_SHA_BLOCK    64u
#define KITH_SHA256_WORDS _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203)

extern const uint32_t kith_sha256_k[64];

/* The eight words of the state, in the order that the instructions want. */
struct kith_sha256_wide {
	__m128i abef, cdgh;
};

/* The processor has these instructions. */
bool kith_has_sha(void);

KITH_SHA_INLINE __m128i kith_sha_load(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

KITH_SHA_INLINE struct kith_sha256_wide kith_sha256_widen(const uint32_t state[8])
{
	__m128i low = _mm_shuffle_epi32(kith_sha_load(state), 0xb1);      /* cdab */
	__m128i high = _mm_shuffle_epi32(kith_sha_load(state + 4), 0x1b); /* efgh */

	return (struct kith_sha256_wide){_mm_alignr_epi8(low, high, 8),
					 _mm_blend_epi16(high, low, 0xf0)};
}

KITH_SHA_INLINE void kith_sha256_narrow(const struct kith_sha256_wide *s, uint32_t state[8])
{
	__m128i *memory = (void *)state;
	__m128i low = _mm_shuffle_epi32(s->abef, 0x1b);  /* feba, from the low end */
	__m128i high = _mm_shuffle_epi32(s->cdgh, 0xb1); /* dchg */

	_mm_storeu_si128(memory, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128(memory + 1, _mm_alignr_epi8(high, low, 8));
}

/* Rounds t to t + 3, with their words. */
KITH_SHA_INLINE void kith_sha256_rounds(struct kith_sha256_wide *s, __m128i w, unsigned t)
{
	w = _mm_add_epi32(w, kith_sha_load(kith_sha256_k + t));
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, w);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(w, 0x0e));
}

/* The four words behind w12, of the sixteen before. */
KITH_SHA_INLINE __m128i kith_sha256_schedule(__m128i w0, __m128i w4, __m128i w8, __m128i w12)
{
	__m128i w = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));

	return _mm_sha256msg2_epu32(w, w12);
}

#endif
#endif
