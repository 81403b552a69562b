/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob.h: bytes that can be read at any offset: a file, a part of one, several parts in a row (the
 * extents of a file in an image), or what a container decodes on demand.
 *
 * Everything that lies in a file, however deep, is the file's descriptor and a list of extents: so
 * what is stored inside an image is read in place, and can be handed to another process.
 *
 * Reading is safe from several threads at a time for what lies in a file; a decoded blob is for
 * one thread. Sizes and offsets are in bytes.
 */
#ifndef KITH_EXTRACT_BLOB_H
#define KITH_EXTRACT_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kith.h"

/* The offset of an extent that lies nowhere: so many zeros. */
#define KITH_EXTENT_ZEROS UINT64_MAX

struct kith_extent {
	uint64_t offset, bytes; /* in the file, or in the parent blob */
};

struct kith_blob {
	uint64_t size;
	/* Lies in a file: */
	int fd;                      /* not owned; -1: decoded */
	struct kith_extent *extents; /* owned; in the file */
	uint64_t *starts;            /* owned; of each extent, in the blob */
	size_t n_extents;
	/* Decoded: all n bytes at offset, which are inside size. */
	enum kith_status (*read)(void *user, uint64_t offset, void *buf, size_t n,
				 struct kith_err *err);
	void *user; /* not owned */
};

/* The first `size` bytes of fd. */
enum kith_status kith_blob_file(struct kith_blob *blob, int fd, uint64_t size,
				struct kith_err *err);
/* Parts of a blob that lies in a file, one behind the other; extents outside of it are
 * KITH_E_CORRUPT. KITH_E_ARG for a decoded parent. */
enum kith_status kith_blob_parts(struct kith_blob *blob, const struct kith_blob *parent,
				 const struct kith_extent *extents, size_t n, struct kith_err *err);
void kith_blob_decoded(struct kith_blob *blob, uint64_t size,
		       enum kith_status (*read)(void *user, uint64_t offset, void *buf, size_t n,
						struct kith_err *err),
		       void *user);
void kith_blob_done(struct kith_blob *blob); /* does not close fd */

/* All n bytes, or KITH_E_CORRUPT ("ends at N, M bytes at K were expected") or KITH_E_IO. */
enum kith_status kith_blob_read(const struct kith_blob *blob, uint64_t offset, void *buf, size_t n,
				struct kith_err *err);
/* Up to n bytes; fewer only at the end of the blob. */
enum kith_status kith_blob_read_some(const struct kith_blob *blob, uint64_t offset, void *buf,
				     size_t n, size_t *ret_n, struct kith_err *err);

#endif
