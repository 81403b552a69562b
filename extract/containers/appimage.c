/* SPDX-License-Identifier: Apache-2.0 */
/*
 * appimage.c: AppImages (AppImage specification 1.0): a program that carries a file system. Type 2
 * is an ELF file with a squashfs image right behind it; type 1 is an ISO 9660 disc whose system
 * area holds the program, so that the file is both.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/container.h"
#include "containers/iso9660.h"

struct elf {
	bool wide; /* 64 bits */
	bool big;  /* the high byte first */
};

static uint64_t number(const struct elf *elf, const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		v = v << 8 | p[elf->big ? i : n - 1 - i];
	return v;
}

/* Where a program ends: the table of its section headers is last, or else the last section is
 * (ELF specification, figures 1-3 and 1-8). 0: it is not one, or its numbers are out of bounds. */
static enum kith_status elf_ends(const struct kith_blob *blob, const uint8_t *h,
				 uint64_t ret_ends[2], struct kith_err *err)
{
	struct elf elf = {.wide = h[4] == 2, .big = h[5] == 2};
	unsigned word = elf.wide ? 8 : 4;
	uint64_t table = number(&elf, h + (elf.wide ? 0x28 : 0x20), word);
	uint64_t entry = number(&elf, h + (elf.wide ? 0x3a : 0x2e), 2);
	uint64_t n = number(&elf, h + (elf.wide ? 0x3c : 0x30), 2);
	uint64_t offset, bytes;
	uint8_t section[64];
	enum kith_status st;

	ret_ends[0] = ret_ends[1] = 0;
	if (n == 0 || entry < (elf.wide ? 64u : 40u) || table > blob->size ||
	    n * entry > blob->size - table)
		return KITH_OK;
	ret_ends[0] = table + n * entry;
	st = kith_blob_read(blob, table + (n - 1) * entry, section, elf.wide ? 64 : 40, err);
	if (st < 0)
		return st;
	offset = number(&elf, section + (elf.wide ? 0x18 : 0x10), word);
	bytes = number(&elf, section + (elf.wide ? 0x20 : 0x14), word);
	if (offset <= blob->size && bytes <= blob->size - offset)
		ret_ends[1] = offset + bytes;
	return KITH_OK;
}

static enum kith_status emit_squashfs(const struct kith_container_in *in, uint64_t offset,
				      struct kith_err *err)
{
	static const char name[] = "squashfs";
	struct kith_extent extent = {offset, in->blob->size - offset};
	struct kith_entry entry = {.kind = KITH_ENTRY_INNER,
				   .name = (const uint8_t *)name,
				   .name_n = sizeof name - 1,
				   .has_size = true,
				   .size = extent.bytes};

	return kith_emit_in_place(in->emit, &entry, &extent, 1, err);
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	uint8_t header[64], magic[6];
	uint64_t ends[2];
	enum kith_status st = kith_blob_read(in->blob, 0, header, sizeof header, err);
	size_t i;

	if (st < 0)
		return st;
	if (memcmp(header, "\177ELF", 4) != 0 || header[8] != 'A' || header[9] != 'I')
		return kith_fail(err, KITH_E_CORRUPT, "it is not an AppImage");
	if (header[10] == 1)
		return kith_iso_disc(in, err);
	st = elf_ends(in->blob, header, ends, err);
	for (i = 0; st >= 0 && i < 2; i++) {
		/* squashfs stands at once behind the program; DwarFS is what some newer ones have
		 */
		if (ends[i] == 0 || ends[i] + sizeof magic > in->blob->size)
			continue;
		st = kith_blob_read(in->blob, ends[i], magic, sizeof magic, err);
		if (st >= 0 && memcmp(magic, "hsqs", 4) == 0)
			return emit_squashfs(in, ends[i], err);
		if (st >= 0 && memcmp(magic, "DWARFS", 6) == 0)
			return kith_fail(err, KITH_E_UNSUPPORTED,
					 "its file system is DwarFS, which cannot be read");
	}
	return st < 0 ? st
		      : kith_fail(err, KITH_E_CORRUPT,
				  "there is no squashfs image behind its program");
}

const struct kith_container_ops kith_container_appimage = {.id = "appimage", .walk = walk};
