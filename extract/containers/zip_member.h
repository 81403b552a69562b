/* SPDX-License-Identifier: Apache-2.0 */
/* zip_member.h: the data of one entry of a zip, with its size and CRC checked. For `zip`. */
#ifndef KITH_EXTRACT_ZIP_MEMBER_H
#define KITH_EXTRACT_ZIP_MEMBER_H

#include "inflate.h"
#include "libarchive.h"
#include "zip_directory.h"

struct kith_zip_member;

/* One for all entries of a zip. */
enum kith_status kith_zip_member_new(const struct kith_blob *blob, struct kith_zip_member **ret,
				     struct kith_err *err);
void kith_zip_member_free(struct kith_zip_member *member);

/* KITH_E_UNSUPPORTED: a method that nothing here decodes. The entry lies inside the blob. */
enum kith_status kith_zip_member_start(struct kith_zip_member *member,
				       const struct kith_zip_entry *entry, struct kith_err *err);
/* A kith_read_fn: KITH_E_CORRUPT when size or CRC are not as the directory says. */
enum kith_status kith_zip_member_read(void *member, void *buf, size_t n, size_t *ret_n,
				      struct kith_err *err);

#endif
