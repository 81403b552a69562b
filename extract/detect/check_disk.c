/* SPDX-License-Identifier: Apache-2.0 */
/* check_disk.c: discs, disks and file systems. */
#include "detect/checks.h"

#define SECTOR 2048u

/*
 * ECMA-167 2/8 and 3/9: the volume recognition sequence is one structure in each sector from byte
 * 32,768 on; "NSR02" or "NSR03" in it means UDF, whatever else is there. It ends at the first
 * sector that holds none; on media with larger sectors there are empty ones between.
 */
bool check_udf(const struct kith_peek *peek)
{
	static const char known[][6] = {"CD001", "BEA01", "TEA01", "BOOT2", "CDW02"};
	unsigned empty = 0;
	size_t at, i;

	for (at = 32768; at + 7 <= peek->head_n && empty < 2; at += SECTOR) {
		const uint8_t *h = peek->head + at;

		if (memcmp(h + 1, "NSR02", 5) == 0 || memcmp(h + 1, "NSR03", 5) == 0)
			return true;
		for (i = 0; i < sizeof known / sizeof *known; i++)
			if (memcmp(h + 1, known[i], 5) == 0)
				break;
		empty = i < sizeof known / sizeof *known ? 0 : empty + 1;
	}
	return false;
}

/* squashfs 4.0 (Linux, fs/squashfs/squashfs_fs.h): major version at 28, in the order of the magic;
 * versions 1 to 3 have it there too. */
bool check_squashfs(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 96);

	return h != NULL && peek_le16(h + 28) >= 1 && peek_le16(h + 28) <= 4;
}

bool check_squashfs_be(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 96);

	return h != NULL && peek_be16(h + 28) >= 1 && peek_be16(h + 28) <= 3;
}

/* Apple's UDIF: the trailer "koly", version 4 and its own size 512, big endian, in the last 512
 * bytes. What is at the front may look like anything, a bzip2 stream for example. */
bool check_dmg(const struct kith_peek *peek)
{
	const uint8_t *tail;
	size_t n;

	if (!peek_tail(peek, &tail, &n) || n < 512)
		return false;
	tail += n - 512;
	return memcmp(tail, "koly", 4) == 0 && kith_get_be32(tail + 4) == 4 &&
	       kith_get_be32(tail + 8) == 512;
}

/* UEFI Platform Initialization, volume 3, EFI_FIRMWARE_VOLUME_HEADER: "_FVH" at 40, header length
 * at 48, whose 16-bit words sum to zero; the revision at 55 is 1 or 2. */
bool check_uefi_volume(const struct kith_peek *peek)
{
	static const uint8_t zero_vector[16];
	const uint8_t *h = peek_at(peek, 0, 72);
	uint16_t sum = 0;
	unsigned n, i;

	if (h == NULL || memcmp(h + 40, "_FVH", 4) != 0 || memcmp(h, zero_vector, 16) != 0 ||
	    h[55] < 1 || h[55] > 2)
		return false;
	n = peek_le16(h + 48);
	if (n < 56 || n % 2 != 0 || peek_at(peek, 0, n) == NULL)
		return false;
	for (i = 0; i < n; i += 2)
		sum = (uint16_t)(sum + peek_le16(h + i));
	return sum == 0;
}

static bool has_boot_signature(const struct kith_peek *peek)
{
	return peek_is(peek, 510, "\x55\xaa", 2);
}

/*
 * Microsoft, "FAT: General Overview of On-Disk Format" 1.03: jump, BIOS parameter block and
 * signature; the text at 54 or 82 is of no consequence, but where it is there the rest need not be
 * as strict. NTFS, exFAT and BitLocker name themselves at 3.
 */
bool check_fat(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 512);
	uint32_t sector, reserved, fats, root, sectors, fat_sectors;
	bool fat32;
	uint64_t bytes;

	if (h == NULL || !has_boot_signature(peek) ||
	    !((h[0] == 0xeb && h[2] == 0x90) || h[0] == 0xe9))
		return false;
	if (memcmp(h + 3, "NTFS    ", 8) == 0 || memcmp(h + 3, "EXFAT   ", 8) == 0 ||
	    memcmp(h + 3, "-FVE-FS-", 8) == 0)
		return false;
	sector = peek_le16(h + 11);
	reserved = peek_le16(h + 14);
	fats = h[16];
	root = peek_le16(h + 17);
	sectors = peek_le16(h + 19) != 0 ? peek_le16(h + 19) : kith_get_le32(h + 32);
	fat32 = peek_le16(h + 22) == 0;
	fat_sectors = fat32 ? kith_get_le32(h + 36) : peek_le16(h + 22);
	if (!is_power_of_2(sector) || sector < 512 || sector > 4096 || !is_power_of_2(h[13]) ||
	    reserved == 0 || fats < 1 || fats > 2 || h[21] < 0xf0 || sectors == 0 ||
	    fat_sectors == 0 || fat32 != (root == 0))
		return false;
	bytes = (uint64_t)sectors * sector;
	if (((uint64_t)fats * fat_sectors + reserved) * sector >= bytes)
		return false;
	return memcmp(h + 54, "FAT", 3) == 0 || memcmp(h + 82, "FAT32", 5) == 0 ||
	       !peek->has_size || bytes <= peek->size;
}

/*
 * The table of a PC's disk (UEFI specification, 5.2.1): four entries of 16 bytes at 446. Boot code
 * alone, such as the first sector of a boot loader's file, has none that is in use.
 */
bool check_mbr(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 512);
	unsigned i, used = 0;

	if (h == NULL || !has_boot_signature(peek))
		return false;
	for (i = 0; i < 4; i++) {
		const uint8_t *e = h + 446 + 16 * (size_t)i;
		uint64_t start = kith_get_le32(e + 8), n = kith_get_le32(e + 12);

		if ((e[0] & 0x7f) != 0)
			return false;
		if (e[4] == 0)
			continue;
		if (start == 0 || n == 0 || (peek->has_size && start * 512 >= peek->size))
			return false;
		used++;
	}
	return used > 0;
}

/* Linux, fs/ext4/ext4.h: super block at 1024; magic at 56, logarithm of the block size at 24, state
 * at 58, creator at 72, revision at 76. */
bool check_ext(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 1024, 84);

	return h != NULL && h[56] == 0x53 && h[57] == 0xef && kith_get_le32(h + 24) <= 6 &&
	       kith_get_le32(h) > 0 && kith_get_le32(h + 4) > 0 && kith_get_le32(h + 72) <= 4 &&
	       kith_get_le32(h + 76) <= 1;
}

/* Apple TN1150: volume header at 1024: "H+" with version 4, "HX" with version 5. */
bool check_hfsplus(const struct kith_peek *peek)
{
	return peek_is(peek, 1024, "H+\0\4", 4) || peek_is(peek, 1024, "HX\0\5", 4);
}

/* Microsoft, "Virtual Hard Disk Image Format": the footer is the last 512 bytes; a dynamic one has
 * a copy in front. Version 1.0 at 12. */
bool check_vhd(const struct kith_peek *peek)
{
	static const char magic[] = "conectix";
	const uint8_t *tail;
	size_t n;

	if (peek_is(peek, 0, magic, 8) && peek_is(peek, 12, "\0\1\0\0", 4))
		return true;
	return peek_tail(peek, &tail, &n) && n >= 512 && memcmp(tail + n - 512, magic, 8) == 0 &&
	       memcmp(tail + n - 500, "\0\1\0\0", 4) == 0;
}
