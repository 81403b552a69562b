/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort.h: sorting in memory. Everything that the builder sorts is brought to pairs of a number
 * (the first 8 bytes, big-endian) and a value that tells which item it is; numbers are compared
 * in a register, and only equal numbers look at the items themselves.
 */
#ifndef KITH_CORE_SORT_H
#define KITH_CORE_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "kith.h"

struct kith_pair {
	uint64_t key;
	uint64_t value;
};

/* Sorts by key; the order of equal keys is not defined. In place, O(n) whatever the input. */
void kith_sort_pairs(struct kith_pair *pairs, size_t n);

/* Sorts pairs, whatever their keys, by cmp(value, value, user). */
void kith_sort_equal(struct kith_pair *pairs, size_t n,
		     int (*cmp)(uint64_t a, uint64_t b, void *user), void *user);

/*
 * Sorts by key, and pairs of equal key by cmp(value, value, user), which compares the items behind
 * their first 8 bytes.
 */
void kith_sort_pairs_by(struct kith_pair *pairs, size_t n,
			int (*cmp)(uint64_t a, uint64_t b, void *user), void *user);

/*
 * Sorts strings by bytes, each of which must be there once: pairs[i].value is the number of an
 * item, and in what order the pairs come in does not matter. Strings with long common beginnings
 * are compared 8 bytes at a time, each part once.
 */
void kith_sort_strings(const struct kith_bytes *items, struct kith_pair *pairs, size_t n);

/* Sorts numbers and drops repetitions; returns how many are left. */
size_t kith_sort_unique_u64(uint64_t *items, size_t n);
size_t kith_sort_unique_u32(uint32_t *items, size_t n);

/* The first 8 bytes as a number; a shorter string is filled with zeros. */
uint64_t kith_sort_prefix(const uint8_t *bytes, size_t n);

#endif
