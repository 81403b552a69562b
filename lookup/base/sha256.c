/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256.c: the portable code is the reference; processors of the x86 family that have instructions
 * for SHA-256 use them, which is four times as fast. Names are those of FIPS 180-4.
 */
#include "sha256.h"

#include <stdbool.h>
#include <string.h>

#include "bytes.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>
#define HAVE_SHA_INSTRUCTIONS 1
#endif

#define BLOCK 64u

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* --------------------------------------------------------------- portable */

static uint32_t rotr(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void compress_portable(uint32_t state[8], const uint8_t *blocks, size_t n_blocks)
{
	uint32_t w[64], a, b, c, d, e, f, g, h;
	unsigned t;

	for (; n_blocks > 0; n_blocks--, blocks += BLOCK) {
		for (t = 0; t < 16; t++)
			w[t] = kith_get_be32(blocks + (size_t)4 * t);
		for (; t < 64; t++) {
			uint32_t x = w[t - 15], y = w[t - 2];

			w[t] = w[t - 16] + (rotr(x, 7) ^ rotr(x, 18) ^ x >> 3) + w[t - 7] +
			       (rotr(y, 17) ^ rotr(y, 19) ^ y >> 10);
		}
		a = state[0], b = state[1], c = state[2], d = state[3];
		e = state[4], f = state[5], g = state[6], h = state[7];
		for (t = 0; t < 64; t++) {
			uint32_t t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) +
				      (g ^ (e & (f ^ g))) + k[t] + w[t];
			uint32_t t2 =
			    (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) | (c & (a | b)));

			h = g, g = f, f = e, e = d + t1;
			d = c, c = b, b = a, a = t1 + t2;
		}
		state[0] += a, state[1] += b, state[2] += c, state[3] += d;
		state[4] += e, state[5] += f, state[6] += g, state[7] += h;
	}
}

/* ----------------------------------------------------------- instructions */

#ifdef HAVE_SHA_INSTRUCTIONS

#define WITH_SHA __attribute__((target("sha,sse4.1"), always_inline)) static inline

struct wide {
	__m128i abef, cdgh;
};

/* Four rounds with the words w and their constants. */
WITH_SHA void rounds(struct wide *s, __m128i w, const uint32_t *constants)
{
	w = _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(const void *)constants));
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, w);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(w, 0x0e));
}

/* The four words behind w12, of the sixteen before. */
WITH_SHA __m128i schedule(__m128i w0, __m128i w4, __m128i w8, __m128i w12)
{
	__m128i w = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8(w12, w8, 4));

	return _mm_sha256msg2_epu32(w, w12);
}

WITH_SHA __m128i load_be(const uint8_t *p)
{
	const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

	return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), order);
}

__attribute__((target("sha,sse4.1"))) static void
compress_sha(uint32_t state[8], const uint8_t *blocks, size_t n_blocks)
{
	__m128i *memory = (void *)state;
	__m128i low = _mm_shuffle_epi32(_mm_loadu_si128(memory), 0xb1);      /* cdab */
	__m128i high = _mm_shuffle_epi32(_mm_loadu_si128(memory + 1), 0x1b); /* efgh */
	struct wide s = {_mm_alignr_epi8(low, high, 8), _mm_blend_epi16(high, low, 0xf0)};
	unsigned t;

	for (; n_blocks > 0; n_blocks--, blocks += BLOCK) {
		struct wide before = s;
		__m128i w0 = load_be(blocks), w4 = load_be(blocks + 16);
		__m128i w8 = load_be(blocks + 32), w12 = load_be(blocks + 48);

		for (t = 0;; t += 16) {
			rounds(&s, w0, k + t);
			rounds(&s, w4, k + t + 4);
			rounds(&s, w8, k + t + 8);
			rounds(&s, w12, k + t + 12);
			if (t == 48)
				break;
			w0 = schedule(w0, w4, w8, w12);
			w4 = schedule(w4, w8, w12, w0);
			w8 = schedule(w8, w12, w0, w4);
			w12 = schedule(w12, w0, w4, w8);
		}
		s.abef = _mm_add_epi32(s.abef, before.abef);
		s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
	}
	low = _mm_shuffle_epi32(s.abef, 0x1b);  /* feba, from the low end */
	high = _mm_shuffle_epi32(s.cdgh, 0xb1); /* dchg */
	_mm_storeu_si128(memory, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128(memory + 1, _mm_alignr_epi8(high, low, 8));
}

static bool has_sha(void)
{
	unsigned a, b, c, d;

	if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSE4_1) == 0)
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

#endif

/* ----------------------------------------------------------------- stream */

void kith_sha256_init_portable(struct kith_sha256 *sha)
{
	static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(sha->state, first, sizeof first);
	sha->n = 0;
	sha->compress = compress_portable;
}

void kith_sha256_init(struct kith_sha256 *sha)
{
	kith_sha256_init_portable(sha);
#ifdef HAVE_SHA_INSTRUCTIONS
	if (has_sha())
		sha->compress = compress_sha;
#endif
}

void kith_sha256_add(struct kith_sha256 *sha, const void *data, size_t n)
{
	const uint8_t *in = data;
	size_t waiting = (size_t)(sha->n % BLOCK), now = BLOCK - waiting;

	if (n == 0)
		return;
	sha->n += n;
	if (waiting > 0) {
		now = n < now ? n : now;
		memcpy(sha->block + waiting, in, now);
		if (waiting + now < BLOCK)
			return;
		sha->compress(sha->state, sha->block, 1);
		in += now;
		n -= now;
	}
	sha->compress(sha->state, in, n / BLOCK);
	memcpy(sha->block, in + n / BLOCK * BLOCK, n % BLOCK);
}

void kith_sha256_end(struct kith_sha256 *sha, uint8_t ret_digest[KITH_SHA256_SIZE])
{
	static const uint8_t padding[BLOCK] = {0x80};
	uint64_t bits = sha->n * 8;
	uint8_t length[8];
	unsigned i;

	/* up to 8 bytes before the end of a block, where the length goes */
	kith_sha256_add(sha, padding, BLOCK - (size_t)(sha->n + 8) % BLOCK);
	kith_put_be64(length, bits);
	kith_sha256_add(sha, length, sizeof length);
	for (i = 0; i < 8; i++)
		kith_put_be32(ret_digest + (size_t)4 * i, sha->state[i]);
}
