/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort.c: pairs are spread over buckets by the highest bits in which their keys differ, and each
 * bucket again, until it is small enough for insertion. Keys are spread evenly as digests are, or
 * not at all as those of a hostile input: a level takes at least 8 bits, so there are few.
 */
#include "core/sort.h"

#include <string.h>

#include "base/bytes.h"

#define SMALL 24

static inline void swap(struct kith_pair *a, struct kith_pair *b)
{
	struct kith_pair t = *a;

	*a = *b;
	*b = t;
}

static void insertion(struct kith_pair *a, size_t n)
{
	size_t i, j;

	for (i = 1; i < n; i++) {
		struct kith_pair x = a[i];

		for (j = i; j > 0 && a[j - 1].key > x.key; j--)
			a[j] = a[j - 1];
		a[j] = x;
	}
}

#define TOP_BITS 11 /* of a large input */
#define TOP      (1u << TOP_BITS)
#define LOW_BITS 8 /* of its buckets */
#define LOW      (1u << LOW_BITS)
#define FEW_BITS 4 /* of small ones: counting must not cost more than sorting */
#define FEW      (1u << FEW_BITS)

/*
 * Puts pairs into `buckets` buckets, a power of two, by the bits of the key above shift, in place
 * (American flag sort). ends: where each bucket ends; next: working space.
 */
static inline void spread(struct kith_pair *pairs, size_t n, unsigned shift, unsigned buckets,
			  size_t *next, size_t *ends)
{
	size_t sum = 0, i;
	unsigned b;

	memset(ends, 0, buckets * sizeof *ends);
	for (i = 0; i < n; i++)
		ends[pairs[i].key >> shift & (buckets - 1)]++;
	for (b = 0; b < buckets; b++) {
		next[b] = sum;
		sum += ends[b];
		ends[b] = sum;
	}
	for (b = 0; b < buckets; b++) {
		while (next[b] < ends[b]) {
			struct kith_pair x = pairs[next[b]];
			unsigned home = (unsigned)(x.key >> shift) & (buckets - 1);

			while (home != b) {
				struct kith_pair y = pairs[next[home]];

				pairs[next[home]++] = x;
				x = y;
				home = (unsigned)(x.key >> shift) & (buckets - 1);
			}
			pairs[next[b]++] = x;
		}
	}
}

/* The highest bit in which keys differ, plus one; 0 when all are equal. */
static unsigned differing_bits(const struct kith_pair *pairs, size_t n)
{
	uint64_t differ = 0;
	size_t i;

	for (i = 1; i < n; i++)
		differ |= pairs[i].key ^ pairs[0].key;
	return differ == 0 ? 0 : 64 - (unsigned)__builtin_clzll(differ);
}

/*
 * Recursion ends: each level takes some of the bits that differ, or all. The arrays are in
 * functions of their own because they are cleared whenever those are entered, and most calls are
 * for a few pairs.
 */
static inline void sort_buckets(struct kith_pair *pairs, const size_t *ends, unsigned buckets,
				void (*sort)(struct kith_pair *pairs, size_t n))
{
	size_t from = 0;
	unsigned b;

	for (b = 0; b < buckets; b++) {
		sort(pairs + from, ends[b] - from);
		from = ends[b];
	}
}

static void sort_few(struct kith_pair *pairs, size_t n);

static void spread_few(struct kith_pair *pairs, size_t n, unsigned bits)
{
	size_t next[FEW], ends[FEW];

	spread(pairs, n, bits > FEW_BITS ? bits - FEW_BITS : 0, FEW, next, ends);
	sort_buckets(pairs, ends, FEW, sort_few);
}

static void sort_few(struct kith_pair *pairs, size_t n)
{
	unsigned bits;

	if (n <= SMALL) {
		insertion(pairs, n);
		return;
	}
	bits = differing_bits(pairs, n);
	if (bits != 0)
		spread_few(pairs, n, bits);
}

static void sort_low(struct kith_pair *pairs, size_t n);

