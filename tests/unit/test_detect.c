/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The detector over the smallest beginnings of every format, laid out by hand from its
 * specification, and over what must not be taken for one. data-samples/ has the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "detect/detect.h"

#define SIZE ((size_t)200 << 10)

static uint8_t image[SIZE];

static void put(size_t at, const void *bytes, size_t n)
{
	assert_true(at + n <= SIZE);
	memcpy(image + at, bytes, n);
}

#define PUT(at, text) put(at, text, sizeof(text) - 1)

/* What it is as a file of n bytes; in blocks of their own, so that a sanitizer sees a byte too far.
 */
static enum kith_format detect(size_t n, bool has_tail)
{
	size_t head_n = n < KITH_PEEK_HEAD ? n : KITH_PEEK_HEAD;
	size_t tail_n = n < KITH_PEEK_TAIL ? n : KITH_PEEK_TAIL;
	uint8_t *head = malloc(head_n + 1), *tail = malloc(tail_n + 1);
	struct kith_peek peek = {head, head_n, has_tail ? tail : NULL, has_tail ? tail_n : 0,
				 true, n};
	enum kith_format format;

	assert_non_null(head);
	assert_non_null(tail);
	head = realloc(head, head_n > 0 ? head_n : 1);
	tail = realloc(tail, tail_n > 0 ? tail_n : 1);
	peek.head = head;
	peek.tail = has_tail ? tail : NULL;
	memcpy(head, image, head_n);
	memcpy(tail, image + n - tail_n, tail_n);
	format = kith_detect(&peek);
	free(head);
	free(tail);
	return format;
}

static const char *name_of(enum kith_format format)
{
	return format == KITH_FORMAT_NONE ? "none" : kith_format_info(format)->name;
}

static void expect(size_t n, const char *name)
{
	assert_string_equal(name_of(detect(n, true)), name);
}

static void clear(void)
{
	memset(image, 0, sizeof image);
}

