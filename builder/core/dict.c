/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/dict.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/memory.h"
#include "core/sort.h"

#define FIRST_SLOTS 4096
#define FEW_SLOTS   ((size_t)1 << 20) /* up to here, slots grow fast */
#define FEW_BYTES   ((size_t)256 << 10)
#define MANY_BYTES  ((size_t)16 << 20)
#define FIRST_BYTES ((size_t)64 << 10)
#define BYTES_MAX   ((size_t)8 * (UINT32_MAX - 1))

static inline size_t entry_size(size_t n)
{
	return (sizeof(struct kith_dict_entry) + n + 7) / 8 * 8;
}

static inline struct kith_dict_entry *entry_at(const struct kith_dict *dict, uint32_t place)
{
	return (void *)(dict->bytes + (size_t)8 * place);
}

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
uint32_t kith_dict_hash(const struct kith_dict *dict, const void *string, size_t n)
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
	return (uint32_t)mix(h, UINT64_C(0x8ebc6af09c88c6e3));
}

void kith_dict_done(struct kith_dict *dict)
{
	free(dict->bytes);
	free(dict->places);
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

/* More slots. What is in order in the old ones is so, in a few places, in the new ones: no entry
 * has to be looked at. */
static bool grow_slots(struct kith_dict *dict)
{
	size_t slots_n = dict->slots_n * (dict->slots_n < FEW_SLOTS ? 4 : 2), i;
	uint64_t *slots;

	if (slots_n == 0)
		slots_n = FIRST_SLOTS;
	slots = kith_memory_alloc(slots_n * sizeof *slots);
	if (slots == NULL)
		return false;
	memset(slots, 0, slots_n * sizeof *slots);
	if (dict->seed == 0 && getrandom(&dict->seed, sizeof dict->seed, GRND_NONBLOCK) < 0)
		dict->seed = (uint64_t)(uintptr_t)slots;
	dict->seed |= 1;
	for (i = 0; i < dict->slots_n; i++) {
		size_t at = (size_t)(dict->slots[i] >> 32) & (slots_n - 1);

		if (dict->slots[i] == 0)
			continue;
		while (slots[at] != 0)
			at = (at + 1) & (slots_n - 1);
		slots[at] = dict->slots[i];
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
	if (dict->places_cap - dict->n < more) {
		size_t cap = 2 * dict->n + more + 1024;
		uint32_t *places =
		    kith_memory_grow(dict->places, dict->n * sizeof *places, cap * sizeof *places);

		if (places == NULL)
			return false;
		dict->places = places;
		dict->places_cap = cap;
	}
	return true;
}

void kith_dict_touch_slot(const struct kith_dict *dict, uint32_t hash)
{
	__builtin_prefetch(&dict->slots[hash & (dict->slots_n - 1)]);
}

/* The entry that the hash's first slot leads to, which mostly is the right one. */
void kith_dict_touch_entry(const struct kith_dict *dict, uint32_t hash)
{
	uint64_t slot = dict->slots[hash & (dict->slots_n - 1)];
	const struct kith_dict_entry *entry;

	if (slot == 0)
		return;
	entry = entry_at(dict, (uint32_t)slot - 1);
	__builtin_prefetch(entry);
	__builtin_prefetch(entry->bytes + 32); /* names are about as long */
}

/* Appends an entry; NULL: out of memory. */
static struct kith_dict_entry *append(struct kith_dict *dict, const void *string, size_t n)
{
	size_t size = entry_size(n);
	struct kith_dict_entry *entry;

	if (dict->bytes_cap - dict->bytes_n < size) {
		size_t cap = 2 * dict->bytes_n + size + FIRST_BYTES;
		uint8_t *bytes;

		/* Memory that is not touched costs nothing, copies do: few steps, then. */
		if (cap > FEW_BYTES && cap < MANY_BYTES)
			cap = MANY_BYTES;
		if (dict->bytes_n > BYTES_MAX - size)
			return NULL;
		bytes = kith_memory_grow(dict->bytes, dict->bytes_n, cap);
		if (bytes == NULL)
			return NULL;
		dict->bytes = bytes;
		dict->bytes_cap = cap;
	}
	dict->places[dict->n] = (uint32_t)(dict->bytes_n / 8);
	entry = entry_at(dict, dict->places[dict->n]);
	entry->number = (uint32_t)dict->n++;
	entry->n = n & INT32_MAX;
	entry->mark = 0;
	if (n > 0)
		memcpy(entry->bytes, string, n);
	dict->bytes_n += size;
	return entry;
}

struct kith_dict_entry *kith_dict_add_hashed(struct kith_dict *dict, uint32_t hash,
					     const void *string, size_t n, bool *ret_new)
{
	struct kith_dict_entry *entry;
	size_t at;

	for (at = hash & (dict->slots_n - 1); dict->slots[at] != 0;
	     at = (at + 1) & (dict->slots_n - 1)) {
		if (dict->slots[at] >> 32 != hash)
			continue;
		entry = entry_at(dict, (uint32_t)dict->slots[at] - 1);
		if (entry->n == n && (n == 0 || memcmp(entry->bytes, string, n) == 0)) {
			*ret_new = false;
			return entry;
		}
	}
	entry = append(dict, string, n);
	if (entry == NULL)
		return NULL;
	dict->slots[at] = (uint64_t)hash << 32 | (dict->places[entry->number] + UINT64_C(1));
	*ret_new = true;
	return entry;
}

bool kith_dict_add(struct kith_dict *dict, const void *string, size_t n, uint32_t *ret_number,
		   bool *ret_new)
{
	const struct kith_dict_entry *entry;

	if (!kith_dict_reserve(dict, 1))
		return false;
	entry = kith_dict_add_hashed(dict, kith_dict_hash(dict, string, n), string, n, ret_new);
	if (entry == NULL)
		return false;
	*ret_number = entry->number;
	return true;
}

size_t kith_dict_memory(const struct kith_dict *dict)
{
	return dict->bytes_n + dict->slots_n * sizeof *dict->slots +
	       dict->n * (sizeof *dict->places + sizeof(struct kith_bytes) +
			  sizeof(struct kith_pair) + sizeof(uint32_t));
}