static void spread_low(struct kith_pair *pairs, size_t n, unsigned bits)
{
	size_t next[LOW], ends[LOW];

	spread(pairs, n, bits > LOW_BITS ? bits - LOW_BITS : 0, LOW, next, ends);
	sort_buckets(pairs, ends, LOW, sort_low);
}

static void sort_low(struct kith_pair *pairs, size_t n)
{
	unsigned bits;

	if (n < LOW) {
		sort_few(pairs, n);
		return;
	}
	bits = differing_bits(pairs, n);
	if (bits != 0)
		spread_low(pairs, n, bits);
}

static void spread_top(struct kith_pair *pairs, size_t n, unsigned bits)
{
	size_t next[TOP], ends[TOP];

	spread(pairs, n, bits > TOP_BITS ? bits - TOP_BITS : 0, TOP, next, ends);
	sort_buckets(pairs, ends, TOP, sort_low);
}

void kith_sort_pairs(struct kith_pair *pairs, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (pairs[i - 1].key > pairs[i].key)
			break;
	if (i >= n)
		return; /* sorted already, as the rows of a minimal RDS are */
	if (n < TOP)
		sort_low(pairs, n);
	else /* some bits differ: something was out of order */
		spread_top(pairs, n, differing_bits(pairs, n));
}

/* Bottom-up would need memory; groups of equal keys are small, so a heap of comparisons will do. */
static void sift_by(struct kith_pair *a, size_t i, size_t n,
		    int (*cmp)(uint64_t a, uint64_t b, void *user), void *user)
{
	struct kith_pair x = a[i];
	size_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && cmp(a[child + 1].value, a[child].value, user) > 0)
			child++;
		if (cmp(a[child].value, x.value, user) <= 0)
			break;
		a[i] = a[child];
		i = child;
	}
	a[i] = x;
}

void kith_sort_equal(struct kith_pair *pairs, size_t n,
		     int (*cmp)(uint64_t a, uint64_t b, void *user), void *user)
{
	size_t i, j;

	for (i = 1; i < n && cmp(pairs[i - 1].value, pairs[i].value, user) <= 0; i++)
		;
	if (i >= n)
		return; /* mostly: rows of one file say the same of it */

	if (n <= 12) {
		for (i = 1; i < n; i++) {
			struct kith_pair x = pairs[i];

			for (j = i; j > 0 && cmp(pairs[j - 1].value, x.value, user) > 0; j--)
				pairs[j] = pairs[j - 1];
			pairs[j] = x;
		}
		return;
	}
	for (i = n / 2; i-- > 0;)
		sift_by(pairs, i, n, cmp, user);
	for (i = n; i-- > 1;) {
		swap(&pairs[0], &pairs[i]);
		sift_by(pairs, 0, i, cmp, user);
	}
}

void kith_sort_pairs_by(struct kith_pair *pairs, size_t n,
			int (*cmp)(uint64_t a, uint64_t b, void *user), void *user)
{
	size_t from, to;

	kith_sort_pairs(pairs, n);
	for (from = 0; from < n; from = to) {
		for (to = from + 1; to < n && pairs[to].key == pairs[from].key; to++)
			;
		if (to - from > 1)
			kith_sort_equal(pairs + from, to - from, cmp, user);
	}
}

static int compare_strings(uint64_t a, uint64_t b, void *user)
{
	const struct kith_bytes *items = user;

	return kith_bytes_cmp(items[a].data, items[a].n, items[b].data, items[b].n);
}

/* Deeper than this, strings are compared one by one: it bounds the recursion. */
#define STRINGS_DEPTH 4096
#define STRINGS_AHEAD ((size_t)12) /* strings that are fetched ahead */

/*
 * Strings that are equal before depth + 8, zeros filled in. Those that end there differ in length
 * alone, so they are few, and come first; how many, is returned.
 */