static void magic_numbers(void **state)
{
#define CASE(name, at, text)                     \
	{                                        \
		name, at, text, sizeof(text) - 1 \
	}
	static const struct {
		const char *name;
		size_t at;
		const char *bytes;
		size_t n;
	} cases[] = {
	    CASE("iso9660", 32769, "CD001"),
	    CASE("wim", 0, "MSWIM\0\0\0\xd0\0\0\0\0\x0d\1\0"),
	    CASE("wim", 0, "WLPWM\0\0\0\xd0\0\0\0\0\x0d\1\0"),
	    CASE("none", 0, "MSWIM\0\0\0"),
	    CASE("cab", 0,
		 "MSCF\0\0\0\0\0\4\0\0\0\0\0\0\x2c\0\0\0\0\0\0\0\3\1\1\0\1\0\0\0\0\0\0\0"),
	    CASE("none", 0, "MSCFG is the name of a program, and this a text about it\n"),
	    CASE("deb", 0,
		 "!<arch>\ndebian-binary   1692962461  0     0     100644  4         `\n"),
	    CASE("ar", 0, "!<arch>\nhello.o/        0           0     0     100644  4         `\n"),
	    CASE("none", 0, "!<thin>\n"),
	    CASE("rpm", 0, "\xed\xab\xee\xdb\3\0\0\0\0\1bash-5"),
	    CASE("xar", 0, "xar!\0\x1c\0\1\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\1"),
	    CASE("7z", 0, "7z\xbc\xaf\x27\x1c\0\4"),
	    CASE("rar", 0, "Rar!\x1a\7\0\xcf"),
	    CASE("rar", 0, "Rar!\x1a\7\1\0"),
	    CASE("zip", 0, "PK\3\4\x14\0\0\0\x8\0"),
	    CASE("zip", 0, "PK\7\x8PK\3\4\x14\0"),
	    CASE("zip", 0, "PK00PK\3\4\x14\0"),
	    CASE("none", 0, "PKWARE"),
	    CASE("gzip", 0, "\x1f\x8b\x8\0\0\0\0\0\0\3"),
	    CASE("none", 0, "\x1f\x8b\x8\xe0\0\0\0\0\0\3"),
	    CASE("xz", 0,
		 "\xfd"
		 "7zXZ\0\0\4"),
	    CASE("zstd", 0, "\x28\xb5\x2f\xfd\x24"),
	    CASE("none", 0, "\x28\xb5\x2f\xfd\x8"),
	    CASE("bzip2", 0, "BZh91AY&SY"),
	    CASE("bzip2", 0, "BZh9\x17\x72\x45\x38\x50\x90"),
	    CASE("none", 0, "BZh is the beginning of a bzip2 file\n"),
	    CASE("lz4", 0, "\4\x22\x4d\x18\x64\x40\xa7"),
	    CASE("none", 0, "\4\x22\x4d\x18\x02\x40\xa7"),
	    CASE("lz4", 0, "\2\x21\x4c\x18\x10\0\0\0\xf0"),
	    CASE("none", 0, "\2\x21\x4c\x18\xff\xff\xff\xff\xf0"),
	    CASE("lz4", 0, "\x5f\x2a\x4d\x18\3\0\0\0abc\4\x22\x4d\x18\x64\x40\xa7"),
	    CASE("zstd", 0, "\x50\x2a\x4d\x18\3\0\0\0abc\x28\xb5\x2f\xfd\x24"),
	    CASE("zstd", 0, "\x50\x2a\x4d\x18\0\0\2\0"), /* beyond what is seen */
	    CASE("none", 0, "\x50\x2a\x4d\x18\3\0\0\0abcdefghijk"),
	    CASE("none", 0, "\x50\x2a\x4d\x18\0\0\xff\xff"),
	    CASE("lzip", 0, "LZIP\1\x14"),
	    CASE("none", 0, "LZIP\1\x1f"),
	    CASE("compress", 0, "\x1f\x9d\x90\x61\0\0"),
	    CASE("none", 0, "\x1f\x9d\x90\x61\1\0"),
	    CASE("lzma", 0, "\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0\x30\x98\x88\x98"),
	    CASE("none", 0, "\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\1\x30\x98\x88\x98"),
	    CASE("none", 0, "\x5d\0\1\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0\x30\x98\x88\x98"),
	    CASE("cpio", 0,
		 "070701000000010000000000000000000000000000000000000000000000000000000000000000000"
		 "000000000000000000000000000000b00000000"),
	    CASE("none", 0,
		 "07070X00000001000000000000000000000000000000000000000000000000000000000000000000"
		 "000000000000000000000000000000b00000000"),
	    CASE("cpio", 0,
		 "070707000000000000000000000000000000000001000000000000000000000001300000000000"),
	    CASE("none", 0,
		 "070701 and 070707 are numbers that begin a cpio archive, as everybody "
		 "knows who has seen one of these\n"),
	    CASE("cpio", 0, "\xc7\x71\1\0\2\0\xa4\x81\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0a\0"),
	    CASE("cpio", 0, "\x71\xc7\0\1\0\2\x81\xa4\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0a\0"),
	    CASE("none", 0, "\xc7\x71\1\0\2\0\xa4\x01\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0a\0"),
	    CASE("none", 0, "\xc7\x71\1\0\2\0\xa4\x81\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0ab"),
	    CASE("zboot", 0, "MZ\0\0zimg"),
	    CASE("nsis", 0, "\2\0\0\0\xef\xbe\xad\xdeNullsoftInst"),
	    CASE("squashfs", 0, "hsqs\1\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\1\0\x11\0\0\0\0\0\4\0"),
	    CASE("squashfs", 0, "sqsh\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3"),
	    CASE("none", 0, "hsqs is a magic number, they say\n"),
	    CASE("appimage", 0, "\177ELF\2\1\1\0AI\2"),
	    CASE("none", 0, "\177ELF\2\1\1\0\0\0\0"),
	    CASE("vhdx", 0, "vhdxfile"),
	    CASE("qcow2", 0, "QFI\xfb\0\0\0\3"),
	    CASE("vmdk", 0, "KDMV\1\0\0\0"),
	    CASE("vdi", 64, "\x7f\x10\xda\xbe"),
	    CASE("ewf", 0, "EVF\x9\xd\xa\xff\0\1"),
	    CASE("luks", 0, "LUKS\xba\xbe\0\2"),
	    CASE("ntfs", 3, "NTFS    \0"),
	    CASE("exfat", 3, "EXFAT   \0"),
	    CASE("bitlocker", 3, "-FVE-FS-"),
	    CASE("gpt-disk", 512, "EFI PART\0\0\1\0"),
	    CASE("btrfs", 65600, "_BHRfS_M"),
	    CASE("erofs", 1024, "\xe2\xe1\xf5\xe0"),
	    CASE("xfs", 0, "XFSB\0\0\x10\0"),
	    CASE("hfsplus", 1024, "H+\0\4"),
	    CASE("apfs", 32, "NXSB"),
	    CASE("apk3", 0, "ADB.pckg"),
	    CASE("windows-delta", 0, "DCM\1PA30"),
	    CASE("windows-delta", 4, "PA30\xf0\x2e\x3b\x12\xb8\x3e\xd9\1"),
	    CASE("chm", 0, "ITSF\3\0\0\0"),
	    CASE("none", 0, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
	    CASE("none", 0, "%PDF-1.7\n"),
	    CASE("none", 0, "\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0"), /* an icon */
	    CASE("none", 0, "\0\1\0\0\0\x11\1\0\0\4\0\x10"),                 /* a font */
	    CASE("none", 0, "\xca\xfe\xba\xbe\0\0\0\x34"),
	    CASE("none", 0, "From: a\nTo: b\n"),
	};
#undef CASE
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		clear();
		put(cases[i].at, cases[i].bytes, cases[i].n);
		if (strcmp(name_of(detect(SIZE, true)), cases[i].name) != 0)
			print_message("case %zu: %s\n", i, cases[i].name);
		expect(SIZE, cases[i].name);
		/* cut off before its end it is something else, or nothing: never a fault */
		(void)detect(cases[i].at + cases[i].n - 1, true);
		(void)detect(cases[i].at + cases[i].n / 2, false);
	}
}

