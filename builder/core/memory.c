/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "core/memory.h"

#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void kith_memory_keep(void)
{
#ifdef __GLIBC__
	/* One heap, so that what one thread freed serves another; the largest threshold that there
	 * is for pieces outside of it. */
	/* NOLINTBEGIN(concurrency-mt-unsafe): no thread is running yet */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
	/* NOLINTEND(concurrency-mt-unsafe) */
#endif
}

void *kith_memory_alloc(size_t n)
{
	void *p = NULL;

	if (n < HUGE_PAGE)
		return malloc(n == 0 ? 1 : n);
	if (n > SIZE_MAX - HUGE_PAGE)
		return NULL;
	n = (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	p = aligned_alloc(HUGE_PAGE, n);
	if (p != NULL)
		(void)madvise(p, n, MADV_HUGEPAGE); /* only advice: nothing depends on it */
	return p;
}

void *kith_memory_grow(void *old, size_t used, size_t n)
{
	void *p = kith_memory_alloc(n);

	if (p == NULL)
		return NULL;
	if (used > 0)
		memcpy(p, old, used);
	free(old);
	return p;
}

void *kith_room_get(struct kith_room *room, size_t n)
{
	if (room->data != NULL && room->cap >= n)
		return room->data;
	kith_room_done(room);
	room->data = kith_memory_alloc(n);
	room->cap = room->data == NULL ? 0 : n;
	return room->data;
}

void kith_room_done(struct kith_room *room)
{
	free(room->data);
	memset(room, 0, sizeof *room);
}
