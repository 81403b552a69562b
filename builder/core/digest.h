/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h: SHA-256 and SHA-1 for the builder. The only part of it that knows libcrypto. */
#ifndef KITH_CORE_DIGEST_H
#define KITH_CORE_DIGEST_H

#include "kith.h"

struct kith_sha;

/* kind: KITH_SHA256 or KITH_SHA1. NULL: out of memory. */
struct kith_sha *kith_sha_new(enum kith_digest kind);
void kith_sha_free(struct kith_sha *sha);
/* Start anew. */
void kith_sha_reset(struct kith_sha *sha);
void kith_sha_add(struct kith_sha *sha, const void *data, size_t n);
/* The digest of what was added so far; more may be added afterwards. */
void kith_sha_get(struct kith_sha *sha, uint8_t *ret_digest);

#endif
