/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c: SHA-256 for kith; the one place of the lookup programs that knows libcrypto. */
#include <openssl/evp.h>

#include "cli/cli.h"

static bool feed(void *user, const void *data, size_t n)
{
	return EVP_DigestUpdate(user, data, n) == 1;
}

enum kith_status kith_digest_of_dump(kith_set *set, uint8_t ret_id[32], struct kith_err *err)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	enum kith_status st;

	if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		st = kith_fail_nomem(err);
	else
		st = kith_dump_set(set, feed, context, err);
	if (st == KITH_OK && EVP_DigestFinal_ex(context, ret_id, NULL) != 1)
		st = kith_fail(err, KITH_E_UNSUPPORTED, "libcrypto cannot make a SHA-256");
	EVP_MD_CTX_free(context);
	return st;
}