static void nothing_and_zeros_are_nothing(void **state)
{
	static const size_t sizes[] = {0, 1, 3, 511, 512, 1024, 40000, SIZE};
	size_t i;

	(void)state;
	clear();
	for (i = 0; i < sizeof sizes / sizeof *sizes; i++)
		expect(sizes[i], "none");
}

/* A tar header of a file "a" of 5 bytes, the checksum last. */
static void put_tar(const char *magic, bool signed_sum)
{
	uint64_t sum = 0;
	char text[8];
	size_t i;

	clear();
	PUT(0, "a");
	if (signed_sum)
		image[1] = 0xe4;
	PUT(100, "0000644\0"
		 "0001750\0"
		 "0001750\0"
		 "00000000005\0"
		 "14000000000\0");
	PUT(148, "        0");
	put(257, magic, 8);
	for (i = 0; i < 512; i++)
		sum += signed_sum ? (uint64_t)(int64_t)(int8_t)image[i] : image[i];
	(void)snprintf(text, sizeof text, "%06o", (unsigned)sum);
	put(148, text, 7);
}

static void tar_by_its_checksum(void **state)
{
	(void)state;
	put_tar("ustar\0"
		"00",
		false);
	expect(10240, "tar");
	expect(512, "tar");
	expect(511, "none");
	put_tar("ustar  ", false);
	expect(10240, "tar");
	put_tar("ustar  ", true);
	expect(10240, "tar");
	put_tar("\0\0\0\0\0\0\0", false);
	expect(10240, "tar");
	image[101] = '9'; /* no octal digit, and the sum would still be right */
	image[102] = (uint8_t)(image[102] + '0' - '9');
	expect(10240, "none");
	put_tar("ustar\0"
		"00",
		false);
	image[5] = 'x'; /* the sum is wrong */
	expect(10240, "none");
	/* all zeros but a checksum that is right */
	clear();
	PUT(148, "000400\0 ");
	expect(10240, "none");
}

