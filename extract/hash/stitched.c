/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stitched.c: sixteen times four steps of MD5 (RFC 1321), between them the sixteen times four
 * rounds of SHA-256 and the twenty times four rounds of SHA-1 (FIPS 180-4). Everything is inline
 * with `t` and the number of lanes constant, so that the compiler sees one straight run of
 * instructions and keeps all of it in registers; the processor then runs the chains beside each
 * other. One lane is bound by the length of MD5's chain; two, of different streams, still fit.
 */
#include "hash/stitched.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sha256_x86.h"

#ifdef KITH_SHA_INSTRUCTIONS

struct md5 {
	uint32_t a, b, c, d;
};

struct sha1 {
	__m128i abcd, before, e; /* before: abcd of four rounds ago, which becomes e */
};

struct state {
	struct md5 md5;
	struct sha1 sha1;
	struct kith_sha256_wide sha256;
	__m128i w1[4], w256[4]; /* the last 16 words of each schedule */
};

/* ---------------------------------------------------------------------- MD5 */

static const uint32_t md5_t[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

KITH_SHA_INLINE uint32_t md5_step(uint32_t a, uint32_t b, uint32_t c, uint32_t d,
				  const uint8_t *block, unsigned t)
{
	static const uint8_t shifts[4][4] = {
	    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
	static const uint8_t first[4] = {0, 1, 5, 0}, stride[4] = {1, 5, 3, 7};
	const unsigned round = t / 16, shift = shifts[round][t % 4];

	/* b comes last: what does not need it is added while it is waited for */
	a +=
	    md5_t[t] + kith_get_le32(block + (size_t)4 * ((first[round] + stride[round] * t) % 16));
	switch (round) {
	case 0: a += d ^ (b & (c ^ d)); break;
	case 1: a = (a + (c & ~d)) + (b & d); break; /* no bit is in both */
	case 2: a += b ^ (c ^ d); break;
	default: a += c ^ (b | ~d);
	}
	return b + (a << shift | a >> (32 - shift));
}

KITH_SHA_INLINE void md5_turn(struct md5 *s, const uint8_t *block, unsigned t)
{
	const uint32_t b = md5_step(s->a, s->b, s->c, s->d, block, t);

	*s = (struct md5){s->d, b, s->b, s->c};
}

/* ------------------------------------------------------- SHA-1 and SHA-256 */

/* Rounds 4 g to 4 g + 3; makes the words of sixteen rounds later. */
KITH_SHA_INLINE void sha1_four(struct sha1 *s, __m128i w[4], unsigned g)
{
	const __m128i words = w[g % 4];
	const __m128i e =
	    g == 0 ? _mm_add_epi32(s->e, words) : _mm_sha1nexte_epu32(s->before, words);

	s->before = s->abcd;
	switch (g / 5) {
	case 0: s->abcd = _mm_sha1rnds4_epu32(s->abcd, e, 0); break;
	case 1: s->abcd = _mm_sha1rnds4_epu32(s->abcd, e, 1); break;
	case 2: s->abcd = _mm_sha1rnds4_epu32(s->abcd, e, 2); break;
	default: s->abcd = _mm_sha1rnds4_epu32(s->abcd, e, 3);
	}
	if (g >= 1 && g <= 16) { /* the words of round group g + 3 */
		__m128i *next = &w[(g + 3) % 4];

		*next = _mm_xor_si128(_mm_sha1msg1_epu32(*next, w[g % 4]), w[(g + 1) % 4]);
		*next = _mm_sha1msg2_epu32(*next, w[(g + 2) % 4]);
	}
}

KITH_SHA_INLINE void sha256_four(struct kith_sha256_wide *s, __m128i w[4], unsigned g)
{
	kith_sha256_rounds(s, w[g % 4], 4 * g);
	if (g >= 3 && g <= 14)
		w[(g + 1) % 4] =
		    kith_sha256_schedule(w[(g + 1) % 4], w[(g + 2) % 4], w[(g + 3) % 4], w[g % 4]);
}

/* -------------------------------------------------------------------- blocks */

KITH_SHA_INLINE void start(struct state *s, const uint8_t *block)
{
	const __m128i backwards = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
	unsigned i;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
		const __m128i bytes = kith_sha_load(block + (size_t)16 * i);

		s->w1[i] = _mm_shuffle_epi8(bytes, backwards);
		s->w256[i] = _mm_shuffle_epi8(bytes, KITH_SHA256_WORDS);
	}
}

/* A quarter of a block of each lane. */
KITH_SHA_INLINE void quarter(struct state *s, const uint8_t *const *blocks, unsigned lanes,
			     unsigned q)
{
	unsigned i, k, lane;

#pragma GCC unroll 4
	for (i = 0; i < 4; i++) {
#pragma GCC unroll 4
		for (k = 0; k < 4; k++)
#pragma GCC unroll 2
			for (lane = 0; lane < lanes; lane++)
				md5_turn(&s[lane].md5, blocks[lane], 16 * q + 4 * i + k);
#pragma GCC unroll 2
		for (lane = 0; lane < lanes; lane++)
			sha256_four(&s[lane].sha256, s[lane].w256, 4 * q + i);
#pragma GCC unroll 2
		for (lane = 0; lane < lanes; lane++)
			sha1_four(&s[lane].sha1, s[lane].w1, 5 * q + i);
	}
#pragma GCC unroll 2
	for (lane = 0; lane < lanes; lane++)
		sha1_four(&s[lane].sha1, s[lane].w1, 5 * q + 4);
}

KITH_SHA_INLINE void finish(struct state *s, const struct state *was)
{
	s->md5.a += was->md5.a, s->md5.b += was->md5.b;
	s->md5.c += was->md5.c, s->md5.d += was->md5.d;
	s->sha1.e = _mm_sha1nexte_epu32(s->sha1.before, was->sha1.e);
	s->sha1.abcd = _mm_add_epi32(s->sha1.abcd, was->sha1.abcd);
	s->sha256.abef = _mm_add_epi32(s->sha256.abef, was->sha256.abef);
	s->sha256.cdgh = _mm_add_epi32(s->sha256.cdgh, was->sha256.cdgh);
}

KITH_SHA_INLINE void compress_lanes(struct stitched *const *to, const uint8_t *const *data,
				    unsigned lanes, size_t n_blocks)
{
	struct state s[2], was[2];
	const uint8_t *at[2];
	unsigned lane;

#pragma GCC unroll 2
	for (lane = 0; lane < lanes; lane++) {
		struct stitched *from = to[lane];

		s[lane] = (struct state){
		    .md5 = {from->md5[0], from->md5[1], from->md5[2], from->md5[3]},
		    .sha1 = {.abcd = _mm_shuffle_epi32(kith_sha_load(from->sha1), 0x1b),
			     .e = _mm_set_epi32((int)from->sha1[4], 0, 0, 0)},
		    .sha256 = kith_sha256_widen(from->sha256)};
		at[lane] = data[lane];
	}
	for (; n_blocks > 0; n_blocks--) {
#pragma GCC unroll 2
		for (lane = 0; lane < lanes; lane++) {
			was[lane] = s[lane];
			start(&s[lane], at[lane]);
		}
		quarter(s, at, lanes, 0);
		quarter(s, at, lanes, 1);
		quarter(s, at, lanes, 2);
		quarter(s, at, lanes, 3);
#pragma GCC unroll 2
		for (lane = 0; lane < lanes; lane++) {
			finish(&s[lane], &was[lane]);
			at[lane] += STITCHED_BLOCK;
		}
	}
#pragma GCC unroll 2
	for (lane = 0; lane < lanes; lane++) {
		struct stitched *into = to[lane];

		into->md5[0] = s[lane].md5.a, into->md5[1] = s[lane].md5.b;
		into->md5[2] = s[lane].md5.c, into->md5[3] = s[lane].md5.d;
		_mm_storeu_si128((void *)into->sha1, _mm_shuffle_epi32(s[lane].sha1.abcd, 0x1b));
		into->sha1[4] = (uint32_t)_mm_extract_epi32(s[lane].sha1.e, 3);
		kith_sha256_narrow(&s[lane].sha256, into->sha256);
	}
}

KITH_WITH_SHA static void compress(struct stitched *s, const uint8_t *data, size_t n_blocks)
{
	compress_lanes(&s, &data, 1, n_blocks);
}

KITH_WITH_SHA static void compress_two(struct stitched *a, const uint8_t *data_a,
				       struct stitched *b, const uint8_t *data_b, size_t n_blocks)
{
	struct stitched *const to[2] = {a, b};
	const uint8_t *const data[2] = {data_a, data_b};

	compress_lanes(to, data, 2, n_blocks);
}

bool stitched_available(void)
{
	return kith_has_sha();
}

#else

/* Never asked for. */
static void compress(struct stitched *s, const uint8_t *data, size_t n_blocks)
{
	(void)s, (void)data, (void)n_blocks;
}

static void compress_two(struct stitched *a, const uint8_t *data_a, struct stitched *b,
			 const uint8_t *data_b, size_t n_blocks)
{
	compress(a, data_a, n_blocks);
	compress(b, data_b, n_blocks);
}

bool stitched_available(void)
{
	return false;
}

#endif

/* -------------------------------------------------------------------- stream */

void stitched_begin(struct stitched *s)
{
	static const struct stitched first = {
	    {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
	     0x5be0cd19},
	    {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0},
	    {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476},
	    0,
	    {0}};

	*s = first;
}

void stitched_add(struct stitched *s, const void *data, size_t n)
{
	const uint8_t *in = data;
	size_t waiting = (size_t)(s->n % STITCHED_BLOCK), now = STITCHED_BLOCK - waiting;

	if (n == 0)
		return;
	s->n += n;
	if (waiting > 0) {
		now = n < now ? n : now;
		memcpy(s->block + waiting, in, now);
		if (waiting + now < STITCHED_BLOCK)
			return;
		compress(s, s->block, 1);
		in += now;
		n -= now;
	}
	compress(s, in, n / STITCHED_BLOCK);
	memcpy(s->block, in + n / STITCHED_BLOCK * STITCHED_BLOCK, n % STITCHED_BLOCK);
}

void stitched_add_two(struct stitched *a, const uint8_t *data_a, size_t n_a, struct stitched *b,
		      const uint8_t *data_b, size_t n_b)
{
	size_t blocks = (n_a < n_b ? n_a : n_b) / STITCHED_BLOCK, both = blocks * STITCHED_BLOCK;

	if (a->n % STITCHED_BLOCK == 0 && b->n % STITCHED_BLOCK == 0) {
		compress_two(a, data_a, b, data_b, blocks);
		a->n += both;
		b->n += both;
		data_a += both, n_a -= both;
		data_b += both, n_b -= both;
	}
	stitched_add(a, data_a, n_a);
	stitched_add(b, data_b, n_b);
}

/* The padding is the same for all three, but for the byte order of the length: MD5 sees another
 * last block than the others, and so takes its turn on a copy. */
void stitched_end(struct stitched *s, struct kith_digests *ret)
{
	uint8_t last[2 * STITCHED_BLOCK] = {0}, md5_last[2 * STITCHED_BLOCK];
	size_t waiting = (size_t)(s->n % STITCHED_BLOCK);
	size_t blocks = waiting < STITCHED_BLOCK - 8 ? 1 : 2;
	uint8_t *length = last + blocks * STITCHED_BLOCK - 8;
	struct stitched md5 = *s;
	unsigned i;

	memcpy(last, s->block, waiting);
	last[waiting] = 0x80;
	kith_put_be64(length, s->n * 8);
	memcpy(md5_last, last, sizeof last);
	kith_put_le64(md5_last + (length - last), s->n * 8);
	compress_two(s, last, &md5, md5_last, blocks);
	for (i = 0; i < 8; i++)
		kith_put_be32(ret->sha256 + (size_t)4 * i, s->sha256[i]);
	for (i = 0; i < 5; i++)
		kith_put_be32(ret->sha1 + (size_t)4 * i, s->sha1[i]);
	for (i = 0; i < 4; i++)
		kith_put_le32(ret->md5 + (size_t)4 * i, md5.md5[i]);
}
