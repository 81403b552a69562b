/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c: over libcrypto's EVP. An EVP call on valid contexts fails only for lack of memory or
 * of the algorithm; both show in kith_sha_new, which does a whole round.
 */
#include "core/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct kith_sha {
	const EVP_MD *md;
	EVP_MD_CTX *running, *copy;
};

struct kith_sha *kith_sha_new(enum kith_digest kind)
{
	struct kith_sha *sha = calloc(1, sizeof *sha);
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (sha == NULL)
		return NULL;
	sha->md = kind == KITH_SHA256 ? EVP_sha256() : EVP_sha1();
	sha->running = EVP_MD_CTX_new();
	sha->copy = EVP_MD_CTX_new();
	if (sha->running == NULL || sha->copy == NULL ||
	    EVP_DigestInit_ex(sha->running, sha->md, NULL) != 1 ||
	    EVP_MD_CTX_copy_ex(sha->copy, sha->running) != 1 ||
	    EVP_DigestFinal_ex(sha->copy, digest, NULL) != 1) {
		kith_sha_free(sha);
		return NULL;
	}
	return sha;
}

void kith_sha_free(struct kith_sha *sha)
{
	if (sha == NULL)
		return;
	EVP_MD_CTX_free(sha->running);
	EVP_MD_CTX_free(sha->copy);
	free(sha);
}

void kith_sha_reset(struct kith_sha *sha)
{
	(void)EVP_DigestInit_ex(sha->running, sha->md, NULL);
}

void kith_sha_add(struct kith_sha *sha, const void *data, size_t n)
{
	(void)EVP_DigestUpdate(sha->running, data, n);
}

void kith_sha_get(struct kith_sha *sha, uint8_t *ret_digest)
{
	(void)EVP_MD_CTX_copy_ex(sha->copy, sha->running);
	(void)EVP_DigestFinal_ex(sha->copy, ret_digest, NULL);
}
