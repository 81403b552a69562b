/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dict.h: byte strings, each once, numbered from 0 in the order they came. It is a collector's
 * short memory: emptied at each spill, so its size is bounded whatever the input.
 */
#ifndef KITH_CORE_DICT_H
#define KITH_CORE_DICT_H

#include <stdbool.h>

#include "kith.h"

/* A string, where it lies in the dictionary: what a look-up compares is in one place. */
struct kith_dict_entry {
	uint32_t number;
	uint32_t n : 31;
	uint32_t mark : 1; /* the user's */
	uint8_t bytes[];
};

struct kith_dict {
	uint8_t *bytes; /* entries, one behind the other, each at a multiple of 8 */
	size_t bytes_n, bytes_cap;
	uint32_t *places; /* by number: where the entry is, in units of 8 bytes */
	size_t n, places_cap;
	uint64_t *slots; /* the hash; in the low 32 bits the entry's place + 1; 0: empty */
	size_t slots_n;  /* a power of two */
	uint64_t seed;   /* so that nobody can choose names that collide */
};

void kith_dict_done(struct kith_dict *dict);
/* Empties it and keeps its memory. */
void kith_dict_clear(struct kith_dict *dict);

/* The string's number; *ret_new tells whether it is new. False: out of memory. */
bool kith_dict_add(struct kith_dict *dict, const void *string, size_t n, uint32_t *ret_number,
		   bool *ret_new);

/*
 * The same in steps, for many strings at a time: the memory that one step needs is fetched by the
 * step before, while others are worked on. First kith_dict_reserve for as many as will be added,
 * then for each string hash, touch_slot, touch_entry, add_hashed. What that returns is valid until
 * the next call; NULL: out of memory.
 */
bool kith_dict_reserve(struct kith_dict *dict, size_t more);
uint32_t kith_dict_hash(const struct kith_dict *dict, const void *string, size_t n);
void kith_dict_touch_slot(const struct kith_dict *dict, uint32_t hash);
void kith_dict_touch_entry(const struct kith_dict *dict, uint32_t hash);
struct kith_dict_entry *kith_dict_add_hashed(struct kith_dict *dict, uint32_t hash,
					     const void *string, size_t n, bool *ret_new);

static inline struct kith_bytes kith_dict_get(const struct kith_dict *dict, uint32_t number)
{
	const struct kith_dict_entry *entry =
	    (const void *)(dict->bytes + (size_t)8 * dict->places[number]);
	struct kith_bytes bytes = {entry->bytes, entry->n};

	return bytes;
}

/* Bytes of memory that the content needs, the working space for sorting it included. */
size_t kith_dict_memory(const struct kith_dict *dict);

#endif
