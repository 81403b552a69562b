/* SPDX-License-Identifier: Apache-2.0 */
/* tar.h: the entries of a tar, in place or out of a stream. For `tar` and `compressed`. */
#ifndef KITH_EXTRACT_TAR_H
#define KITH_EXTRACT_TAR_H

#include "libarchive.h"

/* read NULL: the tar is in->blob itself, and its entries are reported in place. */
enum kith_status kith_tar_walk(const struct kith_container_in *in, kith_read_fn read, void *user,
			       struct kith_err *err);

/* ------------------------------------------------------- pax headers (tar_pax.c) */

/* What an extended header says that libarchive does not tell as it stands. */
struct kith_tar_pax {
	const uint8_t *path, *link; /* in the headers; NULL: not said */
	size_t path_n, link_n;
	bool sparse;
	bool has_sha1; /* APK-TOOLS.checksum.SHA1 */
	uint8_t sha1[KITH_SHA1_SIZE];
};

/* headers: the blocks before an entry's data. */
void kith_tar_pax_read(const uint8_t *headers, size_t n, struct kith_tar_pax *ret);

/* n bytes from 2 n hex digits; false: not hex digits. */
bool kith_tar_hex(const uint8_t *text, uint8_t *ret, size_t n);

/* ------------------------------------------- the list in a package (tar_mtree.c) */

struct kith_mtree;

/* The .MTREE of an Arch package: mtree(5) text in gzip. */
enum kith_status kith_mtree_read(const void *gzip, size_t n, struct kith_mtree **ret,
				 struct kith_err *err);
void kith_mtree_free(struct kith_mtree *mtree);
/* The SHA-256 of a path, or NULL. */
const uint8_t *kith_mtree_find(const struct kith_mtree *mtree, const uint8_t *path, size_t n);

#endif
