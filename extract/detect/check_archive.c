/* SPDX-License-Identifier: Apache-2.0 */
/* check_archive.c: archives. */
#include "detect/checks.h"

/* [MS-CAB] 2.1, CFHEADER: sizes at 8 and 16, version 1.3 at 24. Its reserved fields are not asked
 * to be zero, since some writers keep checksums there. */
bool check_cab(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 36);

	return h != NULL && h[24] == 3 && h[25] == 1 && kith_get_le32(h + 8) >= 36 &&
	       kith_get_le32(h + 16) >= 36 && kith_get_le32(h + 16) < kith_get_le32(h + 8);
}

/* rpm, docs/manual/format_lead.md: major version at 4, type 0 (binary) or 1 (source) at 6, big
 * endian. */
bool check_rpm(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 96);

	return h != NULL && h[4] >= 3 && h[4] <= 6 && peek_be16(h + 6) <= 1;
}

/* xar, "xarformat": header size at 4, version 1 at 6, big endian. */
bool check_xar(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 28);

	return h != NULL && peek_be16(h + 4) >= 28 && peek_be16(h + 6) <= 1;
}

/* PKWARE APPNOTE 4.3.7: version needed at 4; its low byte is 10 x the version, 6.3 is the last. */
bool check_zip(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 30);

	return h != NULL && h[4] <= 100;
}

/* APPNOTE 4.3.16: an archive without entries is its end record alone. */
bool check_zip_empty(const struct kith_peek *peek)
{
	static const uint8_t nothing[16];
	const uint8_t *h = peek_at(peek, 4, 18);

	return h != NULL && memcmp(h, nothing, 16) == 0 &&
	       (!peek->has_size || peek->size == 22u + peek_le16(h + 16));
}

/* APPNOTE 8.5.4: the marker of a spanned or split archive, then the first local header. */
bool check_zip_spanned(const struct kith_peek *peek)
{
	return peek_is(peek, 4, "PK\3\4", 4);
}

/* The central directory lies before its end record, which is at `at` of the tail. */
static bool is_end_record(const struct kith_peek *peek, const uint8_t *tail, size_t at)
{
	uint32_t bytes = kith_get_le32(tail + at + 12), offset = kith_get_le32(tail + at + 16);

	if (peek_le16(tail + at + 10) == 0 || bytes < 46)
		return false;
	if (bytes <= at) /* it is in view */
		return memcmp(tail + at - bytes, "PK\1\2", 4) == 0;
	return offset == UINT32_MAX || bytes == UINT32_MAX || !peek->has_size ||
	       (uint64_t)offset + bytes < peek->size;
}

/*
 * A zip behind something else: its end record (APPNOTE 4.3.16) with the comment is the last thing.
 * Asked only where nothing else was found.
 */
bool check_zip_at_end(const struct kith_peek *peek)
{
	const uint8_t *tail, *h, *last;
	bool found = false;
	size_t n;

	if (!peek_tail(peek, &tail, &n) || n < 22)
		return false;
	last = tail + n - 22;
	for (h = tail; h <= last; h++) {
		/* 'K', since code of x86 processors is full of 'P' */
		const uint8_t *k = memchr(h + 1, 'K', (size_t)(last - h) + 1);

		if (k == NULL)
			break;
		h = k - 1;
		if (h[0] == 'P' && h[2] == 5 && h[3] == 6 &&
		    peek_le16(h + 20) == (size_t)(last - h))
			found = is_end_record(peek, tail, (size_t)(h - tail));
	}
	return found;
}

static bool all_digits(const uint8_t *p, size_t n, unsigned base)
{
	size_t i;

	for (i = 0; i < n; i++) {
		bool ok = p[i] >= '0' && p[i] < '0' + (base < 10 ? base : 10);

		if (base == 16)
			ok |= (p[i] >= 'a' && p[i] <= 'f') || (p[i] >= 'A' && p[i] <= 'F');
		if (!ok)
			return false;
	}
	return true;
}

/* cpio(5): "newc" and "crc" are 070701 and 070702 with 104 hexadecimal digits, "odc" is 070707 with
 * 70 octal ones. rpm's stripped 07070X is not a cpio: it means nothing without the rpm's header. */
bool check_cpio_text(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 76);

	if (h == NULL || memcmp(h, "07070", 5) != 0)
		return false;
	if (h[5] == '7')
		return all_digits(h + 6, 70, 8);
	return (h[5] == '1' || h[5] == '2') && (h = peek_at(peek, 0, 110)) != NULL &&
	       all_digits(h + 6, 104, 16);
}

/*
 * cpio(5), "Old Binary Format": thirteen 16-bit numbers of the machine's order; magic 070707, mode
 * at 6, size of the name at 20, then the name with its NUL.
 */
