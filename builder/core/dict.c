/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/dict.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "core/memory.h"
#include "core/sort.h"

#define FIRST_SLOTS 4096

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide m = (wide)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* Multiply-fold hashing with a secret seed; only this process ever sees its values. */
uint64_t kith_dict_hash(const struct kith_dict *dict, const void *string, size_t n)
{
	const uint8_t *p = string;
	uint64_t h = dict->seed ^ n * UINT64_C(0x9e3779b97f4a7c15);
	uint8_t last[8] = {0};

	while (n >= 8) {
		h = mix(h ^ load64(p), UINT64_C(0xa0761d6478bd642f));
		p += 8;
		n -= 8;
	}
	if (n > 0) {
		memcpy(last, p, n);
		h = mix(h ^ load64(last), UINT64_C(0xe7037ed1a0b428db));
	}
	return mix(h, UINT64_C(0x8ebc6af09c88c6e3));
}

void kith_dict_done(struct kith_dict *dict)
{
	free(dict->entries);
	free(dict->bytes);
	free(dict->slots);
	memset(dict, 0, sizeof *dict);
}

void kith_dict_clear(struct kith_dict *dict)
{
	dict->n = 0;
	dict->bytes_n = 0;
	if (dict->slots != NULL)
		memset(dict->slots, 0, dict->slots_n * sizeof *dict->slots);
}

static uint64_t make_slot(uint64_t hash, size_t number)
{
	return (hash & UINT64_C(0xffffffff00000000)) | (number + 1);
}

/* Twice as many slots; the entries are put in again. */
static bool grow_slots(struct kith_dict *dict)
{
	size_t slots_n = dict->slots_n == 0 ? FIRST_SLOTS : 2 * dict->slots_n, i;
	uint64_t *slots = kith_memory_alloc(slots_n * sizeof *slots);

	if (slots == NULL)
		return false;
	memset(slots, 0, slots_n * sizeof *slots);
	if (dict->seed == 0 && getrandom(&dict->seed, sizeof dict->seed, GRND_NONBLOCK) < 0)
		dict->seed = (uint64_t)(uintptr_t)slots;
	dict->seed |= 1;
	for (i = 0; i < dict->n; i++) {
		struct kith_bytes b = kith_dict_get(dict, (uint32_t)i);
		uint64_t hash = kith_dict_hash(dict, b.data, b.n);
		size_t at = (size_t)hash & (slots_n - 1);

		while (slots[at] != 0)
			at = (at + 1) & (slots_n - 1);
		slots[at] = make_slot(hash, i);
	}
	free(dict->slots);
	dict->slots = slots;
	dict->slots_n = slots_n;
	return true;
}

bool kith_dict_reserve(struct kith_dict *dict, size_t more)
{
	while (dict->slots_n / 2 < dict->n + more)
		if (!grow_slots(dict))
			return false;
	if (dict->entries_cap - dict->n < more) {
		size_t cap = dict->n + more + dict->n / 2 + 1024;
		struct kith_dict_entry *entries = kith_memory_grow(
		    dict->entries, dict->n * sizeof *entries, cap * sizeof *entries);

		if (entries == NULL)
			return false;
		dict->entries = entries;
		dict->entries_cap = cap;
	}
	return true;
}

void kith_dict_touch_slot(const struct kith_dict *dict, uint64_t hash)
{
	__builtin_prefetch(&dict->slots[(size_t)hash & (dict->slots_n - 1)]);
}

/* The entry that the hash's first slot leads to, which mostly is the right one. */
static const struct kith_dict_entry *first_entry(const struct kith_dict *dict, uint64_t hash)
{
	uint64_t slot = dict->slots[(size_t)hash & (dict->slots_n - 1)];

	return slot == 0 ? NULL : &dict->entries[(uint32_t)slot - 1];
}

void kith_dict_touch_entry(const struct kith_dict *dict, uint64_t hash)
{
	__builtin_prefetch(first_entry(dict, hash));
}

void kith_dict_touch_bytes(const struct kith_dict *dict, uint64_t hash)
{
	const struct kith_dict_entry *entry = first_entry(dict, hash);

	if (entry != NULL)
		__builtin_prefetch(dict->bytes + entry->offset);
}

bool kith_dict_add_hashed(struct kith_dict *dict, uint64_t hash, const void *string, size_t n,
			  uint32_t *ret_number, bool *ret_new)
{
	struct kith_dict_entry *entry;
	size_t at;

	for (at = (size_t)hash & (dict->slots_n - 1); dict->slots[at] != 0;
	     at = (at + 1) & (dict->slots_n - 1)) {
		uint32_t number = (uint32_t)dict->slots[at] - 1;

		if ((dict->slots[at] ^ hash) >> 32 != 0)
			continue;
		entry = &dict->entries[number];
		if (entry->n == n &&
		    (n == 0 || memcmp(dict->bytes + entry->offset, string, n) == 0)) {
			*ret_number = number;
			*ret_new = false;
			return true;
		}
	}
	if (dict->bytes_cap - dict->bytes_n < n || dict->bytes == NULL) {
		size_t cap = dict->bytes_n + n + dict->bytes_n / 2 + 4096;
		uint8_t *bytes = kith_memory_grow(dict->bytes, dict->bytes_n, cap);

		if (bytes == NULL)
			return false;
		dict->bytes = bytes;
		dict->bytes_cap = cap;
	}
	entry = &dict->entries[dict->n];
	entry->offset = dict->bytes_n;
	entry->n = (uint32_t)n;
	entry->mark = 0;
	if (n > 0)
		memcpy(dict->bytes + dict->bytes_n, string, n);
	dict->bytes_n += n;
	dict->slots[at] = make_slot(hash, dict->n);
	*ret_number = (uint32_t)dict->n++;
	*ret_new = true;
	return true;
}

bool kith_dict_add(struct kith_dict *dict, const void *string, size_t n, uint32_t *ret_number,
		   bool *ret_new)
{
	return kith_dict_reserve(dict, 1) &&
	       kith_dict_add_hashed(dict, kith_dict_hash(dict, string, n), string, n, ret_number,
				    ret_new);
}

size_t kith_dict_memory(const struct kith_dict *dict)
{
	return dict->bytes_n + dict->slots_n * sizeof *dict->slots +
	       dict->n * (sizeof *dict->entries + sizeof(struct kith_bytes) +
			  sizeof(struct kith_pair) + sizeof(uint32_t));
}
