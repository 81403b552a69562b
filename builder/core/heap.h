/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.h: the heap of every k-way merge here: pointers to what is merged, the smallest first. The
 * functions are inline so that the comparison is too.
 */
#ifndef KITH_CORE_HEAP_H
#define KITH_CORE_HEAP_H

#include <stddef.h>

/* Puts the item at i, which may be larger than those below it, in its place. */
static inline void kith_heap_sift(void **heap, size_t n, size_t i,
				  int (*cmp)(const void *a, const void *b))
{
	void *x = heap[i];
	size_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && cmp(heap[child + 1], heap[child]) < 0)
			child++;
		if (cmp(heap[child], x) >= 0)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = x;
}

/* Makes a heap of n items in any order. */
static inline void kith_heap_make(void **heap, size_t n, int (*cmp)(const void *a, const void *b))
{
	size_t i;

	for (i = n / 2; i-- > 0;)
		kith_heap_sift(heap, n, i, cmp);
}

/* After the first item moved on, or (ended) has nothing more: brings the next one to the top. */
static inline void kith_heap_next(void **heap, size_t *n, int ended,
				  int (*cmp)(const void *a, const void *b))
{
	if (ended)
		heap[0] = heap[--*n];
	if (*n > 0)
		kith_heap_sift(heap, *n, 0, cmp);
}

#endif