static size_t put_ended_first(const struct kith_bytes *items, struct kith_pair *pairs, size_t n,
			      size_t end)
{
	size_t ended = 0, i, j;

	for (i = 0; i < n; i++) {
		if (items[pairs[i].value].n > end)
			continue;
		swap(&pairs[ended], &pairs[i]);
		for (j = ended; j > 0 && items[pairs[j].value].n < items[pairs[j - 1].value].n; j--)
			swap(&pairs[j], &pairs[j - 1]);
		ended++;
	}
	return ended;
}

static void sort_strings_from(const struct kith_bytes *items, struct kith_pair *pairs, size_t n,
			      size_t depth)
{
	size_t from, to, i, ended;

	for (i = 0; i < n; i++) {
		const struct kith_bytes *item = &items[pairs[i].value];

		if (i + 2 * STRINGS_AHEAD < n)
			__builtin_prefetch(&items[pairs[i + 2 * STRINGS_AHEAD].value]);
		if (i + STRINGS_AHEAD < n)
			__builtin_prefetch(items[pairs[i + STRINGS_AHEAD].value].data + depth);
		pairs[i].key =
		    item->n <= depth ? 0 : kith_sort_prefix(item->data + depth, item->n - depth);
	}
	kith_sort_pairs(pairs, n);
	for (from = 0; from < n; from = to) {
		for (to = from + 1; to < n && pairs[to].key == pairs[from].key; to++)
			;
		if (to - from == 1)
			continue;
		if (depth >= STRINGS_DEPTH) {
			kith_sort_equal(pairs + from, to - from, compare_strings,
					(void *)(uintptr_t)items);
			continue;
		}
		ended = put_ended_first(items, pairs + from, to - from, depth + 8);
		if (to - from - ended > 1)
			sort_strings_from(items, pairs + from + ended, to - from - ended,
					  depth + 8);
	}
}

void kith_sort_strings(const struct kith_bytes *items, struct kith_pair *pairs, size_t n)
{
	sort_strings_from(items, pairs, n, 0);
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a type and parts of names */
#define SORT_UNIQUE(name, type)                                             \
	static void name##_sift(type *a, size_t i, size_t n)                \
	{                                                                   \
		type x = a[i];                                              \
		size_t child;                                               \
                                                                            \
		while ((child = 2 * i + 1) < n) {                           \
			if (child + 1 < n && a[child + 1] > a[child])       \
				child++;                                    \
			if (a[child] <= x)                                  \
				break;                                      \
			a[i] = a[child];                                    \
			i = child;                                          \
		}                                                           \
		a[i] = x;                                                   \
	}                                                                   \
	size_t name(type *items, size_t n)                                  \
	{                                                                   \
		size_t i, j, kept = 0;                                      \
                                                                            \
		if (n <= SMALL) {                                           \
			for (i = 1; i < n; i++) {                           \
				type x = items[i];                          \
                                                                            \
				for (j = i; j > 0 && items[j - 1] > x; j--) \
					items[j] = items[j - 1];            \
				items[j] = x;                               \
			}                                                   \
		} else {                                                    \
			for (i = n / 2; i-- > 0;)                           \
				name##_sift(items, i, n);                   \
			for (i = n; i-- > 1;) {                             \
				type t = items[0];                          \
                                                                            \
				items[0] = items[i];                        \
				items[i] = t;                               \
				name##_sift(items, 0, i);                   \
			}                                                   \
		}                                                           \
		for (i = 0; i < n; i++)                                     \
			if (i == 0 || items[i] != items[kept - 1])          \
				items[kept++] = items[i];                   \
		return kept;                                                \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

SORT_UNIQUE(kith_sort_unique_u64, uint64_t)
SORT_UNIQUE(kith_sort_unique_u32, uint32_t)

uint64_t kith_sort_prefix(const uint8_t *bytes, size_t n)
{
	uint8_t padded[8] = {0};

	if (n >= 8)
		return kith_get_be64(bytes);
	if (n > 0)
		memcpy(padded, bytes, n);
	return kith_get_be64(padded);
}
