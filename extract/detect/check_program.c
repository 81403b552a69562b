/* SPDX-License-Identifier: Apache-2.0 */
/* check_program.c: programs that carry something, and Windows Installer's databases. */
#include "base/err.h"
#include "detect/checks.h"
#include "facts/pe.h"

/* Padding that linkers and signing tools leave behind the last section is no overlay. */
#define PE_SLACK 512u
/* A symbol's name in the string table is hardly ever longer. */
#define PE_NAME_MAX 128u

/* The AppImage specification: an ELF with "AI" and its type in the padding of e_ident. Type 1 is an
 * ISO 9660 image at the same time, and where that is in view it was found as such. */
bool check_appimage(const struct kith_peek *peek)
{
	return peek_is(peek, 0, "\177ELF", 4) &&
	       (peek_is(peek, 8, "AI\1", 3) || peek_is(peek, 8, "AI\2", 3));
}

struct pe_view {
	const struct kith_peek *peek;
	uint64_t bytes;
};

/*
 * From what is in view. The one thing that may be out of it, and does not matter so much that it is
 * an error, is the size of the string table behind the symbols: taken as none, see overlay_of.
 */
static enum kith_status read_view(void *user, uint64_t offset, void *buf, size_t n,
				  struct kith_err *err)
{
	const struct pe_view *view = user;
	const uint8_t *p = peek_anywhere(view->peek, offset, n);

	if (p == NULL && n != 4)
		return kith_fail(err, KITH_E_LIMIT, "it is not in view");
	if (p == NULL)
		memset(buf, 0, n);
	else
		memcpy(buf, p, n);
	return KITH_OK;
}

static bool read_pe(const struct kith_peek *peek, struct kith_pe *ret)
{
	struct pe_view view = {peek, peek->has_size ? peek->size : peek->head_n};

	return peek_is(peek, 0, "MZ", 2) &&
	       kith_pe_read(ret, view.bytes, read_view, &view, NULL) >= 0;
}

/* The UAPI Group's "Unified Kernel Image": the kernel is in section .linux. */
bool check_uki(const struct kith_peek *peek)
{
	struct kith_pe pe;

	return read_pe(peek, &pe) && kith_pe_section(&pe, ".linux") != NULL;
}

/* Bytes behind the program that are no certificate (Microsoft, "PE Format": the certificate table
 * is named by its offset in the file): before or behind that, whichever are more. */
static uint64_t overlay_of(const struct kith_peek *peek, const struct kith_pe *pe)
{
	uint64_t from = pe->directories[KITH_PE_CERTIFICATES].address;
	uint64_t n = pe->directories[KITH_PE_CERTIFICATES].bytes, before, behind;
	uint64_t symbols = 0, end = pe->end;
	const uint8_t *coff = peek_at(peek, kith_get_le32(peek->head + 60), 24);

	if (coff != NULL && kith_get_le32(coff + 12) != 0)
		symbols = kith_get_le32(coff + 16);
	if (symbols > 0) { /* their strings, where their size is not in view */
		uint64_t strings = kith_get_le32(coff + 12) + symbols * 18;

		if (peek_anywhere(peek, strings, 4) == NULL)
			end += symbols * PE_NAME_MAX;
	}
	if (end >= peek->size)
		return 0;
	if (n == 0 || from < end || from > peek->size || n > peek->size - from)
		return peek->size - end;
	before = from - end;
	behind = peek->size - from - n;
	return before > behind ? before : behind;
}

bool check_pe_overlay(const struct kith_peek *peek)
{
	struct kith_pe pe;

	return peek->has_size && peek->head_n >= 64 && read_pe(peek, &pe) &&
	       overlay_of(peek, &pe) > PE_SLACK;
}

/*
 * [MS-CFB] 2.2 and 2.6: the root folder's class tells a Windows Installer database (000C1084-0000-
 * 0000-C000-000000000046), a transform (...1082) or a patch (...1086) from the documents of many
 * programs. Its entry is the first in the sector that the header names; where that is not in view
 * the file is large and taken for an installer: a document that is opened does no harm, an
 * installer that is not opened is a loss.
 */
bool check_msi(const struct kith_peek *peek)
{
	static const uint8_t class_end[] = {0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0xc0,
					    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46};
	const uint8_t *h = peek_at(peek, 0, 512), *root;
	unsigned shift;

	if (h == NULL || peek_le16(h + 28) != 0xfffe)
		return false;
	shift = peek_le16(h + 30);
	if (shift != 9 && shift != 12)
		return false;
	root = peek_anywhere(peek, ((uint64_t)kith_get_le32(h + 48) + 1) << shift, 128);
	if (root == NULL)
		return !peek->has_size || peek->size > peek->head_n;
	return (root[80] == 0x82 || root[80] == 0x84 || root[80] == 0x86) && root[81] == 0x10 &&
	       memcmp(root + 82, class_end, sizeof class_end) == 0;
}
