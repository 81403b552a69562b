/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dict.h: byte strings, each once, numbered from 0 in the order they came. It is a collector's
 * short memory: emptied at each spill, so its size is bounded whatever the input.
 */
#ifndef KITH_CORE_DICT_H
#define KITH_CORE_DICT_H

#include <stdbool.h>

#include "kith.h"

struct kith_dict_entry {
	uint64_t offset; /* in bytes */
	uint32_t n;
	uint32_t mark; /* the user's */
};

struct kith_dict {
	struct kith_dict_entry *entries;
	size_t n, entries_cap;
	uint8_t *bytes;
	size_t bytes_n, bytes_cap;
	uint64_t *slots; /* hash's high 32 bits, entry number + 1 in the low; 0: empty */
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
 * then for each string hash, touch_slot, touch_entry, touch_bytes, add_hashed.
 */
bool kith_dict_reserve(struct kith_dict *dict, size_t more);
uint64_t kith_dict_hash(const struct kith_dict *dict, const void *string, size_t n);
void kith_dict_touch_slot(const struct kith_dict *dict, uint64_t hash);
void kith_dict_touch_entry(const struct kith_dict *dict, uint64_t hash);
void kith_dict_touch_bytes(const struct kith_dict *dict, uint64_t hash);
bool kith_dict_add_hashed(struct kith_dict *dict, uint64_t hash, const void *string, size_t n,
			  uint32_t *ret_number, bool *ret_new);

static inline struct kith_bytes kith_dict_get(const struct kith_dict *dict, uint32_t number)
{
	struct kith_bytes bytes = {dict->bytes + dict->entries[number].offset,
				   dict->entries[number].n};

	return bytes;
}

/* Bytes of memory that the content needs, the working space for sorting it included. */
size_t kith_dict_memory(const struct kith_dict *dict);

#endif
