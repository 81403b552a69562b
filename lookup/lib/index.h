/* SPDX-License-Identifier: Apache-2.0 */
/* index.h: the lines and slots of the direct index, for the lookups and for the check. */
#ifndef KITH_LIB_INDEX_H
#define KITH_LIB_INDEX_H

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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
 * Compares the 8 slots of a line with a tag at once, without a branch for each: bit i of the result
 * is set where slot i has the tag. A line is filled from its first slot on, so it has an empty
 * slot, which ends a search, exactly when its last slot is empty. (A damaged line that breaks this
 * costs nothing but time: every candidate is compared with the whole digest.) To a tag of zero an
 * empty slot is a match: the caller meets it behind all others, and must end its search there.
 */
static inline unsigned kith_line_match(const uint8_t *line, uint64_t tag, bool *ret_full)
{
#if defined(__SSE2__)
	/* of each slot the upper 4 bytes, which hold the tag and 8 bits more */
	const __m128i want = _mm_set1_epi32((int)(tag >> 40));
	__m128 a = _mm_loadu_ps((const float *)(const void *)line);
	__m128 b = _mm_loadu_ps((const float *)(const void *)(line + 16));
	__m128 c = _mm_loadu_ps((const float *)(const void *)(line + 32));
	__m128 d = _mm_loadu_ps((const float *)(const void *)(line + 48));
	__m128i low = _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
	__m128i high = _mm_castps_si128(_mm_shuffle_ps(c, d, _MM_SHUFFLE(3, 1, 3, 1)));

	low = _mm_cmpeq_epi32(_mm_srli_epi32(low, 8), want);
	high = _mm_cmpeq_epi32(_mm_srli_epi32(high, 8), want);
	low = _mm_packs_epi32(low, high);
	*ret_full = kith_slot_get(line, KITH_LINE_SLOTS - 1) != 0;
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(low, _mm_setzero_si128()));
#else
	unsigned match = 0, i;

	for (i = 0; i < KITH_LINE_SLOTS; i++)
		match |= (unsigned)((kith_slot_get(line, i) ^ tag) >> 40 == 0) << i;
	*ret_full = kith_slot_get(line, KITH_LINE_SLOTS - 1) != 0;
	return match;
#endif
}

#endif
