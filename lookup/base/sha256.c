/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256.c: the portable code is the reference; processors of the x86 family that have instructions
 * for SHA-256 use them, which is four times as fast. Names are those of FIPS 180-4.
 */
#include "sha256.h"

#include <stdatomic.h>
#include <string.h>

#include "bytes.h"
#include "sha256_x86.h"

#ifdef KITH_SHA_INSTRUCTIONS
#include <cpuid.h>
#endif

#define BLOCK 64u

const uint32_t kith_sha256_k[64] = {
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
				      (g ^ (e & (f ^ g))) + kith_sha256_k[t] + w[t];
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

#ifdef KITH_SHA_INSTRUCTIONS

KITH_WITH_SHA static void compress_sha(uint32_t state[8], const uint8_t *blocks, size_t n_blocks)
{
	struct kith_sha256_wide s = kith_sha256_widen(state);
	unsigned i, t;

	for (; n_blocks > 0; n_blocks--, blocks += BLOCK) {
		struct kith_sha256_wide before = s;
		__m128i w[4];

		for (i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(kith_sha_load(blocks + (size_t)16 * i),
						KITH_SHA256_WORDS);
		for (t = 0;; t += 16) {
			for (i = 0; i < 4; i++)
				kith_sha256_rounds(&s, w[i], t + 4 * i);
			if (t == 48)
				break;
			for (i = 0; i < 4; i++)
				w[i] = kith_sha256_schedule(w[i], w[(i + 1) % 4], w[(i + 2) % 4],
							    w[(i + 3) % 4]);
		}
		s.abef = _mm_add_epi32(s.abef, before.abef);
		s.cdgh = _mm_add_epi32(s.cdgh, before.cdgh);
	}
	kith_sha256_narrow(&s, state);
}

static bool ask_processor(void)
{
	unsigned a, b, c, d;

	if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSE4_1) == 0)
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0 &&
	       (b & bit_BMI) != 0;
}

/* Asked once: on a virtual machine the question takes as long as hashing 50 KB. Threads that ask at
 * the same time get the same answer. */
bool kith_has_sha(void)
{
	static atomic_int known; /* 0: not yet, 1: no, 2: yes */
	int has = atomic_load_explicit(&known, memory_order_relaxed);

	if (has == 0) {
		has = ask_processor() ? 2 : 1;
		atomic_store_explicit(&known, has, memory_order_relaxed);
	}
	return has == 2;
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
#ifdef KITH_SHA_INSTRUCTIONS
	if (kith_has_sha())
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
