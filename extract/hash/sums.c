/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sums.c: over libcrypto's EVP. A call on valid contexts fails for lack of memory alone; it is
 * remembered and told at the end, since a digest that is wrong is worse than none.
 */
#include "hash/sums.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define SUMS 3u
/* All three pass over a piece while it is in the first-level or second-level cache. */
#define PIECE ((size_t)32 << 10)

struct sum_methods {
	EVP_MD *md[SUMS];
};

struct sums {
	const struct sum_methods *methods;
	EVP_MD_CTX *ctx[SUMS];
	bool failed[SUMS]; /* of its own part each, so that no two threads share one */
};

struct sum_methods *sum_methods_new(void)
{
	static const char *const names[SUMS] = {"SHA256", "SHA1", "MD5"};
	struct sum_methods *methods = calloc(1, sizeof *methods);
	unsigned i;

	for (i = 0; methods != NULL && i < SUMS; i++) {
		methods->md[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (methods->md[i] == NULL) {
			sum_methods_free(methods);
			return NULL;
		}
	}
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
		sums->ctx[i] = EVP_MD_CTX_new();
		if (sums->ctx[i] == NULL) {
			sums_free(sums);
			return NULL;
		}
	}
	sums_begin(sums, SUM_ALL);
	sums_add_zeros(sums, SUM_ALL, 1);
	if (!sums_end(sums, SUM_ALL, &digests)) {
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

void sums_begin(struct sums *sums, unsigned parts)
{
	unsigned i;

	for (i = 0; i < SUMS; i++)
		if ((parts & 1u << i) != 0)
			sums->failed[i] =
			    EVP_DigestInit_ex2(sums->ctx[i], sums->methods->md[i], NULL) != 1;
}

void sums_add(struct sums *sums, unsigned parts, const void *data, size_t n)
{
	const uint8_t *p = data;
	unsigned i;

	while (n > 0) {
		size_t now = n < PIECE ? n : PIECE;

		for (i = 0; i < SUMS; i++)
			if ((parts & 1u << i) != 0 && EVP_DigestUpdate(sums->ctx[i], p, now) != 1)
				sums->failed[i] = true;
		p += now;
		n -= now;
	}
}

void sums_add_zeros(struct sums *sums, unsigned parts, uint64_t n)
{
	static const uint8_t zeros[PIECE];

	while (n > 0) {
		size_t now = n < PIECE ? (size_t)n : PIECE;

		sums_add(sums, parts, zeros, now);
		n -= now;
	}
}

bool sums_end(struct sums *sums, unsigned parts, struct kith_digests *ret)
{
	uint8_t *const to[SUMS] = {ret->sha256, ret->sha1, ret->md5};
	bool ok = true;
	unsigned i;

	for (i = 0; i < SUMS; i++)
		if ((parts & 1u << i) != 0 &&
		    (EVP_DigestFinal_ex(sums->ctx[i], to[i], NULL) != 1 || sums->failed[i]))
			ok = false;
	return ok;
}
