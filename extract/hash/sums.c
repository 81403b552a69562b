/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sums.c: a call of libcrypto's on valid contexts fails for lack of memory alone; it is remembered
 * and told at the end, since a digest that is wrong is worse than none.
 */
#include "hash/sums.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "hash/stitched.h"

#define SUMS 3u
/* All three pass over a piece while it is in the first-level or second-level cache. */
#define PIECE ((size_t)32 << 10)

struct sum_methods {
	bool stitched;    /* then there is no md */
	EVP_MD *md[SUMS]; /* NULL: not asked for */
};

struct sums {
	const struct sum_methods *methods;
	struct stitched stitched;
	EVP_MD_CTX *ctx[SUMS];
	bool failed;
};

struct sum_methods *sum_methods_new_libcrypto(unsigned which)
{
	static const char *const names[SUMS] = {"SHA256", "SHA1", "MD5"};
	struct sum_methods *methods = calloc(1, sizeof *methods);
	unsigned i;

	for (i = 0; methods != NULL && i < SUMS; i++) {
		if ((which & 1u << i) == 0)
			continue;
		methods->md[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (methods->md[i] == NULL) {
			sum_methods_free(methods);
			return NULL;
		}
	}
	return methods;
}

struct sum_methods *sum_methods_new(unsigned which)
{
	struct sum_methods *methods;

	if (which != SUM_ALL || !stitched_available())
		return sum_methods_new_libcrypto(which);
	methods = calloc(1, sizeof *methods);
	if (methods != NULL)
		methods->stitched = true;
	return methods;
}

void sum_methods_free(struct sum_methods *methods)
{
	unsigned i;

	if (methods == NULL)
		return;
	for (i = 0; i < SUMS; i++)
		EVP_MD_free(methods->md[i]);
	free(methods);
}

struct sums *sums_new(const struct sum_methods *methods)
{
	struct sums *sums = calloc(1, sizeof *sums);
	struct kith_digests digests;
	unsigned i;

	if (sums == NULL)
		return NULL;
	sums->methods = methods;
	for (i = 0; i < SUMS; i++) {
		if (methods->md[i] == NULL)
			continue;
		sums->ctx[i] = EVP_MD_CTX_new();
		if (sums->ctx[i] == NULL) {
			sums_free(sums);
			return NULL;
		}
	}
	sums_begin(sums);
	sums_add_zeros(sums, 1);
	if (!sums_end(sums, &digests)) {
		sums_free(sums);
		return NULL;
	}
	return sums;
}

void sums_free(struct sums *sums)
{
	unsigned i;

	if (sums == NULL)
		return;
	for (i = 0; i < SUMS; i++)
		EVP_MD_CTX_free(sums->ctx[i]);
	free(sums);
}

void sums_begin(struct sums *sums)
{
	unsigned i;

	sums->failed = false;
	if (sums->methods->stitched)
		stitched_begin(&sums->stitched);
	for (i = 0; i < SUMS; i++)
		if (sums->ctx[i] != NULL &&
		    EVP_DigestInit_ex2(sums->ctx[i], sums->methods->md[i], NULL) != 1)
			sums->failed = true;
}

static void add_by_libcrypto(struct sums *sums, const uint8_t *p, size_t n)
{
	unsigned i;

	while (n > 0) {
		size_t now = n < PIECE ? n : PIECE;

		for (i = 0; i < SUMS; i++)
			if (sums->ctx[i] != NULL && EVP_DigestUpdate(sums->ctx[i], p, now) != 1)
				sums->failed = true;
		p += now;
		n -= now;
	}
}

void sums_add(struct sums *sums, const void *data, size_t n)
{
	if (sums->methods->stitched)
		stitched_add(&sums->stitched, data, n);
	else
		add_by_libcrypto(sums, data, n);
}

void sums_add_two(struct sums *a, const void *data_a, size_t n_a, struct sums *b,
		  const void *data_b, size_t n_b)
{
	if (a->methods->stitched) {
		stitched_add_two(&a->stitched, data_a, n_a, &b->stitched, data_b, n_b);
		return;
	}
	sums_add(a, data_a, n_a);
	sums_add(b, data_b, n_b);
}

bool sums_two_pay(const struct sum_methods *methods)
{
	return methods->stitched;
}

void sums_add_zeros(struct sums *sums, uint64_t n)
{
	static const uint8_t zeros[PIECE];

	while (n > 0) {
		size_t now = n < PIECE ? (size_t)n : PIECE;

		sums_add(sums, zeros, now);
		n -= now;
	}
}

bool sums_end(struct sums *sums, struct kith_digests *ret)
{
	uint8_t *const to[SUMS] = {ret->sha256, ret->sha1, ret->md5};
	unsigned i;

	if (sums->methods->stitched) {
		stitched_end(&sums->stitched, ret);
		return true;
	}
	for (i = 0; i < SUMS; i++)
		if (sums->ctx[i] != NULL && EVP_DigestFinal_ex(sums->ctx[i], to[i], NULL) != 1)
			sums->failed = true;
	return !sums->failed;
}
