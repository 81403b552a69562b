/* SPDX-License-Identifier: Apache-2.0 */
#include "idmap.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define FIRST_CAP 64u

void idmap_done(struct idmap *map)
{
	free(map->entries);
	memset(map, 0, sizeof *map);
}

void idmap_clear(struct idmap *map)
{
	if (map->n > 0)
		memset(map->entries, 0, map->cap * sizeof *map->entries);
	map->n = 0;
}

/* The entry that has the key, or the free one where it belongs. There is always a free one. */
static struct idmap_entry *slot(const struct idmap *map, int64_t key)
{
	size_t mask = map->cap - 1, i = (size_t)idmap_hash(key) & mask;

	while (map->entries[i].used != 0 && map->entries[i].key != key)
		i = (i + 1) & mask;
	return &map->entries[i];
}

static bool grow(struct idmap *map)
{
	struct idmap bigger = {.cap = map->cap == 0 ? FIRST_CAP : map->cap * 2, .n = map->n};
	size_t bytes, i;

	if (!kith_mul_size(bigger.cap, sizeof *bigger.entries, &bytes))
		return false;
	bigger.entries = calloc(1, bytes);
	if (bigger.entries == NULL)
		return false;
	for (i = 0; i < map->cap; i++)
		if (map->entries[i].used != 0)
			*slot(&bigger, map->entries[i].key) = map->entries[i];
	free(map->entries);
	*map = bigger;
	return true;
}

bool idmap_add(struct idmap *map, int64_t key, uint32_t value, bool *ret_added)
{
	struct idmap_entry *entry;

	if (map->n >= map->cap / 4 * 3 && !grow(map))
		return false;
	entry = slot(map, key);
	if (ret_added != NULL)
		*ret_added = entry->used == 0;
	if (entry->used == 0) {
		*entry = (struct idmap_entry){.key = key, .value = value, .used = 1};
		map->n++;
	}
	return true;
}