bool check_cpio_binary(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 26), *name;
	bool big;
	uint16_t mode, name_n;

	if (h == NULL || !((h[0] == 0x71 && h[1] == 0xc7) || (h[0] == 0xc7 && h[1] == 0x71)))
		return false;
	big = h[0] == 0x71;
	mode = big ? peek_be16(h + 6) : peek_le16(h + 6);
	name_n = big ? peek_be16(h + 20) : peek_le16(h + 20);
	switch (mode & 0170000) {
	case 0010000: /* FIFO */
	case 0020000: /* character device */
	case 0040000: /* folder */
	case 0060000: /* block device */
	case 0100000: /* file */
	case 0110000: /* HP-UX network special */
	case 0120000: /* symlink */
	case 0140000: /* socket */ break;
	default:
		/* the trailer of an archive without entries */
		if (mode != 0 || !peek_is(peek, 26, "TRAILER!!!", 11))
			return false;
	}
	if (name_n < 2 || name_n > 4096 || (name = peek_at(peek, 26, name_n)) == NULL)
		return false;
	return memchr(name, '\0', name_n) == name + name_n - 1;
}

/* An octal number of a tar header: leading blanks, digits, then blanks or NULs only. */
static bool is_octal(const uint8_t *p, size_t n, bool may_be_binary, uint64_t *ret)
{
	size_t i = 0;

	*ret = 0;
	if (may_be_binary && (p[0] == 0x80 || p[0] == 0xff)) /* GNU: base 256 */
		return true;
	while (i < n && (p[i] == ' ' || p[i] == '\0'))
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		*ret = *ret << 3 | (uint64_t)(p[i] - '0');
	for (; i < n; i++)
		if (p[i] != ' ' && p[i] != '\0')
			return false;
	return true;
}

/*
 * POSIX.1-2017, pax, "ustar Interchange Format"; tar(5) for v7 and GNU. The checksum at 148 is the
 * sum of all bytes with itself as blanks; some old writers added signed bytes. A header of zeros is
 * none: it ends an archive, and every disk image begins so.
 */
bool check_tar(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 512);
	uint64_t sum = 0, declared, v;
	int64_t signed_sum = 0;
	size_t i;

	if (h == NULL || (h[0] == '\0' && memcmp(h + 257, "ustar", 5) != 0))
		return false;
	if (!is_octal(h + 148, 8, false, &declared) || declared == 0)
		return false;
	for (i = 0; i < 512; i++) {
		uint8_t b = i >= 148 && i < 156 ? ' ' : h[i];

		sum += b;
		signed_sum += (int8_t)b;
	}
	if (declared != sum && (signed_sum < 0 || declared != (uint64_t)signed_sum))
		return false;
	if (memcmp(h + 257, "ustar", 5) == 0)
		return true;
	/* v7: no magic, so all numbers have to be such; the link flag is NUL or a digit, or a
	 * letter of a writer that kept the old layout */
	return is_octal(h + 100, 8, true, &v) && is_octal(h + 108, 8, true, &v) &&
	       is_octal(h + 116, 8, true, &v) && is_octal(h + 124, 12, true, &v) &&
	       is_octal(h + 136, 12, true, &v) &&
	       (h[156] == '\0' || (h[156] >= '0' && h[156] <= '9') ||
		(h[156] >= 'A' && h[156] <= 'Z') || h[156] == 'g' || h[156] == 'x');
}

/* LHA: "-lh5-", "-lz4-" and so on at 2; a level of 0 to 3 at 20. */
bool check_lha(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 22);

	return h != NULL && h[2] == '-' && h[3] == 'l' && (h[4] == 'h' || h[4] == 'z') &&
	       ((h[5] >= '0' && h[5] <= '9') || h[5] == 's' || h[5] == 'd') && h[6] == '-' &&
	       h[20] <= 3;
}

/* ARJ technical information: header size at 2 (at most 2,600), first header size 30 or more, type 2
 * (comment header) at 10. */
bool check_arj(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 14);

	return h != NULL && peek_le16(h + 2) >= 30 && peek_le16(h + 2) <= 2600 && h[4] >= 30 &&
	       h[5] <= 15 && h[10] == 2;
}

/* Electron's asar: two pickles, each with its size before it; the second holds a JSON text. */
bool check_asar(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 25);
	uint32_t outer, inner, text;

	if (h == NULL || kith_get_le32(h) != 4 || h[16] != '{')
		return false;
	outer = kith_get_le32(h + 4);
	inner = kith_get_le32(h + 8);
	text = kith_get_le32(h + 12);
	return outer >= 8 && inner == outer - 4 && text <= inner - 4 && inner - 4 - text < 4 &&
	       memcmp(h + 16, "{\"files\":", 9) == 0;
}
