/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trivial.h: content that occurs everywhere and proves nothing, known by its digest: the empty
 * file; each byte repeated 1 to 512 times; the bytes 00, 20 and FF repeated up to 16 MiB in steps
 * of 512 (sectors, clusters, padding).
 */
#ifndef KITH_CORE_TRIVIAL_H
#define KITH_CORE_TRIVIAL_H

#include <stdbool.h>

#include "kith.h"

struct kith_trivial;

/* Computes the digests: about a tenth of a second each kind. NULL: out of memory. */
struct kith_trivial *kith_trivial_new(bool with_sha1);
void kith_trivial_free(struct kith_trivial *trivial);
/* kind: KITH_SHA256, or KITH_SHA1 where it was made with. */
bool kith_trivial_has(const struct kith_trivial *trivial, enum kith_digest kind,
		      const uint8_t *digest);

#endif
