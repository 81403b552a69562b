/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c: the set id, which is the SHA-256 of the dump. */
#include "base/sha256.h"
#include "cli/cli.h"

static bool feed(void *user, const void *data, size_t n)
{
	kith_sha256_add(user, data, n);
	return true;
}

enum kith_status kith_digest_of_dump(kith_set *set, uint8_t ret_id[32], struct kith_err *err)
{
	struct kith_sha256 sha;
	enum kith_status st;

	kith_sha256_init(&sha);
	st = kith_dump_set(set, feed, &sha, err);
	if (st == KITH_OK)
		kith_sha256_end(&sha, ret_id);
	return st;
}
