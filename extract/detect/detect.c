/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detect.c: the table of magic numbers. The first row that fits wins, so what is stricter, or may
 * have another format's bytes at its front, comes first: a disc image's first 32 KiB are free for
 * boot code of any kind, and an Apple disk image may begin with a bzip2 stream.
 *
 * A row fits when its bytes are where they have to be, the second ones too, and its check, if it
 * has one, agrees. Each row, or the check, names the specification that it is from.
 */
#include "detect/detect.h"

#include "detect/checks.h"

struct magic {
	enum kith_format format;
	uint32_t offset;
	uint8_t n;
	const char *bytes;
	uint32_t also_offset;
	uint8_t also_n;
	const char *also;
	bool (*check)(const struct kith_peek *peek);
};

/* A string's size without its NUL; the strings hold NULs. */
#define BYTES(text) sizeof(text) - 1, (text)
#define NO_BYTES    0, ""

#define AT(format, offset, text, check)                                       \
	{                                                                     \
		KITH_FORMAT_##format, offset, BYTES(text), 0, NO_BYTES, check \
	}
#define AT2(format, offset, text, also_offset, also, check)                                \
	{                                                                                  \
		KITH_FORMAT_##format, offset, BYTES(text), also_offset, BYTES(also), check \
	}
#define BY(format, check)                                             \
	{                                                             \
		KITH_FORMAT_##format, 0, NO_BYTES, 0, NO_BYTES, check \
	}

