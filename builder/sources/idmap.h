/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap.h: from a source's own numbers (package, object, manufacturer) to ours. Insert only, open
 * addressing, looked up once for nearly every row. All zero is an empty map. Reading from several
 * threads is fine once nobody inserts.
 */
#ifndef KITH_SOURCES_IDMAP_H
#define KITH_SOURCES_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap_entry {
	int64_t key;
	uint32_t value;
	uint32_t used; /* 0: the entry is free */
};

struct idmap {
	struct idmap_entry *entries; /* owned; a power of two of them */
	size_t cap, n;
};

/* Bytes that a map takes for a key, on average: it is filled to between 3/8 and 3/4. */
#define IDMAP_ENTRY_BYTES (sizeof(struct idmap_entry) * 2)

void idmap_done(struct idmap *map);
void idmap_clear(struct idmap *map); /* keeps the memory */

/* Adds a key, or leaves the value that it has; *ret_added (may be NULL) tells which. False: no
 * memory. */
bool idmap_add(struct idmap *map, int64_t key, uint32_t value, bool *ret_added);

static inline uint64_t idmap_hash(int64_t key)
{
	uint64_t x = (uint64_t)key * UINT64_C(0x9e3779b97f4a7c15);

	return x ^ x >> 32;
}

static inline bool idmap_find(const struct idmap *map, int64_t key, uint32_t *ret_value)
{
	size_t mask, i;

	if (map->n == 0)
		return false;
	mask = map->cap - 1;
	for (i = (size_t)idmap_hash(key) & mask; map->entries[i].used != 0; i = (i + 1) & mask) {
		if (map->entries[i].key == key) {
			*ret_value = map->entries[i].value;
			return true;
		}
	}
	return false;
}

#endif
