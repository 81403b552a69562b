/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extent_set.h: which bytes of a disc were reported already. A disc may show the same content in
 * several trees (Rock Ridge, Joliet, UDF), as a boot image and as a partition: it is reported once,
 * and what only one of them shows is not lost.
 */
#ifndef KITH_EXTRACT_EXTENT_SET_H
#define KITH_EXTRACT_EXTENT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith.h"

struct kith_extent_slot;

/* All zero is empty and valid. */
struct kith_extent_set {
	struct kith_extent_slot *slots; /* owned */
	size_t n, cap;                  /* cap: a power of two, or 0 */
};

void kith_extent_set_done(struct kith_extent_set *set);

/* A content that begins at offset and is so long. *ret_new: it was not in the set. */
enum kith_status kith_extent_set_add(struct kith_extent_set *set, uint64_t offset, uint64_t bytes,
				     bool *ret_new, struct kith_err *err);

/* Whether a content that begins there and is at least so long is in the set. */
bool kith_extent_set_covers(const struct kith_extent_set *set, uint64_t offset, uint64_t bytes);

#endif
