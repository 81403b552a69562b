/* SPDX-License-Identifier: Apache-2.0 */
/* eltorito.c: figures and sections named below are those of the El Torito specification 1.0. */
#include "containers/eltorito.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

#define SECTOR          ((uint64_t)2048)
#define LOAD_SECTOR     512u
#define DESCRIPTOR      16u /* ECMA-119: where volume descriptors begin */
#define DESCRIPTORS_MAX 64u
#define ENTRY           ((size_t)32)
#define CATALOG_BYTES   8192u /* of a catalog that are read: 254 entries */

#define HEADER_MORE 0x90u /* figure 4 */
#define HEADER_LAST 0x91u
#define EXTENSION   0x44u /* figure 6 */
#define BOOTABLE    0x88u

/* The catalog's offset, from the boot record that names it (figure 7); 0: there is none. */
static enum kith_status find_catalog(const struct kith_blob *blob, uint64_t *ret_offset,
				     struct kith_err *err)
{
	static const char system[] = "EL TORITO SPECIFICATION";
	uint8_t d[80];
	unsigned i;

	*ret_offset = 0;
	for (i = DESCRIPTOR; i < DESCRIPTOR + DESCRIPTORS_MAX; i++) {
		enum kith_status st;

		if (i * SECTOR + SECTOR > blob->size)
			break;
		st = kith_blob_read(blob, i * SECTOR, d, sizeof d, err);
		if (st < 0)
			return st;
		if (memcmp(d + 1, "CD001", 5) != 0 || d[0] == 255)
			break;
		if (d[0] == 0 && memcmp(d + 7, system, sizeof system - 1) == 0) {
			*ret_offset = kith_get_le32(d + 0x47) * SECTOR;
			break;
		}
	}
	return KITH_OK;
}

static uint32_t le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

/* The length of the FAT volume whose first sector that is, by its BIOS parameter block (Microsoft
 * FAT specification, 3.1); 0: it is not one. */
static uint64_t fat_bytes(const uint8_t *s)
{
	uint32_t sector = le16(s + 11), total = le16(s + 19);

	if ((s[0] != 0xeb && s[0] != 0xe9) || s[510] != 0x55 || s[511] != 0xaa)
		return 0;
	if (sector != 512 && sector != 1024 && sector != 2048 && sector != 4096)
		return 0;
	if (s[13] == 0 || (s[13] & (s[13] - 1u)) != 0 || le16(s + 14) == 0 || s[16] == 0 ||
	    s[16] > 2)
		return 0;
	if (total == 0)
		total = kith_get_le32(s + 32);
	return (uint64_t)total * sector;
}

/* The end of the first partition of a hard disk image (figure 3, media type 4). */
static uint64_t disk_bytes(const uint8_t *s)
{
	if (s[510] != 0x55 || s[511] != 0xaa)
		return 0;
	return ((uint64_t)kith_get_le32(s + 446 + 8) + kith_get_le32(s + 446 + 12)) * LOAD_SECTOR;
}

/* The length of an image: the floppies' are fixed (figure 3); others tell in their first sector. */
static enum kith_status measure(const struct kith_blob *blob, uint8_t media, uint64_t load,
				struct kith_boot_image *image, struct kith_err *err)
{
	static const uint64_t floppies[] = {0, 1200u << 10, 1440u << 10, 2880u << 10};
	uint8_t sector[512];
	uint64_t bytes = 0;
	enum kith_status st;
	size_t n;

	if (media >= 1 && media <= 3) {
		bytes = floppies[media];
	} else {
		st = kith_blob_read_some(blob, image->offset, sector, sizeof sector, &n, err);
		if (st < 0)
			return st;
		if (n == sizeof sector)
			bytes = media == 4 ? disk_bytes(sector) : fat_bytes(sector);
	}
	image->length_known = bytes >= load && bytes > 0;
	image->bytes = image->length_known ? bytes : load;
	if (image->bytes > blob->size - image->offset) {
		/* Cut, but a fault only where the catalog itself says so. */
		image->length_known = image->length_known && load <= blob->size - image->offset;
		image->bytes = blob->size - image->offset;
	}
	return KITH_OK;
}

/* An initial or section entry (figures 3 and 5). */
static enum kith_status take_entry(const struct kith_blob *blob, const uint8_t *e,
				   struct kith_boot_images *ret, struct kith_err *err)
{
	uint64_t load = (uint64_t)le16(e + 6) * LOAD_SECTOR;
	struct kith_boot_image *image = &ret->items[ret->n];
	enum kith_status st;

	if (kith_get_le32(e + 8) == 0) /* an entry without an image */
		return KITH_OK;
	if (ret->n == KITH_BOOT_IMAGES_MAX) {
		ret->fault = "over a limit: boot images";
		return KITH_OK;
	}
	image->offset = kith_get_le32(e + 8) * SECTOR;
	if (image->offset >= blob->size) {
		ret->fault = "damaged: a boot image lies outside of the image";
		return KITH_OK;
	}
	st = measure(blob, e[1] & 0x0fu, load == 0 ? SECTOR : load, image, err);
	if (st >= 0)
		ret->n++;
	return st;
}

/* Figure 2: the words of the validation entry add up to 0. */
static bool is_valid(const uint8_t *e)
{
	uint32_t sum = 0;
	unsigned i;

	for (i = 0; i < ENTRY; i += 2)
		sum += le16(e + i);
	return e[0] == 1 && e[30] == 0x55 && e[31] == 0xaa && (sum & 0xffffu) == 0;
}

enum kith_status kith_boot_images_read(const struct kith_blob *blob, struct kith_boot_images *ret,
				       struct kith_err *err)
{
	uint8_t catalog[CATALOG_BYTES];
	uint64_t offset;
	unsigned left = 0;
	bool last = false;
	size_t n, at;
	enum kith_status st;

	memset(ret, 0, sizeof *ret);
	st = find_catalog(blob, &offset, err);
	if (st < 0 || offset == 0)
		return st;
	if (offset >= blob->size || blob->size - offset < 2 * ENTRY) {
		ret->fault = "damaged boot catalog";
		return KITH_OK;
	}
	st = kith_blob_read_some(blob, offset, catalog, sizeof catalog, &n, err);
	if (st < 0)
		return st;
	if (!is_valid(catalog)) /* it may still name images */
		ret->fault = "damaged boot catalog";
	st = take_entry(blob, catalog + ENTRY, ret, err);
	for (at = 2 * ENTRY; st >= 0 && n - at >= ENTRY; at += ENTRY) {
		const uint8_t *e = catalog + at;

		if (e[0] == EXTENSION) /* selection criteria of the entry before */
			continue;
		if (left > 0) {
			left--;
			st = take_entry(blob, e, ret, err);
		} else if (!last && (e[0] == HEADER_MORE || e[0] == HEADER_LAST)) {
			left = le16(e + 2);
			last = e[0] == HEADER_LAST;
		} else if (!last && e[0] == BOOTABLE) {
			/* Older mastering programs write further entries without a header. */
			st = take_entry(blob, e, ret, err);
		} else {
			return KITH_OK;
		}
	}
	if (st >= 0 && left > 0)
		ret->fault = "over a limit: boot images";
	return st < 0 ? st : KITH_OK;
}
