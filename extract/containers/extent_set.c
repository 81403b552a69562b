/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extent_set.c: a table with open addressing, never more than half full. Each content has a slot
 * under (offset, bytes); the longest at an offset has one more under (offset, LONGEST).
 */
#include "containers/extent_set.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"

#define LONGEST UINT64_MAX /* no content is that long */

struct kith_extent_slot {
	uint64_t offset, bytes;
	uint64_t value; /* of LONGEST: how long; else 1; 0: the slot is free */
};

void kith_extent_set_done(struct kith_extent_set *set)
{
	free(set->slots);
	*set = (struct kith_extent_set){0};
}

/* Where the key is, or would be. The multiplier mixes both halves into the high bits, so that no
 * arrangement of extents is slow by chance (it is no defence against one that is made to be: such a
 * disc ends at the limit of processor time). */
static size_t find(const struct kith_extent_set *set, uint64_t offset, uint64_t bytes)
{
	uint64_t h = offset * UINT64_C(0x9e3779b97f4a7c15);
	size_t at;

	h = (h ^ h >> 32 ^ bytes) * UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 29;
	for (at = (size_t)h & (set->cap - 1); set->slots[at].value != 0;
	     at = (at + 1) & (set->cap - 1))
		if (set->slots[at].offset == offset && set->slots[at].bytes == bytes)
			break;
	return at;
}

static enum kith_status grow(struct kith_extent_set *set, struct kith_err *err)
{
	struct kith_extent_set bigger = {.n = set->n, .cap = set->cap == 0 ? 1024 : set->cap * 2};
	size_t i, bytes;

	if (!kith_mul_size(bigger.cap, sizeof *bigger.slots, &bytes))
		return kith_fail_nomem(err);
	bigger.slots = calloc(1, bytes);
	if (bigger.slots == NULL)
		return kith_fail_nomem(err);
	for (i = 0; i < set->cap; i++)
		if (set->slots[i].value != 0)
			bigger.slots[find(&bigger, set->slots[i].offset, set->slots[i].bytes)] =
			    set->slots[i];
	free(set->slots);
	*set = bigger;
	return KITH_OK;
}

enum kith_status kith_extent_set_add(struct kith_extent_set *set, uint64_t offset, uint64_t bytes,
				     bool *ret_new, struct kith_err *err)
{
	struct kith_extent_slot *slot;
	enum kith_status st;

	if (set->n + 2 > set->cap / 2) {
		st = grow(set, err);
		if (st < 0)
			return st;
	}
	slot = &set->slots[find(set, offset, bytes)];
	*ret_new = slot->value == 0;
	if (!*ret_new)
		return KITH_OK;
	*slot = (struct kith_extent_slot){offset, bytes, 1};
	set->n++;
	slot = &set->slots[find(set, offset, LONGEST)];
	if (slot->value == 0 && bytes > 0)
		set->n++;
	if (slot->value < bytes)
		*slot = (struct kith_extent_slot){offset, LONGEST, bytes};
	return KITH_OK;
}

bool kith_extent_set_covers(const struct kith_extent_set *set, uint64_t offset, uint64_t bytes)
{
	const struct kith_extent_slot *slot;

	if (set->cap == 0)
		return false;
	slot = &set->slots[find(set, offset, LONGEST)];
	return slot->value != 0 && slot->value >= bytes;
}
