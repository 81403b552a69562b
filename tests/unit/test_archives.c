/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_archives.c: the parts of archive containers that other containers use, and what no entry
 * shows: declared digests, members of packages, where frames end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "containers/ar_members.h"
#include "containers/cpio_links.h"
#include "containers/frames_end.h"
#include "containers/tar.h"
#include "containers/unpacked.h"
#include "fuzz/quiet_emit.h"

#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_ar_names(void **state)
{
	/* System V: a table of long names; BSD: the name before the data */
	static const char text[] = "!<arch>\n"
				   "//                                              24        `\n"
				   "a_member_of_long_name/\n\n"
				   "/0              0           0     0     100644  3         `\n"
				   "abc\n"
				   "short/          0           0     0     100644  2         `\n"
				   "xy"
				   "#1/20           0           0     0     100644  23        `\n"
				   "another_long_name\0\0\0def\n"
				   "/99             0           0     0     100644  0         `\n"
				   "/x              0           0     0     100644  2         `\n"
				   "xy"
				   "__.SYMDEF.txt/  0           0     0     100644  2         `\n"
				   "xy"
				   "__.SYMDEF SORTED0           0     0     100644  0         `\n"
				   "/SYM64/         0           0     0     100644  0         `\n";
	static const struct {
		const char *name, *data;
		bool table;
	} want[] = {{"//", "a_me", true},
		    {"a_member_of_long_name", "abc", false},
		    {"short", "xy", false},
		    {"another_long_name", "def", false},
		    {"/99", "", false},
		    {"/x", "xy", false}, /* begins like a table, but is none */
		    {"__.SYMDEF.txt", "xy", false},
		    {"__.SYMDEF SORTED", "", true},
		    {"/SYM64/", "", true}};
	const struct kith_blob *blob;
	struct kith_ar ar;
	struct kith_ar_member member;
	char data[4];
	size_t i;

	(void)state;
	blob = quiet_blob((const uint8_t *)text, sizeof text - 1);
	assert_int_equal(kith_ar_open(&ar, blob, NULL), KITH_OK);
	for (i = 0; i < sizeof want / sizeof *want; i++) {
		assert_int_equal(kith_ar_next(&ar, &member, NULL), KITH_OK);
		assert_int_equal(member.name_n, strlen(want[i].name));
		assert_memory_equal(member.name, want[i].name, member.name_n);
		assert_int_equal(member.table, want[i].table);
		assert_int_equal(
		    kith_blob_read(blob, member.offset, data, strlen(want[i].data), NULL), KITH_OK);
		assert_memory_equal(data, want[i].data, strlen(want[i].data));
		if (!member.table)
			assert_int_equal(member.size, strlen(want[i].data));
	}
	assert_int_equal(kith_ar_next(&ar, &member, NULL), KITH_END);
	kith_ar_done(&ar);

	/* cut off inside the last member: it comes, then the fault */
	blob = quiet_blob((const uint8_t *)text, 8 + 60 + 24 + 60 + 1);
	assert_int_equal(kith_ar_open(&ar, blob, NULL), KITH_OK);
	assert_int_equal(kith_ar_next(&ar, &member, NULL), KITH_OK);
	assert_int_equal(kith_ar_next(&ar, &member, NULL), KITH_OK);
	assert_int_equal(kith_ar_next(&ar, &member, NULL), KITH_E_CORRUPT);
	kith_ar_done(&ar);
}

/* What bsdtar --format=mtree writes into a package, and lines that say nothing here. */
static const char mtree_text[] = "#mtree\n/set type=file uid=0 gid=0 mode=644\n"
				 "./a\\040b time=1.0 size=3 sha256digest=" SHA256_ABC "\n"
				 "./c time=1.0 mode=755 type=dir\n"
				 "./short time=1.0 sha256digest=abcd\n"
				 "not/a/path sha256digest=" SHA256_ABC "\n"
				 "./last sha256digest=" SHA256_ABC;

/* One stored block (RFC 1951, 3.2.4) in a gzip member (RFC 1952). crc: of the text. */
static size_t stored_gzip(uint8_t *out, const void *text, size_t n, uint32_t crc)
{
	const uint8_t head[] = {0x1f,
				0x8b,
				8,
				0,
				0,
				0,
				0,
				0,
				0,
				3,
				1,
				(uint8_t)n,
				(uint8_t)(n >> 8),
				(uint8_t)~n,
				(uint8_t)(~n >> 8)};
	const uint8_t tail[] = {(uint8_t)crc,
				(uint8_t)(crc >> 8),
				(uint8_t)(crc >> 16),
				(uint8_t)(crc >> 24),
				(uint8_t)n,
				(uint8_t)(n >> 8),
				0,
				0};

	memcpy(out, head, sizeof head);
	memcpy(out + sizeof head, text, n);
	memcpy(out + sizeof head + n, tail, sizeof tail);
	return sizeof head + n + sizeof tail;
}

