/* SPDX-License-Identifier: Apache-2.0 */
/* squashfs.h: what the reader of squashfs images has in files of their own. */
#ifndef KITH_EXTRACT_SQUASHFS_H
#define KITH_EXTRACT_SQUASHFS_H

#include "containers/container.h"

/* Of meta/snap.yaml, all of it: emits what it says of the snap. */
enum kith_status kith_snap_facts(struct kith_emit *emit, const uint8_t *yaml, size_t n,
				 struct kith_err *err);

/* Which inodes were met, and under which name. A table with open addressing; all zero is empty. */
struct kith_inode_name {
	uint64_t inode; /* + 1; 0: the slot is free */
	size_t at;      /* of the name, in names */
	uint32_t n;
};
struct kith_inode_names {
	struct kith_inode_name *slots; /* owned */
	size_t n, cap;
	struct kith_buf names;
};

void kith_inode_names_done(struct kith_inode_names *table);
/* KITH_OK: it was not known, and is now, with that name. KITH_END: it was: *ret_name is its name,
 * valid until the next call. */
enum kith_status kith_inode_names_add(struct kith_inode_names *table, uint64_t inode,
				      const uint8_t *name, size_t n, struct kith_bytes *ret_name,
				      struct kith_err *err);

#endif
