/* SPDX-License-Identifier: Apache-2.0 */
/* index.h: the lines and slots of the direct index, for the lookups and for the check. */
#ifndef KITH_LIB_INDEX_H
#define KITH_LIB_INDEX_H

#include "lib/decode.h"
#include "lib/set.h"

/* Fetch memory before it is needed; any address is allowed. */
#if defined(__GNUC__)
#define KITH_PREFETCH(p) __builtin_prefetch(p)
#else
#define KITH_PREFETCH(p) ((void)(p))
#endif

static inline const uint8_t *kith_index_home(const struct kith_index *index, const uint8_t *digest)
{
	return index->lines +
	       kith_index_line(kith_index_prefix(digest), index->n_lines) * KITH_LINE;
}

static inline const uint8_t *kith_index_next_line(const struct kith_index *index,
						  const uint8_t *line)
{
	line += KITH_LINE;
	return line == index->lines + index->n_lines * KITH_LINE ? index->lines : line;
}

static inline uint64_t kith_slot_get(const uint8_t *line, unsigned i)
{
	return kith_load_le64(line + (size_t)8 * i);
}

/*
 * Compares the 8 slots of a line with a tag at once, without a branch for each. Bit i of the
 * result is set where slot i has the tag and no slot before it is empty; *ret_full is false when
 * the line has an empty slot, which ends a search.
 */
static inline unsigned kith_line_match(const uint8_t *line, uint64_t tag, bool *ret_full)
{
	unsigned match = 0, empty = 0, i;

	for (i = 0; i < KITH_LINE_SLOTS; i++) {
		uint64_t slot = kith_slot_get(line, i);

		match |= (unsigned)((slot ^ tag) >> 40 == 0) << i;
		empty |= (unsigned)(slot == 0) << i;
	}
	*ret_full = empty == 0;
	/* below the lowest set bit of empty; all ones where there is none */
	return match & ((empty & (0u - empty)) - 1u);
}

#endif