/* CRC-32 of RFC 1952, bit by bit. */
static uint32_t crc32_of(const char *text, size_t n)
{
	uint32_t crc = UINT32_MAX;
	size_t i;
	int bit;

	for (i = 0; i < n; i++) {
		crc ^= (uint8_t)text[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0xedb88320) : 0);
	}
	return ~crc;
}

static void test_list_of_digests(void **state)
{
	uint8_t packed[sizeof mtree_text + 64], want[KITH_SHA256_SIZE];
	uint32_t crc = crc32_of(mtree_text, sizeof mtree_text - 1);
	size_t n = stored_gzip(packed, mtree_text, sizeof mtree_text - 1, crc);
	struct kith_mtree *mtree = NULL;
	const uint8_t *got;

	(void)state;
	assert_true(kith_tar_hex((const uint8_t *)SHA256_ABC, want, sizeof want));
	assert_int_equal(kith_mtree_read(packed, n, &mtree, NULL), KITH_OK);
	got = kith_mtree_find(mtree, (const uint8_t *)"a b", 3);
	assert_non_null(got);
	assert_memory_equal(got, want, sizeof want);
	assert_non_null(kith_mtree_find(mtree, (const uint8_t *)"last", 4));
	assert_null(kith_mtree_find(mtree, (const uint8_t *)"c", 1));
	assert_null(kith_mtree_find(mtree, (const uint8_t *)"short", 5));
	assert_null(kith_mtree_find(mtree, (const uint8_t *)"t/a/path", 8));
	assert_null(kith_mtree_find(NULL, want, 1));
	kith_mtree_free(mtree);

	n = stored_gzip(packed, mtree_text, sizeof mtree_text - 1, crc ^ 1);
	assert_int_equal(kith_mtree_read(packed, n, &mtree, NULL), KITH_E_CORRUPT);
}

/* A header block and its data, as POSIX.1-2017 has them under ustar. */
static size_t tar_add(uint8_t *out, const char *name, char type, const char *data, size_t n)
{
	uint8_t *h = out;
	unsigned sum = 0;
	size_t i;

	memset(out, 0, 512 + (n + 511) / 512 * 512);
	memcpy(h, name, strlen(name));
	memcpy(h + 100, "0000644\0000000000\0000000000\0", 24);
	for (i = 0; i < 11; i++)
		h[124 + i] = (uint8_t)('0' + (n >> 3 * (10 - i) & 7));
	memcpy(h + 136, "00000000000", 11);
	memset(h + 148, ' ', 8);
	h[156] = (uint8_t)type;
	memcpy(h + 257, "ustar\00000", 8);
	for (i = 0; i < 512; i++)
		sum += h[i];
	for (i = 0; i < 6; i++)
		h[148 + i] = (uint8_t)('0' + (sum >> 3 * (5 - i) & 7));
	h[154] = 0;
	memcpy(out + 512, data, n);
	return 512 + (n + 511) / 512 * 512;
}

static void test_pax(void **state)
{
	static const char records[] = "17 path=dir/\xe9\nx\n\n68 APK-TOOLS.checksum.SHA1="
				      "a9993e364706816aba3e25717850c26c9cd0d89d\n12 nonsense\n";
	uint8_t blocks[2048], sha1[KITH_SHA1_SIZE];
	struct kith_tar_pax pax;
	size_t n = tar_add(blocks, "x", 'x', records, sizeof records - 1);

	(void)state;
	n += tar_add(blocks + n, "y", '0', "", 0);
	kith_tar_pax_read(blocks, n, &pax);
	assert_int_equal(pax.path_n, 8); /* a LF is a byte like any other */
	assert_memory_equal(pax.path, "dir/\xe9\nx\n", 8);
	assert_true(pax.has_sha1);
	assert_true(kith_tar_hex((const uint8_t *)"a9993e364706816aba3e25717850c26c9cd0d89d", sha1,
				 sizeof sha1));
	assert_memory_equal(pax.sha1, sha1, sizeof sha1);
	assert_false(pax.sparse);
}

static void test_tar_member(void **state)
{
	uint8_t tar[4096] = {0}, packed[4096 + 64];
	const struct kith_blob *blob;
	struct kith_buf out = {0};
	size_t n = tar_add(tar, "./other", '0', "no", 2), packed_n;
	int pass;

	(void)state;
	n += tar_add(tar + n, "./control", '0', "Package: x\n", 11);
	n += 1024;
	packed_n = stored_gzip(packed, tar, n, crc32_of((const char *)tar, n));
	for (pass = 0; pass < 2; pass++) {
		if (pass == 0)
			blob = quiet_blob(tar, n);
		else
			blob = quiet_blob(packed, packed_n);
		assert_int_equal(kith_unpacked_tar_member(blob, "control", 100, &out, NULL),
				 KITH_OK);
		assert_int_equal(out.n, 11);
		assert_memory_equal(out.data, "Package: x\n", 11);
		assert_int_equal(kith_unpacked_tar_member(blob, "control", 10, &out, NULL),
				 KITH_NOT_FOUND);
		assert_int_equal(kith_unpacked_tar_member(blob, "contro", 100, &out, NULL),
				 KITH_NOT_FOUND);
	}
	kith_buf_done(&out);
}

