/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pe_overlay.c: what lies behind a Windows program: self-extracting archives and installers. The
 * bytes behind the last section are emitted as INNER entries from where a known format begins;
 * certificates are none of them.
 *
 * WiX Burn says itself where its cabinets are. Else the data are what their beginning says, or
 * a signature is looked for in their first 4 MiB, and behind each archive that is found so:
 * settings or texts of the self-extractor may come before it. What was not looked at is noted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/container.h"
#include "facts/pe.h"

#define SCAN_BYTES ((size_t)4 << 20)
#define SLACK      512u /* zeros that linkers and signing tools leave are no data */
#define FOUND_MAX  64u  /* entries of one program */
#define BURN_MAX   64u  /* containers of one bundle */

struct overlay {
	const struct kith_container_in *in;
	struct kith_err *err;
	unsigned found;
};

static enum kith_status read_blob(void *user, uint64_t offset, void *buf, size_t n,
				  struct kith_err *err)
{
	return kith_blob_read(user, offset, buf, n, err);
}

static enum kith_status emit(struct overlay *overlay, uint64_t from, uint64_t n)
{
	const struct kith_extent extent = {from, n};
	struct kith_entry entry = {.kind = KITH_ENTRY_INNER, .has_size = true, .size = n};
	char name[32];

	overlay->found++;
	entry.name_n = (size_t)(overlay->found == 1
				    ? snprintf(name, sizeof name, "overlay")
				    : snprintf(name, sizeof name, "overlay %u", overlay->found));
	entry.name = (const uint8_t *)name;
	return kith_emit_in_place(overlay->in->emit, &entry, &extent, 1, overlay->err);
}

/* ----------------------------------------------------------------- signatures */

/* A cabinet says how large it is; MS-CAB 2.1. */
static uint64_t cab_bytes(const uint8_t *p, size_t n, uint64_t left)
{
	uint64_t bytes;

	if (n < 36 || memcmp(p, "MSCF\0\0\0\0", 8) != 0 || p[25] != 1)
		return 0;
	bytes = kith_get_le32(p + 8);
	return bytes >= 36 && bytes <= left && kith_get_le32(p + 16) < bytes ? bytes : 0;
}

/* Whether a format begins at p, which is at `offset` in the file; how many of `left` bytes are of
 * it: 0 is not. */
static uint64_t match(const uint8_t *p, size_t n, uint64_t offset, uint64_t left)
{
	/* 7-Zip's DOC/7zFormat.txt; RARLAB's technote; PKWARE's APPNOTE 4.3.7; NSIS's
	 * Source/exehead/fileform.h: the header is at a multiple of 512. */
	switch (p[0]) {
	case '7': return n >= 6 && memcmp(p, "7z\xbc\xaf\x27\x1c", 6) == 0 ? left : 0;
	case 'R': return n >= 7 && memcmp(p, "Rar!\x1a\x07", 6) == 0 && p[6] <= 1 ? left : 0;
	case 'P': return n >= 30 && memcmp(p, "PK\3\4", 4) == 0 && p[4] <= 63 ? left : 0;
	case 'M': return cab_bytes(p, n, left);
	default:
		return offset % 512 == 0 && n >= 28 &&
			       memcmp(p + 4, "\xef\xbe\xad\xdeNullsoftInst", 16) == 0
			   ? left
			   : 0;
	}
}

/* The first format in [from, end) that begins in the first SCAN_BYTES of it. *ret_bytes: of it, 0:
 * there is none, and *ret_zeros says whether these bytes are all zeros. */
static enum kith_status scan(struct overlay *overlay, uint64_t from, uint64_t end, uint64_t *ret_at,
			     uint64_t *ret_bytes, bool *ret_zeros)
{
	size_t n = end - from < SCAN_BYTES ? (size_t)(end - from) : SCAN_BYTES, i;
	uint8_t *data = malloc(n);
	enum kith_status st;

	if (data == NULL)
		return kith_fail_nomem(overlay->err);
	st = kith_blob_read(overlay->in->blob, from, data, n, overlay->err);
	*ret_zeros = true;
	*ret_bytes = 0;
	for (i = 0; i < n && *ret_bytes == 0 && st >= 0; i++) {
		*ret_zeros = *ret_zeros && data[i] == 0;
		*ret_at = from + i;
		*ret_bytes = match(data + i, n - i, from + i, end - from - i);
	}
	free(data);
	return st;
}

/* The formats in [from, end), one behind the other. */
static enum kith_status scan_all(struct overlay *overlay, uint64_t from, uint64_t end)
{
	unsigned before = overlay->found;
	uint64_t at = from, bytes = 1;
	bool zeros = true;
	enum kith_status st = KITH_OK;

	while (st >= 0 && bytes > 0 && from < end && overlay->found < FOUND_MAX) {
		st = scan(overlay, from, end, &at, &bytes, &zeros);
		if (st >= 0 && bytes > 0) {
			from = at + bytes;
			st = emit(overlay, at, bytes);
		}
	}
	if (st < 0 || from == end || (bytes == 0 && zeros && end - from <= SLACK))
		return st;
	if (overlay->found == FOUND_MAX && bytes > 0)
		return kith_emit_note(overlay->in->emit, KITH_LEDGER_SKIPPED,
				      "over a limit: archives behind a program", overlay->in->name,
				      overlay->in->name_n, overlay->err);
	if (end - from > SCAN_BYTES)
		return kith_emit_note(overlay->in->emit, KITH_LEDGER_SKIPPED,
				      "data behind the program, searched only in part",
				      overlay->in->name, overlay->in->name_n, overlay->err);
	return overlay->found > before
		   ? KITH_OK
		   : kith_emit_note(overlay->in->emit, KITH_LEDGER_COUNT,
				    "data behind the program of no known format", overlay->in->name,
				    overlay->in->name_n, overlay->err);
}