static void udf_before_iso_9660(void **state)
{
	(void)state;
	clear();
	PUT(32768, "\1CD001\1");
	PUT(32768 + 2048, "\xff"
			  "CD001\1");
	PUT(32768 + 4096, "\0BEA01\1");
	expect(SIZE, "iso9660");
	PUT(32768 + 6144, "\0NSR03\1");
	expect(SIZE, "udf");
	PUT(32768 + 6144, "\0NSR02\1");
	expect(SIZE, "udf");
	memset(image + 32768, 0, 4096);
	PUT(32768, "\0BEA01\1"); /* alone, with sectors of 4,096 bytes */
	PUT(32768 + 4096, "\0NSR03\1");
	PUT(32768 + 6144, "\0\0\0\0\0\0\0");
	expect(SIZE, "udf");
	PUT(32768, "\0WHAT1\1");
	PUT(32768 + 4096, "\0WHAT2\1");
	expect(SIZE, "none");
	/* a name somewhere far behind the sequence is none */
	clear();
	PUT(32768, "\1CD001\1");
	PUT(32768 + 20480, "\0NSR02\1");
	expect(SIZE, "iso9660");
	/* what is in the 32 KiB before it does not matter */
	PUT(0, "MZ");
	PUT(510, "\x55\xaa");
	PUT(512, "EFI PART\0\0\1\0");
	expect(SIZE, "iso9660");
	expect(32773, "gpt-disk");
}

static void what_the_end_tells(void **state)
{
	(void)state;
	clear();
	PUT(0, "BZh91AY&SY");
	PUT(SIZE - 512, "koly\0\0\0\4\0\0\2\0");
	expect(SIZE, "dmg");
	assert_int_equal(detect(SIZE, false), KITH_FORMAT_BZIP2);
	clear();
	PUT(5000 - 512, "koly\0\0\0\4\0\0\2\0"); /* all of it is in the head */
	expect(5000, "dmg");
	assert_int_equal(detect(5000, false), KITH_FORMAT_DMG);
	expect(5001, "none");
	clear();
	PUT(SIZE - 512, "conectix\0\0\0\2\0\1\0\0");
	expect(SIZE, "vhd");
	assert_int_equal(detect(SIZE, false), KITH_FORMAT_NONE);
}

static void zips(void **state)
{
	size_t end = SIZE - 22 - 7;

	(void)state;
	clear();
	PUT(0, "#!/usr/bin/env python3\n");
	PUT(end - 60, "PK\1\2");
	PUT(end, "PK\5\6\0\0\0\0\1\0\1\0\x3c\0\0\0\x55\0\0\0\7\0"
		 "comment");
	expect(SIZE, "zip");
	assert_int_equal(detect(SIZE, false), KITH_FORMAT_NONE);
	image[end + 20] = 6; /* bytes behind the comment */
	expect(SIZE, "none");
	image[end + 20] = 7;
	image[end - 60] = 'p'; /* no central directory there */
	expect(SIZE, "none");
	/* a central directory that is longer than the tail */
	put(end + 12, "\0\0\2\0", 4);
	expect(SIZE, "zip");
	put(end + 12, "\0\0\4\0", 4); /* longer than the file */
	expect(SIZE, "none");
	/* another format goes first */
	put(end + 12, "\0\0\2\0", 4);
	PUT(32769, "CD001");
	expect(SIZE, "iso9660");

	clear();
	PUT(0, "PK\5\6");
	expect(22, "zip");
	expect(23, "none");
	expect(21, "none");
	PUT(20, "\5\0hello");
	expect(27, "zip");
}