static unsigned links_empty; /* names that were reported as empty files */

static enum kith_status count_empty(void *user, const uint8_t *name, size_t n,
				    const uint8_t *target, size_t target_n, struct kith_err *err)
{
	(void)user;
	(void)name;
	(void)n;
	(void)target_n;
	(void)err;
	links_empty += target == NULL ? 1 : 0;
	return KITH_OK;
}

/* Whether names that wait in the end are empty is only known when no name with data was dropped. */
static void test_cpio_links(void **state)
{
	static uint8_t large[(size_t)32 << 10];
	static struct kith_cpio_links links;
	struct kith_emit *emit = quiet_emit();
	uint64_t inode = 10;
	int pass;

	(void)state;
	assert_int_equal(kith_cpio_links_wait(&links, 0, 1, large, 3, count_empty, NULL, NULL),
			 KITH_OK);
	assert_int_equal(kith_cpio_links_end(&links, true, count_empty, NULL, emit, NULL), KITH_OK);
	assert_int_equal(links_empty, 1);
	for (pass = 0; pass < 2047; pass++, inode++)
		assert_int_equal(kith_cpio_links_data(&links, 0, inode, large, sizeof large,
						      count_empty, NULL, NULL),
				 KITH_OK);
	assert_int_equal(kith_cpio_links_data(&links, 0, inode, large, sizeof large - 5,
					      count_empty, NULL, NULL),
			 KITH_OK);
	/* 5 bytes are left: the name with the data does not fit, the next one does */
	assert_int_equal(kith_cpio_links_data(&links, 0, 1, large, 10, count_empty, NULL, NULL),
			 KITH_OK);
	assert_int_equal(kith_cpio_links_wait(&links, 0, 1, large, 3, count_empty, NULL, NULL),
			 KITH_OK);
	assert_int_equal(kith_cpio_links_end(&links, true, count_empty, NULL, emit, NULL), KITH_OK);
	assert_int_equal(links_empty, 1);
	/* the next archive begins anew */
	assert_int_equal(kith_cpio_links_wait(&links, 0, 1, large, 3, count_empty, NULL, NULL),
			 KITH_OK);
	assert_int_equal(kith_cpio_links_end(&links, true, count_empty, NULL, emit, NULL), KITH_OK);
	assert_int_equal(links_empty, 2);
	kith_cpio_links_done(&links);
}

static void test_frames_end(void **state)
{
	/* a skippable frame; a frame with one RLE block and a checksum; garbage */
	static const uint8_t zstd[] = {0x50, 0x2a, 0x4d, 0x18, 1,    0,    0,    0,    'x',
				       0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x0b, 0x00, 0x00,
				       'a',  1,    2,    3,    4,    '?',  '?'};
	/* a frame with checksums of blocks and content; a legacy frame; zeros */
	static const uint8_t lz4[] = {0x04, 0x22, 0x4d, 0x18, 0x74, 0x40, 0xbd, 1,    0, 0,
				      0x80, 'a',  9,    9,    9,    9,    0,    0,    0, 0,
				      8,    8,    8,    8,    0x02, 0x21, 0x4c, 0x18, 2, 0,
				      0,    0,    0x10, 'b',  0,    0,    0,    0};
	const struct kith_blob *blob;
	uint64_t end, window;

	(void)state;
	blob = quiet_blob(zstd, sizeof zstd);
	assert_int_equal(kith_zstd_end(blob, &end, &window, NULL), KITH_OK);
	assert_int_equal(end, sizeof zstd - 2);
	assert_int_equal(window, 2u << 20);       /* 0x58: 2^(10 + 11) */
	blob = quiet_blob(zstd, sizeof zstd - 4); /* inside the checksum */
	assert_int_equal(kith_zstd_end(blob, &end, &window, NULL), KITH_OK);
	assert_int_equal(end, sizeof zstd - 4);
	blob = quiet_blob(lz4, sizeof lz4);
	assert_int_equal(kith_lz4_end(blob, &end, NULL), KITH_OK);
	assert_int_equal(end, sizeof lz4 - 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ar_names),   cmocka_unit_test(test_list_of_digests),
	    cmocka_unit_test(test_pax),        cmocka_unit_test(test_tar_member),
	    cmocka_unit_test(test_frames_end), cmocka_unit_test(test_cpio_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
