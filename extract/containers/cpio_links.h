/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpio_links.h: names of one inode in a cpio, of which one has the data. Bounded: what does not fit
 * is noted.
 */
#ifndef KITH_EXTRACT_CPIO_LINKS_H
#define KITH_EXTRACT_CPIO_LINKS_H

#include "containers/container.h"

struct kith_cpio_link;

/* All zero is empty. */
struct kith_cpio_links {
	struct kith_cpio_link *rows;
	size_t n, cap;
	uint32_t *slots; /* of the last row of an inode; a hash table */
	size_t n_slots;
	struct kith_buf names;
	uint64_t lost;  /* names that did not fit */
	bool lost_data; /* one of them had the data */
};

/* name is another name of target; target NULL: it is an empty file. */
typedef enum kith_status (*kith_cpio_link_fn)(void *user, const uint8_t *name, size_t n,
					      const uint8_t *target, size_t target_n,
					      struct kith_err *err);

/* A name without data: reported now when the data came already, else kept. */
enum kith_status kith_cpio_links_wait(struct kith_cpio_links *links, uint64_t device,
				      uint64_t inode, const uint8_t *name, size_t n,
				      kith_cpio_link_fn fn, void *user, struct kith_err *err);
/* The data were reported under this name: so are the names that wait. */
enum kith_status kith_cpio_links_data(struct kith_cpio_links *links, uint64_t device,
				      uint64_t inode, const uint8_t *name, size_t n,
				      kith_cpio_link_fn fn, void *user, struct kith_err *err);
/* The archive's end. whole: names that still wait are empty files; else their data are lost, which
 * is noted. Empties. */
enum kith_status kith_cpio_links_end(struct kith_cpio_links *links, bool whole,
				     kith_cpio_link_fn fn, void *user, struct kith_emit *emit,
				     struct kith_err *err);
void kith_cpio_links_done(struct kith_cpio_links *links);

#endif