/* What the bytes are by their beginning alone. */
static enum kith_status detect(struct overlay *overlay, uint64_t from, uint64_t end,
			       enum kith_format *ret)
{
	uint64_t n = end - from;
	size_t head_n = n < KITH_PEEK_HEAD ? (size_t)n : KITH_PEEK_HEAD;
	size_t tail_n = n < KITH_PEEK_TAIL ? (size_t)n : KITH_PEEK_TAIL;
	uint8_t *data = malloc(head_n + tail_n);
	struct kith_peek peek = {.head_n = head_n, .tail_n = tail_n, .has_size = true, .size = n};
	enum kith_status st;

	if (data == NULL)
		return kith_fail_nomem(overlay->err);
	peek.head = data;
	peek.tail = data + head_n;
	st = kith_blob_read(overlay->in->blob, from, data, head_n, overlay->err);
	if (st >= 0)
		st = kith_blob_read(overlay->in->blob, end - tail_n, data + head_n, tail_n,
				    overlay->err);
	if (st >= 0)
		*ret = kith_detect(&peek);
	free(data);
	return st;
}

static enum kith_status read_piece(struct overlay *overlay, uint64_t from, uint64_t end)
{
	enum kith_format format = KITH_FORMAT_NONE;
	enum kith_status st;
	size_t n;

	if (end <= from)
		return KITH_OK;
	st = detect(overlay, from, end, &format);
	if (st < 0)
		return st;
	/* Cabinets may follow each other, so they are cut apart. */
	if (format == KITH_FORMAT_CAB) {
		uint8_t head[36];

		st = kith_blob_read_some(overlay->in->blob, from, head, sizeof head, &n,
					 overlay->err);
		if (st >= 0 && cab_bytes(head, n, end - from) == 0)
			return emit(overlay, from, end - from); /* damaged: its reader says so */
	} else if (format != KITH_FORMAT_NONE) {
		return emit(overlay, from, end - from);
	}
	return st < 0 ? st : scan_all(overlay, from, end);
}

/* ------------------------------------------------------------------- WiX Burn */

/*
 * WiX 3, src/burn/engine/section.cpp, BURN_SECTION_HEADER: magic, version 2, GUID, size of the
 * stub, its checksum, offset and size of the signature that the stub had, format of the containers,
 * their number and sizes. The first container is behind the stub; the others follow each other
 * behind that signature, if there is one, or else behind the first.
 */
static enum kith_status read_burn(struct overlay *overlay, const struct kith_pe *pe, bool *ret)
{
	const struct kith_pe_section *section = kith_pe_section(pe, ".wixburn");
	uint8_t h[48 + 4 * BURN_MAX];
	uint64_t at, signature;
	uint32_t count, i;
	size_t n;
	enum kith_status st;

	if (section == NULL)
		return KITH_OK;
	st = kith_blob_read_some(overlay->in->blob, section->offset, h, sizeof h, &n, overlay->err);
	if (st < 0)
		return st;
	if (n > section->bytes)
		n = section->bytes;
	if (n < 48 || kith_get_le32(h) != 0x00f14300 || kith_get_le32(h + 4) != 2)
		return KITH_OK; /* another version: looked for like everything else */
	at = kith_get_le32(h + 24);
	signature = (uint64_t)kith_get_le32(h + 32) + kith_get_le32(h + 36);
	count = kith_get_le32(h + 44);
	for (i = 0; i < count && i < BURN_MAX && 48 + 4 * (size_t)i + 4 <= n && st >= 0; i++) {
		uint64_t bytes = kith_get_le32(h + 48 + 4 * (size_t)i);

		if (bytes > 0)
			st = emit(overlay, at, bytes);
		at = i == 0 && kith_get_le32(h + 32) != 0 ? signature : at + bytes;
	}
	if (st >= 0 && i < count)
		st = kith_emit_note(overlay->in->emit, KITH_LEDGER_FAILED,
				    "over a limit: containers of a bundle", NULL, 0, overlay->err);
	*ret = overlay->found > 0;
	return st < 0 ? st : KITH_OK;
}

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	struct overlay overlay = {.in = in, .err = err};
	struct kith_pe *pe = malloc(sizeof *pe);
	uint64_t from, n;
	bool burn = false;
	enum kith_status st;

	if (pe == NULL)
		return kith_fail_nomem(err);
	/* The reader's data are const: read_blob only reads them. */
	st = kith_pe_read(pe, in->blob->size, read_blob, (void *)(uintptr_t)in->blob, err);
	if (st >= 0)
		st = read_burn(&overlay, pe, &burn);
	if (st < 0 || burn)
		goto out;
	from = pe->directories[KITH_PE_CERTIFICATES].address;
	n = pe->directories[KITH_PE_CERTIFICATES].bytes;
	if (n == 0 || from < pe->end || from > in->blob->size || n > in->blob->size - from) {
		st = read_piece(&overlay, pe->end, in->blob->size);
	} else {
		st = read_piece(&overlay, pe->end, from);
		if (st >= 0)
			st = read_piece(&overlay, from + n, in->blob->size);
	}
out:
	free(pe);
	return st;
}

const struct kith_container_ops kith_container_pe_overlay = {.id = "pe_overlay", .walk = walk};
