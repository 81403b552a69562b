/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h: large pieces of memory that are accessed at random. They begin at 2 MiB boundaries and
 * ask for huge pages, which saves most of the page faults and of the misses of the TLB: about a
 * quarter of a build's time.
 */
#ifndef KITH_CORE_MEMORY_H
#define KITH_CORE_MEMORY_H

#include <stddef.h>

/* From now on the process keeps what it frees for its next use: memory that is touched for the
 * first time costs more than most of what a build does with it. Before any thread is started. */
void kith_memory_keep(void);

/* n bytes, not cleared; free with free(). NULL: out of memory. */
void *kith_memory_alloc(size_t n);

/* A larger piece with the first `used` bytes of the old one, which is freed. NULL: out of memory,
 * and the old one is as it was. */
void *kith_memory_grow(void *old, size_t used, size_t n);

/* Working space that is kept from one use to the next. Zeroed: empty. */
struct kith_room {
	void *data;
	size_t cap;
};

/* At least n bytes, whose content is not defined; valid until the next call. NULL: out of memory.
 */
void *kith_room_get(struct kith_room *room, size_t n);
void kith_room_done(struct kith_room *room);

#endif