/* A PE with one section, and where its bytes end. */
static size_t put_pe(const char *section, bool has_symbols)
{
	clear();
	PUT(0, "MZ");
	image[60] = 0x80;
	PUT(0x80, "PE\0\0\x64\x86\1\0");
	kith_put_le32(image + 0x80 + 8, 0);
	if (has_symbols) {
		kith_put_le32(image + 0x80 + 12, 2048);
		kith_put_le32(image + 0x80 + 16, 10);
	}
	PUT(0x80 + 20, "\xf0\0\x22\0\x0b\2");
	kith_put_le32(image + 0x80 + 24 + 60, 1024); /* SizeOfHeaders */
	kith_put_le32(image + 0x80 + 24 + 108, 16);
	put(0x188, section, strlen(section));
	kith_put_le32(image + 0x188 + 8, 1000);
	kith_put_le32(image + 0x188 + 12, 4096);
	kith_put_le32(image + 0x188 + 16, 1024);
	kith_put_le32(image + 0x188 + 20, 1024);
	return 2048;
}

static void put_certificate(uint32_t at, uint32_t n)
{
	kith_put_le32(image + 0x80 + 24 + 112 + 4 * 8, at);
	kith_put_le32(image + 0x80 + 24 + 112 + 4 * 8 + 4, n);
}

static void programs(void **state)
{
	size_t end = put_pe(".text", false);

	(void)state;
	expect(end, "none");
	expect(end - 1, "none"); /* not whole */
	expect(end + 512, "none");
	expect(end + 513, "pe-overlay");
	expect(SIZE, "pe-overlay");
	/* signed: the certificates are no overlay, wherever */
	put_certificate((uint32_t)end, 7000);
	expect(end + 7000, "none");
	expect(end + 7000 + 100, "none");
	expect(end + 7000 + 600, "pe-overlay");
	put_certificate((uint32_t)end + 5000, 7000); /* an overlay before it */
	expect(end + 12000, "pe-overlay");
	put_certificate((uint32_t)end + 5000, 70000); /* a wrong one is an overlay */
	expect(end + 12000, "pe-overlay");
	/* symbols and their strings */
	end = put_pe(".text", true) + 180;
	kith_put_le32(image + end, 3000);
	expect(end + 3000, "none");
	expect(end + 4000, "pe-overlay");
	/* where the strings' size cannot be seen, so much is taken for them */
	kith_put_le32(image + 0x80 + 12, 100000);
	kith_put_le32(image + 0x80 + 16, 100);
	expect(SIZE, "pe-overlay");
	kith_put_le32(image + 0x80 + 16, 1000);
	expect(SIZE, "none");
	/* kernels */
	(void)put_pe(".linux", false);
	expect(SIZE, "uki");
	PUT(4, "zimg");
	expect(SIZE, "zboot");
	PUT(0x1fe, "\x55\xaa"
		   "\xeb\x66HdrS");
	expect(SIZE, "bzimage");
}

static void installer_databases(void **state)
{
	static const char root[] = "\0\0\0\0\xc0\0\0\0\0\0\0\x46";
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		size_t sector = i == 0 ? 1 : SIZE / 512 - 3; /* directory in head or tail */
		size_t at = (sector + 1) * 512;

		clear();
		PUT(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
		PUT(24, "\x3e\0\3\0\xfe\xff\x9\0");
		kith_put_le32(image + 48, (uint32_t)sector);
		PUT(at + 80, "\x84\x10\xc\0");
		put(at + 84, root, 12);
		expect(SIZE, "msi");
		image[at + 80] = 0x86;
		expect(SIZE, "msi");
		image[at + 80] = 0x06; /* a document */
		image[at + 81] = 0x09;
		expect(SIZE, "none");
	}
	kith_put_le32(image + 48, 195); /* between them */
	expect(SIZE, "msi");
	kith_put_le32(image + 48, 0xfffffffe);
	expect(5000, "none");
}

