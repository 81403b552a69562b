/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/dict.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
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
static uint64_t hash_bytes(const uint8_t *p, size_t n, uint64_t h)
{
	uint8_t last[8] = {0};

	h ^= n * UINT64_C(0x9e3779b97f4a7c15);
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

static bool grow_slots(struct kith_dict *dict)
{
	size_t slots_n = dict->slots_n == 0 ? FIRST_SLOTS : 2 * dict->slots_n, i;
	uint64_t *slots = calloc(slots_n, sizeof *slots);

	if (slots == NULL)
		return false;
	if (dict->seed == 0 && getrandom(&dict->seed, sizeof dict->seed, GRND_NONBLOCK) < 0)
		dict->seed = (uint64_t)(uintptr_t)slots;
	dict->seed |= 1;
	for (i = 0; i < dict->n; i++) {
		struct kith_bytes b = kith_dict_get(dict, (uint32_t)i);
		uint64_t h = hash_bytes(b.data, b.n, dict->seed);
		size_t at = (size_t)h & (slots_n - 1);

		while (slots[at] != 0)
			at = (at + 1) & (slots_n - 1);
		slots[at] = (h & UINT64_C(0xffffffff00000000)) | (i + 1);
	}
	free(dict->slots);
	dict->slots = slots;
	dict->slots_n = slots_n;
	return true;
}

static bool grow(void **data, size_t *cap, size_t need, size_t size)
{
	size_t bigger = *cap == 0 ? 1024 : *cap;
	void *p;

	while (bigger < need) {
		if (bigger > SIZE_MAX / 4 / size)
			return false;
		bigger += bigger / 2;
	}
	p = realloc(*data, bigger * size);
	if (p == NULL)
		return false;
	*data = p;
	*cap = bigger;
	return true;
}

bool kith_dict_add(struct kith_dict *dict, const uint8_t *head, size_t head_n, const uint8_t *tail,
		   size_t tail_n, uint32_t *ret_number, bool *ret_new)
{
	size_t n = head_n + tail_n, at;
	uint8_t *bytes;
	uint64_t h;

	if (dict->slots_n / 2 <= dict->n && !grow_slots(dict))
		return false;
	if (dict->bytes_cap - dict->bytes_n < n &&
	    !grow((void **)&dict->bytes, &dict->bytes_cap, dict->bytes_n + n + 1, 1))
		return false;
	/* Put the whole string where it will stay if it is new, and hash it there. */
	bytes = dict->bytes == NULL ? NULL : dict->bytes + dict->bytes_n;
	if (head_n > 0)
		memcpy(bytes, head, head_n);
	if (tail_n > 0)
		memcpy(bytes + head_n, tail, tail_n);
	h = hash_bytes(bytes, n, dict->seed);
	for (at = (size_t)h & (dict->slots_n - 1); dict->slots[at] != 0;
	     at = (at + 1) & (dict->slots_n - 1)) {
		const struct kith_dict_entry *entry;
		uint32_t number;

		if ((dict->slots[at] ^ h) >> 32 != 0)
			continue;
		number = (uint32_t)dict->slots[at] - 1;
		entry = &dict->entries[number];
		if (entry->n == n && (n == 0 || memcmp(dict->bytes + entry->offset, bytes, n) == 0)) {
			*ret_number = number;
			*ret_new = false;
			return true;
		}
	}
	if (dict->n == dict->entries_cap &&
	    !grow((void **)&dict->entries, &dict->entries_cap, dict->n + 1, sizeof *dict->entries))
		return false;
	dict->entries[dict->n].offset = dict->bytes_n;
	dict->entries[dict->n].n = (uint32_t)n;
	dict->entries[dict->n].mark = 0;
	dict->bytes_n += n;
	dict->n++;
	dict->slots[at] = (h & UINT64_C(0xffffffff00000000)) | dict->n;
	*ret_number = (uint32_t)(dict->n - 1);
	*ret_new = true;
	return true;
}

size_t kith_dict_memory(const struct kith_dict *dict)
{
	return dict->bytes_n + dict->n * (sizeof *dict->entries + sizeof(struct kith_pair) + 4) +
	       dict->slots_n * sizeof *dict->slots;
}
