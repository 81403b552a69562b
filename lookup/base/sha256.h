/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256.h: SHA-256 (FIPS 180-4) for what the lookup programs hash themselves, which is the dump of
 * a set. It is here, and not libcrypto's, because loading libcrypto costs a process three
 * milliseconds, a third of what `kith lookup` of one hash took with it.
 */
#ifndef KITH_BASE_SHA256_H
#define KITH_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "kith.h"

struct kith_sha256 {
	uint32_t state[8];
	uint64_t n;        /* bytes so far */
	uint8_t block[64]; /* its first n % 64 bytes wait for more */
	void (*compress)(uint32_t state[8], const uint8_t *blocks, size_t n_blocks);
};

void kith_sha256_init(struct kith_sha256 *sha);
void kith_sha256_add(struct kith_sha256 *sha, const void *data, size_t n);
/* The digest of all that was added. Only kith_sha256_init() may follow. */
void kith_sha256_end(struct kith_sha256 *sha, uint8_t ret_digest[KITH_SHA256_SIZE]);

/* For the test that compares both: takes the portable code, whatever the processor has. */
void kith_sha256_init_portable(struct kith_sha256 *sha);

#endif
