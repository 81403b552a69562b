/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trivial.h: content that occurs everywhere and proves nothing, known by its digest: the empty
 * file; each byte repeated 1 to 256 times; the bytes 00, 20 and FF repeated as sectors of 512 bytes
 * up to 64 KiB and as pages of 4096 bytes up to 16 MiB.
 */
#ifndef KITH_CORE_TRIVIAL_H
#define KITH_CORE_TRIVIAL_H

#include <stdbool.h>

#include "kith.h"

struct kith_trivial;

/* Begins to compute the digests, 45 ms of one core, in threads of its own. NULL: out of memory. */
struct kith_trivial *kith_trivial_new(void);
/* Before the first question: waits for them. False: out of memory. */
bool kith_trivial_wait(struct kith_trivial *trivial);
/* Computes the SHA-1 digests too: only sets with rows without SHA-256 need them. False: out of
 * memory. */
bool kith_trivial_add_sha1(struct kith_trivial *trivial);
void kith_trivial_free(struct kith_trivial *trivial);
/* kind: KITH_SHA256, or KITH_SHA1 where that was added. */
bool kith_trivial_has(const struct kith_trivial *trivial, enum kith_digest kind,
		      const uint8_t *digest);

#endif
