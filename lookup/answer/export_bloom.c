/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_bloom.c: a Bloom filter in version 1 of DCSO's format, as CIRCL publishes them. Items are
 * the hashes as upper-case hex text, SHA-1 unless told otherwise. A filter can say "no" only; what
 * it says "yes" to must be looked up. Unlike everything else here the filter is in memory as a
 * whole: about 3.6 GB for 1,000 million hashes at one false positive in a million.
 *
 * The arithmetic is that of the reference implementation, quirks included: the size is rounded
 * toward zero, and positions come from a product that wraps at 64 bits.
 */
#include <stdlib.h>
#include <string.h>

#include "answer/export.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/hex.h"
#include "base/limits.h"

#define MODULUS     UINT64_C(18446744073709551557)
#define MULTIPLIER  UINT64_C(18446744073709550147)
#define FNV_OFFSET  UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME   UINT64_C(0x100000001b3)
#define HEAD_FIELDS 6

struct bloom {
	uint64_t n, k, m, added;
	uint64_t *words;
	size_t n_words;
	uint64_t counted;
};

/*
 * The natural logarithm of x, 0 < x < 1. Here, because this is the only place that would need libm,
 * and every start of kith would load it: half a millisecond. 2 atanh((m - 1) / (m + 1)) = log m.
 */
static double logarithm(double x)
{
	const long double ln2 = 0.693147180559945309417232121458176568L;
	long double z, power, sum = 0;
	int exponent = 0, i;

	for (; x < 0.5; x *= 2) /* exact. NOLINT */
		exponent--;
	z = power = ((long double)x - 1) / ((long double)x + 1);
	for (i = 1; i < 50; i += 2) { /* |z| <= 1/3: behind that nothing is left to add */
		sum += power / i;
		power *= z * z;
	}
	return (double)(exponent * ln2 + 2 * sum);
}

/* The filter is as large as the number of digests wants it. */
static enum kith_status begin(struct kith_export *export, struct bloom *bloom)
{
	const double ln2 = 0.69314718055994530942;
	double bits, rounds;

	bloom->n = export->bloom_n != 0 ? export->bloom_n : bloom->counted;
	if (bloom->n == 0)
		bloom->n = 1;
	bits = (double)bloom->n * -logarithm(export->bloom_fp) / (ln2 * ln2);
	if (!(bits >= 1) || bits / 8 > (double)KITH_LIMIT_BLOOM)
		return KITH_E_LIMIT;
	bloom->m = (uint64_t)bits;
	rounds = ln2 * (double)bloom->m / (double)bloom->n;
	bloom->k = (uint64_t)rounds;
	bloom->k += (double)bloom->k < rounds;
	bloom->n_words = (size_t)((bloom->m + 63) / 64);
	bloom->words = calloc(bloom->n_words, sizeof *bloom->words);
	return bloom->words == NULL ? KITH_E_NOMEM : KITH_OK;
}

static enum kith_status put(struct kith_export *export, const uint8_t *digest, void *user)
{
	struct bloom *bloom = user;
	char hex[2 * KITH_SHA256_SIZE];
	const char *end, *p;
	uint64_t h = FNV_OFFSET, i;
	bool is_new = false;

	end = kith_hex_encode_upper(digest, kith_digest_size(export->bloom_item), hex);
	for (p = hex; p < end; p++) {
		h *= FNV_PRIME;
		h ^= (uint8_t)*p;
	}
	h %= MODULUS;
	for (i = 0; i < bloom->k; i++) {
		uint64_t bit, mask;

		h = h * MULTIPLIER % MODULUS;
		bit = h % bloom->m;
		mask = UINT64_C(1) << (bit % 64);
		is_new = is_new || (bloom->words[bit / 64] & mask) == 0;
		bloom->words[bit / 64] |= mask;
	}
	bloom->added += is_new;
	export->n_written++;
	return KITH_OK;
}

static enum kith_status count(struct kith_export *export, const uint8_t *digest, void *user)
{
	struct bloom *bloom = user;

	(void)export;
	(void)digest;
	bloom->counted++;
	return KITH_OK;
}

static bool write_filter(const struct kith_export *export, const struct bloom *bloom)
{
	uint64_t fields[HEAD_FIELDS] = {1, bloom->n, 0, bloom->k, bloom->m, bloom->added};
	uint8_t bytes[8];
	size_t i;

	memcpy(&fields[2], &export->bloom_fp, sizeof fields[2]);
	for (i = 0; i < HEAD_FIELDS + bloom->n_words; i++) {
		kith_put_le64(bytes, i < HEAD_FIELDS ? fields[i] : bloom->words[i - HEAD_FIELDS]);
		if (!kith_out_write(export->out, bytes, sizeof bytes))
			return false;
	}
	return true;
}

static enum kith_status run_bloom(const struct kith_export_target *target,
				  struct kith_export *export, struct kith_err *err)
{
	struct bloom bloom = {.counted = 0};
	enum kith_status st = KITH_OK;

	(void)target;
	if (export->bloom_n == 0)
		st = kith_export_digests(export, export->bloom_item, count, &bloom, err);
	if (st == KITH_OK)
		st = begin(export, &bloom);
	if (st == KITH_OK)
		st = kith_export_digests(export, export->bloom_item, put, &bloom, err);
	if (st == KITH_E_LIMIT)
		(void)kith_fail(err, st, "a filter for %llu hashes at this rate is too large",
				(unsigned long long)bloom.n);
	/* An overfull filter says yes to everything. */
	if (st == KITH_OK && export->n_written > bloom.n)
		st = kith_fail(err, KITH_E_LIMIT,
			       "there are %llu hashes, more than the filter's capacity of %llu",
			       (unsigned long long)export->n_written, (unsigned long long)bloom.n);
	if (st == KITH_OK && !write_filter(export, &bloom))
		st = KITH_E_IO;
	free(bloom.words);
	return st;
}

const struct kith_export_target kith_export_bloom[] = {
    {"bloom", "Bloom filter of DCSO and CIRCL, version 1", run_bloom, KITH_SHA1, NULL, false},
    {NULL, NULL, NULL, KITH_SHA256, NULL, false},
};