static void file_systems_of_dos(void **state)
{
	(void)state;
	clear();
	PUT(0, "\xeb\x3c\x90mkfs.fat\0\2\4\1\0\2\0\2\x40\0\xf8\1\0");
	PUT(54, "FAT12   ");
	PUT(510, "\x55\xaa");
	expect(64 * 512, "fat");
	expect(33 * 512, "fat"); /* truncated, but named */
	PUT(54, "\0\0\0\0\0\0\0\0");
	expect(64 * 512, "fat");
	expect(33 * 512, "none");
	PUT(3, "NTFS    \0\2");
	expect(64 * 512, "ntfs");
	PUT(3, "mkfs.fat\0\2");
	image[13] = 3; /* sectors in a cluster */
	expect(64 * 512, "none");
	image[13] = 4;
	image[510] = 0;
	expect(64 * 512, "none");

	clear();
	PUT(510, "\x55\xaa");
	expect(SIZE, "none"); /* boot code */
	PUT(446, "\x80\0\2\0\x0c\0\0\0\1\0\0\0\x20\0\0\0");
	expect(SIZE, "mbr-disk");
	image[446] = 0x81;
	expect(SIZE, "none");

	clear();
	PUT(1024, "\x10\0\0\0\x40\0\0\0");
	PUT(1024 + 56, "\x53\xef\1\0");
	expect(SIZE, "ext");
}

static void firmware_volumes(void **state)
{
	static const uint8_t words[] = {0x48, 0x00, 0, 0, 0, 0, 0, 2};
	uint16_t sum = 0;
	size_t i;

	(void)state;
	clear();
	PUT(40, "_FVH");
	put(48, words, sizeof words);
	for (i = 0; i < 72; i += 2)
		sum = (uint16_t)(sum + (image[i] | image[i + 1] << 8));
	sum = (uint16_t)-sum;
	image[50] = (uint8_t)sum;
	image[51] = (uint8_t)(sum >> 8);
	expect(SIZE, "uefi-volume");
	image[60] ^= 1;
	expect(SIZE, "none");
}

/* A slice of random bytes is nothing, however often. */
static void random_bytes(void **state)
{
	uint64_t x = 88172645463325252u;
	unsigned round;
	size_t i;

	(void)state;
	for (round = 0; round < 200; round++) {
		for (i = 0; i < SIZE; i += 8) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			kith_put_le64(image + i, x);
		}
		expect(SIZE, "none");
	}
}

static void every_row_has_its_words(void **state)
{
	unsigned i, k;

	(void)state;
	for (i = 1; i < KITH_FORMATS; i++) {
		const struct kith_format_info *info = kith_format_info((enum kith_format)i);

		assert_true(info->name[0] != '\0' && info->summary[0] != '\0');
		assert_non_null(info->container);
		assert_in_range(info->worker, 0, KITH_WORKERS - 1);
		for (k = 1; k < i; k++)
			assert_string_not_equal(info->name,
						kith_format_info((enum kith_format)k)->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(magic_numbers),
	    cmocka_unit_test(nothing_and_zeros_are_nothing),
	    cmocka_unit_test(tar_by_its_checksum),
	    cmocka_unit_test(udf_before_iso_9660),
	    cmocka_unit_test(what_the_end_tells),
	    cmocka_unit_test(zips),
	    cmocka_unit_test(programs),
	    cmocka_unit_test(installer_databases),
	    cmocka_unit_test(file_systems_of_dos),
	    cmocka_unit_test(firmware_volumes),
	    cmocka_unit_test(random_bytes),
	    cmocka_unit_test(every_row_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
