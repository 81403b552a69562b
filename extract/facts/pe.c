/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "facts/pe.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

#define DOS_HEADER         64u /* e_lfanew is its last field */
#define COFF_HEADER        24u /* with the signature "PE\0\0" */
#define SECTION_HEADER     40u
#define SYMBOL             18u
#define OPTIONAL_HEADER    240u /* PE32+ with 16 directories; more is not looked at */
#define SECTIONS_AT_A_TIME 16u

struct source {
	kith_pe_read_fn read;
	void *user;
	uint64_t bytes;
};

static enum kith_status get(const struct source *source, uint64_t offset, void *buf, size_t n,
			    struct kith_err *err)
{
	if (offset > source->bytes || n > source->bytes - offset)
		return kith_fail(err, KITH_E_CORRUPT, "the program ends within its headers");
	return source->read(source->user, offset, buf, n, err);
}

/* What reaches beyond the file ends with it. */
static void cover(struct kith_pe *pe, uint64_t offset, uint64_t bytes)
{
	uint64_t end = offset + bytes; /* sums of two or three 32-bit numbers */

	if (offset >= pe->file_bytes)
		return;
	if (end > pe->file_bytes)
		end = pe->file_bytes;
	if (end > pe->end)
		pe->end = end;
}

static enum kith_status read_optional(struct kith_pe *pe, const struct source *source,
				      uint64_t offset, size_t n, struct kith_err *err)
{
	uint8_t h[OPTIONAL_HEADER] = {0};
	size_t directories, i;
	uint32_t count;
	enum kith_status st;

	if (n > sizeof h)
		n = sizeof h;
	st = get(source, offset, h, n, err);
	if (st < 0)
		return st;
	if (n < 2 || (kith_get_le16(h) != 0x10b && kith_get_le16(h) != 0x20b))
		return kith_fail(err, KITH_E_CORRUPT,
				 "its optional header is neither PE32 nor "
				 "PE32+");
	pe->plus = kith_get_le16(h) == 0x20b;
	directories = pe->plus ? 112 : 96;
	if (n < directories)
		return kith_fail(err, KITH_E_CORRUPT, "its optional header is too short");
	cover(pe, 0, kith_get_le32(h + 60)); /* SizeOfHeaders */
	count = kith_get_le32(h + directories - 4);
	for (i = 0; i < KITH_PE_DIRECTORIES && i < count && directories + 8 * i + 8 <= n; i++) {
		pe->directories[i].address = kith_get_le32(h + directories + 8 * i);
		pe->directories[i].bytes = kith_get_le32(h + directories + 8 * i + 4);
	}
	return KITH_OK;
}

static enum kith_status read_sections(struct kith_pe *pe, const struct source *source,
				      uint64_t offset, unsigned count, struct kith_err *err)
{
	uint8_t table[SECTIONS_AT_A_TIME * SECTION_HEADER] = {0};
	unsigned done, now, i;
	enum kith_status st;

	for (done = 0; done < count; done += now) {
		now = count - done < SECTIONS_AT_A_TIME ? count - done : SECTIONS_AT_A_TIME;
		st = get(source, offset + (uint64_t)done * SECTION_HEADER, table,
			 (size_t)now * SECTION_HEADER, err);
		if (st < 0)
			return st;
		for (i = 0; i < now; i++) {
			const uint8_t *h = table + (size_t)i * SECTION_HEADER;
			uint32_t bytes = kith_get_le32(h + 16), at = kith_get_le32(h + 20);
			struct kith_pe_section *section;

			if (bytes != 0 && at != 0)
				cover(pe, at, bytes);
			if (pe->n_sections == KITH_PE_SECTIONS)
				continue;
			section = &pe->sections[pe->n_sections++];
			memcpy(section->name, h, sizeof section->name);
			section->virtual_bytes = kith_get_le32(h + 8);
			section->rva = kith_get_le32(h + 12);
			section->bytes = bytes;
			section->offset = at;
		}
	}
	return KITH_OK;
}

/* GNU tools put COFF symbols, and behind them their strings, after the last section. */
static enum kith_status read_symbols(struct kith_pe *pe, const struct source *source,
				     uint32_t offset, uint32_t count, struct kith_err *err)
{
	uint64_t strings = offset + (uint64_t)count * SYMBOL;
	uint8_t size[4] = {0};
	enum kith_status st;

	if (offset == 0 || count == 0 || strings > source->bytes)
		return KITH_OK;
	cover(pe, offset, strings - offset);
	if (source->bytes - strings < sizeof size)
		return KITH_OK;
	st = source->read(source->user, strings, size, sizeof size, err);
	if (st < 0)
		return st;
	/* The size of the strings counts its own four bytes. */
	if (kith_get_le32(size) >= sizeof size)
		cover(pe, strings, kith_get_le32(size));
	return KITH_OK;
}

enum kith_status kith_pe_read(struct kith_pe *ret, uint64_t file_bytes, kith_pe_read_fn read,
			      void *user, struct kith_err *err)
{
	const struct source source = {read, user, file_bytes};
	uint8_t dos[DOS_HEADER] = {0}, coff[COFF_HEADER] = {0};
	size_t optional;
	unsigned sections;
	uint64_t at;
	enum kith_status st;

	memset(ret, 0, sizeof *ret);
	ret->file_bytes = file_bytes;
	st = get(&source, 0, dos, sizeof dos, err);
	if (st < 0)
		return st;
	at = kith_get_le32(dos + 60);
	if (dos[0] != 'M' || dos[1] != 'Z')
		return kith_fail(err, KITH_E_CORRUPT, "it does not begin with 'MZ'");
	st = get(&source, at, coff, sizeof coff, err);
	if (st < 0)
		return st;
	if (memcmp(coff, "PE\0\0", 4) != 0)
		return kith_fail(err, KITH_E_CORRUPT, "its DOS header leads to no PE header");
	sections = kith_get_le16(coff + 6);
	optional = kith_get_le16(coff + 20);
	at += sizeof coff;
	cover(ret, at, optional + (uint64_t)sections * SECTION_HEADER);
	st = read_optional(ret, &source, at, optional, err);
	if (st < 0)
		return st;
	st = read_sections(ret, &source, at + optional, sections, err);
	if (st < 0)
		return st;
	return read_symbols(ret, &source, kith_get_le32(coff + 12), kith_get_le32(coff + 16), err);
}

bool kith_pe_find(const struct kith_pe *pe, uint32_t rva, uint64_t *ret_offset, uint64_t *ret_bytes)
{
	unsigned i;

	for (i = 0; i < pe->n_sections; i++) {
		const struct kith_pe_section *section = &pe->sections[i];
		uint64_t end = (uint64_t)section->offset + section->bytes;
		uint64_t at;

		if (end > pe->file_bytes)
			end = pe->file_bytes;
		if (rva < section->rva)
			continue;
		at = (uint64_t)section->offset + (rva - section->rva);
		if (at >= end)
			continue;
		*ret_offset = at;
		*ret_bytes = end - at;
		return true;
	}
	return false;
}

const struct kith_pe_section *kith_pe_section(const struct kith_pe *pe, const char *name)
{
	uint8_t full[8] = {0};
	unsigned i;

	memcpy(full, name, strnlen(name, sizeof full));
	for (i = 0; i < pe->n_sections; i++)
		if (memcmp(pe->sections[i].name, full, sizeof full) == 0)
			return &pe->sections[i];
	return NULL;
}
