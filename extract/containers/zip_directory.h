/* SPDX-License-Identifier: Apache-2.0 */
/* zip_directory.h: the central directory of a zip, checked. For `zip`. */
#ifndef KITH_EXTRACT_ZIP_DIRECTORY_H
#define KITH_EXTRACT_ZIP_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob/blob.h"

struct kith_zip_entry {
	uint64_t local;        /* offset of the local header in the blob */
	uint64_t data;         /* of the data; 0: there is no local header at `local` */
	uint64_t packed, size; /* bytes */
	uint32_t crc;
	uint32_t attributes; /* external */
	uint16_t method, flags;
	uint8_t host;        /* that made it: 3 is Unix, 19 macOS */
	bool overlaps;       /* an entry before it in the file */
	bool other_name;     /* the local header has another name than the directory */
	uint32_t number;     /* in the directory */
	const uint8_t *name; /* in `bytes` */
	size_t name_n;
};

struct kith_zip_directory {
	uint8_t *bytes;                 /* the central directory */
	struct kith_zip_entry *entries; /* by their places in the file */
	size_t n, cap;
	bool cut_off; /* over the limit of entries */
	bool damaged; /* it ends before the number of entries that it announces, or goes on */
};

/* KITH_E_CORRUPT where there is no directory, KITH_E_UNSUPPORTED for a part of a zip on several
 * disks, KITH_E_LIMIT, KITH_E_IO, KITH_E_NOMEM. */
enum kith_status kith_zip_directory_read(const struct kith_blob *blob,
					 struct kith_zip_directory *ret, struct kith_err *err);
void kith_zip_directory_done(struct kith_zip_directory *directory);

#endif
