/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eltorito.h: the boot images that the boot catalog of a disc names ("El Torito" Bootable CD-ROM
 * Format Specification 1.0; platform EFI: UEFI specification 2.10, 13.3.2.1). They need not be
 * files of the disc's tree.
 */
#ifndef KITH_EXTRACT_ELTORITO_H
#define KITH_EXTRACT_ELTORITO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob/blob.h"
#include "kith.h"

#define KITH_BOOT_IMAGES_MAX 64

struct kith_boot_image {
	uint64_t offset, bytes;
	/* The catalog says how much firmware is to load, which may be less than the image. False:
	 * nothing else told its length, and bytes is what is to load. */
	bool length_known;
};

struct kith_boot_images {
	struct kith_boot_image items[KITH_BOOT_IMAGES_MAX];
	size_t n;
	const char *fault; /* NULL, or what is wrong with the catalog, for the ledger */
};

/* KITH_OK also when there is no catalog: n is 0. Fails for KITH_E_IO only. */
enum kith_status kith_boot_images_read(const struct kith_blob *blob, struct kith_boot_images *ret,
				       struct kith_err *err);

#endif