static const struct magic magics[] = {
    BY(DMG, check_dmg),
    BY(UDF, check_udf),
    /* ECMA-119, 8.1: the standard identifier of the first volume descriptor, sector 16 */
    AT(ISO9660, 32769, "CD001", NULL),
    /* [MS-WIM] 2.2: image tag and header size 208; pipable ones as wimlib writes them */
    AT2(WIM, 0, "MSWIM\0\0\0", 8, "\xd0\0\0\0", NULL),
    AT2(WIM, 0, "WLPWM\0\0\0", 8, "\xd0\0\0\0", NULL),
    AT(CAB, 0, "MSCF", check_cab),
    AT(SQUASHFS, 0, "hsqs", check_squashfs),
    AT(SQUASHFS, 0, "sqsh", check_squashfs_be),
    BY(APPIMAGE, check_appimage),
    /* deb(5) */
    AT(DEB, 0, "!<arch>\ndebian-binary", NULL),
    AT(RPM, 0, "\xed\xab\xee\xdb", check_rpm),
    /* ar(5); a thin archive has no contents */
    AT(AR, 0, "!<arch>\n", NULL),
    AT(XAR, 0, "xar!", check_xar),
    /* 7-Zip, DOC/7zFormat.txt: signature and major version */
    AT(SEVENZIP, 0, "7z\xbc\xaf\x27\x1c\0", NULL),
    /* RARLAB, "RAR 5.0 archive format", and unrar's technote.txt for version 4 */
    AT(RAR, 0, "Rar!\x1a\7\1\0", NULL),
    AT(RAR, 0, "Rar!\x1a\7\0", NULL),
    AT(ZIP, 0, "PK\3\4", check_zip),
    AT(ZIP, 0, "PK\5\6", check_zip_empty),
    AT(ZIP, 0, "PK\7\x8", check_zip_spanned),
    AT(ZIP, 0, "PK00", check_zip_spanned),
    AT(GZIP, 0, "\x1f\x8b\x8", check_gzip),
    AT(XZ, 0,
       "\xfd"
       "7zXZ\0",
       check_xz),
    AT(ZSTD, 0, "\x28\xb5\x2f\xfd", check_zstd),
    AT(BZIP2, 0, "BZh", check_bzip2),
    AT(LZ4, 0, "\4\x22\x4d\x18", check_lz4),
    AT(LZ4, 0, "\2\x21\x4c\x18", check_lz4_legacy),
    AT(LZ4, 1, "\x2a\x4d\x18", check_skippable_lz4),
    AT(ZSTD, 1, "\x2a\x4d\x18", check_skippable),
    AT(LZIP, 0, "LZIP", check_lzip),
    AT(COMPRESS, 0, "\x1f\x9d", check_compress),
    AT(CPIO, 0, "07070", check_cpio_text),
    BY(CPIO, check_cpio_binary),
    BY(TAR, check_tar),
    /* Linux, Documentation/arch/x86/boot.rst: "HdrS" at 0x202, boot signature at 0x1fe */
    AT2(BZIMAGE, 0x202, "HdrS", 0x1fe, "\x55\xaa", NULL),
    /* Linux, drivers/firmware/efi/libstub/zboot-header.S */
    AT2(ZBOOT, 0, "MZ", 4, "zimg", NULL),
    BY(UKI, check_uki),
    BY(PE_OVERLAY, check_pe_overlay),
    /* [MS-CFB] 2.2 */
    AT(MSI, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", check_msi),
    /* NSIS, Source/exehead/fileform.h: firstheader */
    AT2(NSIS, 4, "\xef\xbe\xad\xdeNullsoftInst", 1, "\0\0\0", NULL),
    AT(UEFI_VOLUME, 40, "_FVH", check_uefi_volume),

    /* What is known, and not opened. */
    BY(VHD, check_vhd),
    /* [MS-VHDX] 2.2.1, file type identifier */
    AT(VHDX, 0, "vhdxfile", NULL),
    /* QEMU, docs/interop/qcow2.txt: versions 2 and 3 */
    AT(QCOW2, 0, "QFI\xfb\0\0\0\2", NULL),
    AT(QCOW2, 0, "QFI\xfb\0\0\0\3", NULL),
    /* VMware, "Virtual Disk Format 5.0": sparse extents, and the text descriptor */
    AT2(VMDK, 0, "KDMV", 6, "\0\0", NULL),
    AT2(VMDK, 0, "COWD", 5, "\0\0\0", NULL),
    AT(VMDK, 0, "# Disk DescriptorFile", NULL),
    /* VirtualBox, VDICore.h: VDI_IMAGE_SIGNATURE */
    AT(VDI, 64, "\x7f\x10\xda\xbe", NULL),
    /* libewf, "Expert Witness Compression Format" (versions 1 and 2) */
    AT(EWF, 0, "EVF\x9\xd\xa\xff\0", NULL),
    AT(EWF, 0, "EVF2\xd\xa\x81\0", NULL),
    /* cryptsetup, "LUKS On-Disk Format Specification" */
    AT(LUKS, 0, "LUKS\xba\xbe\0", NULL),
    /* libbde, "BitLocker Drive Encryption (BDE) format": OEM name */
    AT(BITLOCKER, 3, "-FVE-FS-", NULL),
    /* Boot sectors of NTFS, exFAT ([exFAT] 3.1.2) and ReFS */
    AT(NTFS, 3, "NTFS    \0", NULL),
    AT(EXFAT, 3, "EXFAT   \0", NULL),
    AT(REFS, 3, "ReFS\0\0\0\0", NULL),
    /* UEFI specification, 5.3.2: header in the second sector, of 512 or 4,096 bytes */
    AT(GPT, 512, "EFI PART\0\0\1\0", NULL),
    AT(GPT, 4096, "EFI PART\0\0\1\0", NULL),
    BY(FAT, check_fat),
    BY(EXT, check_ext),
    /* btrfs on-disk format: super block at 64 KiB, magic at 64 in it */
    AT(BTRFS, 65600, "_BHRfS_M", NULL),
    /* Linux, fs/erofs/erofs_fs.h and fs/f2fs: super block at 1024 */
    AT(EROFS, 1024, "\xe2\xe1\xf5\xe0", NULL),
    AT(F2FS, 1024, "\x10\x20\xf5\xf2", NULL),
    /* "XFS Algorithms & Data Structures", superblock: magic, block size below 64 KiB * 2 */
    AT2(XFS, 0, "XFSB", 4, "\0", NULL),
    BY(HFSPLUS, check_hfsplus),
    /* "Apple File System Reference": nx_magic */
    AT(APFS, 32, "NXSB", NULL),
    AT2(CRAMFS, 0, "\x45\x3d\xcd\x28", 16, "Compressed ROMFS", NULL),
    AT(ROMFS, 0, "-rom1fs-", NULL),
    /* Linux, drivers/mtd/ubi/ubi-media.h: UBI_EC_HDR_MAGIC, version 1 */
    AT(UBI, 0, "UBI#\1\0\0\0", NULL),
    /* LVM2, lib/format_text/layout.h: label in one of the first four sectors */
    AT2(LVM, 512, "LABELONE", 536, "LVM2 001", NULL),
    AT2(LVM, 0, "LABELONE", 24, "LVM2 001", NULL),
    /* ECMA-130, 14.2: synchronization field */
    AT(RAW_CD, 0, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", NULL),
    /* Android, system/core/libsparse/sparse_format.h: magic, major version 1 */
    AT(ANDROID_SPARSE, 0, "\x3a\xff\x26\xed\1\0", NULL),
    /* Android, update_engine: magic, version 2, big endian */
    AT(ANDROID_OTA, 0, "CrAU\0\0\0\0\0\0\0\2", NULL),
    /* Apple Encrypted Archive: magic, profile below 256 */
    AT2(AEA, 0, "AEA1", 5, "\0\0", NULL),
    /* Apple archive: magic, size of the header as 16 bits, then a field of three letters */
    AT2(APPLE_ARCHIVE, 0, "AA01", 6, "TYP", NULL),
    AT2(APPLE_ARCHIVE, 0, "YAA1", 6, "TYP", NULL),
    /* pbzx: magic, size of the chunks as 64 bits, big endian */
    AT(PBZX, 0, "pbzx\0\0\0\0", NULL),
    /* apk-tools, apk-v3(5): "ADB." plain, "ADBd" deflated, "ADBc" with another compression */
    AT2(APK3, 0, "ADB.", 4, "pckg", NULL),
    AT(APK3, 0, "ADBd", NULL),
    AT(APK3, 0, "ADBc", NULL),
    /* Windows deltas: a manifest, a patch, a patch behind its CRC32. The time in them, as a
     * FILETIME, is of this age: its highest byte is 1 */
    AT(DELTA, 0, "DCM\1", NULL),
    AT2(DELTA, 0, "PA30", 11, "\1", NULL),
    AT2(DELTA, 0, "PA31", 11, "\1", NULL),
    AT2(DELTA, 4, "PA30", 15, "\1", NULL),
    AT2(DELTA, 4, "PA31", 15, "\1", NULL),
    AT(DELTA_RPM, 0, "drpmDLT", NULL),
    AT(FLATPAK, 0, "flatpak\0", NULL),
    BY(ASAR, check_asar),
    /* CHM: "ITSF", version 2 to 4; header of 0x58 or 0x60 bytes */
    AT2(CHM, 0, "ITSF", 5, "\0\0\0", NULL),
    AT(INSTALLSHIELD, 0, "ISc(", NULL),
    /* openZIM: magic, major version 5 or 6 */
    AT(ZIM, 0, "ZIM\4\5\0", NULL),
    AT(ZIM, 0, "ZIM\4\6\0", NULL),
    BY(LHA, check_lha),
    AT(ARJ, 0, "\x60\xea", check_arj),
    AT(ACE, 7, "**ACE**", NULL),
    AT(LZOP, 0, "\x89LZO\0\xd\xa\x1a\xa", NULL),
    AT2(LRZIP, 0, "LRZI", 4, "\0", NULL),

    /* Weak ones, after everything else. */
    BY(LZMA, check_lzma),
    BY(MBR, check_mbr),
    BY(ZIP, check_zip_at_end),
};

enum kith_format kith_detect(const struct kith_peek *peek)
{
	size_t i;

	for (i = 0; i < sizeof magics / sizeof *magics; i++) {
		const struct magic *m = &magics[i];

		if ((m->n == 0 || peek_is(peek, m->offset, m->bytes, m->n)) &&
		    (m->also_n == 0 || peek_is(peek, m->also_offset, m->also, m->also_n)) &&
		    (m->check == NULL || m->check(peek)))
			return m->format;
	}
	return KITH_FORMAT_NONE;
}
