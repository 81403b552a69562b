/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.c: MBR: four entries at 446, extended partitions are chains of such sectors. GPT: UEFI
 * specification 2.10, 5.3: a header with CRCs in the second sector, another one in the last. The
 * size of a sector is not recorded: it is where the header is found. A table whose CRC is wrong is
 * used when the other one is no better: what it names is checked by whoever opens it.
 */
#include "containers/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "containers/inflate.h"

#define MBR_BYTES      ((size_t)512)
#define MBR_ENTRIES    446u
#define TYPE_GPT       0xeeu
#define LOGICAL_MAX    128u /* of one disk; loops of extended partitions end here */
#define GPT_HEADER_MIN 92u
#define GPT_ENTRY_MIN  128u
#define GPT_TABLE_MAX  ((size_t)1 << 20) /* usual are 128 entries of 128 bytes */
#define PARTITIONS_MAX ((size_t)1024)

struct mbr_entry {
	uint8_t type;
	uint32_t first, count; /* sectors */
};

void kith_partitions_done(struct kith_partitions *partitions)
{
	free(partitions->items);
	*partitions = (struct kith_partitions){0};
}

static void fault(struct kith_partitions *all, const char *reason)
{
	if (all->n_faults < KITH_PARTITION_FAULTS)
		all->faults[all->n_faults++] = reason;
}

static enum kith_status add(struct kith_partitions *all, const struct kith_blob *blob,
			    const char *what, unsigned number, uint64_t first, uint64_t count,
			    uint64_t sector, struct kith_err *err)
{
	struct kith_partition *more, *p;
	uint64_t offset, bytes;

	if (all->n == PARTITIONS_MAX) {
		fault(all, "over a limit: partitions");
		return KITH_OK;
	}
	if (count == 0 || __builtin_mul_overflow(first, sector, &offset) ||
	    __builtin_mul_overflow(count, sector, &bytes) || offset >= blob->size) {
		if (count > 0)
			fault(all, "damaged: a partition lies outside of the image");
		return KITH_OK;
	}
	more = realloc(all->items, (all->n + 1) * sizeof *more);
	if (more == NULL)
		return kith_fail_nomem(err);
	all->items = more;
	p = &all->items[all->n++];
	p->offset = offset;
	p->cut = bytes > blob->size - offset;
	p->bytes = p->cut ? blob->size - offset : bytes;
	(void)snprintf(p->name, sizeof p->name, "%s %u", what, number);
	return KITH_OK;
}

/* -------------------------------------------------------------------- MBR */

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

/* The entries of a sector; false: it is not such a sector. Boot sectors of file systems have the
 * same signature: there the first byte of an entry is not a boot flag. */
static bool mbr_entries(const uint8_t *sector, struct mbr_entry entries[4])
{
	unsigned i;

	if (sector[510] != 0x55 || sector[511] != 0xaa)
		return false;
	for (i = 0; i < 4; i++) {
		const uint8_t *e = sector + MBR_ENTRIES + (size_t)i * 16;

		if ((e[0] & 0x7fu) != 0)
			return false;
		entries[i] = (struct mbr_entry){e[4], kith_get_le32(e + 8), kith_get_le32(e + 12)};
		if (e[4] == 0)
			entries[i].count = 0;
	}
	return true;
}

/* The chain of an extended partition: each sector has one logical partition, relative to that
 * sector, and the next link, relative to the extended partition. */
static enum kith_status add_logical(struct kith_partitions *all, const struct kith_blob *blob,
				    const char *what, uint32_t extended, unsigned *number,
				    struct kith_err *err)
{
	uint64_t at = extended;
	uint8_t sector[MBR_BYTES];
	struct mbr_entry e[4];
	enum kith_status st;

	while (*number < 5 + LOGICAL_MAX) {
		if (at * MBR_BYTES + MBR_BYTES > blob->size) {
			fault(all, "damaged: an extended partition lies outside of the image");
			return KITH_OK;
		}
		st = kith_blob_read(blob, at * MBR_BYTES, sector, sizeof sector, err);
		if (st < 0)
			return st;
		if (!mbr_entries(sector, e)) {
			fault(all, "damaged extended partition");
			return KITH_OK;
		}
		if (e[0].count > 0) {
			st = add(all, blob, what, *number, at + e[0].first, e[0].count, MBR_BYTES,
				 err);
			if (st < 0)
				return st;
		}
		++*number;
		if (!is_extended(e[1].type) || e[1].count == 0)
			return KITH_OK;
		at = (uint64_t)extended + e[1].first;
	}
	fault(all, "over a limit: logical partitions");
	return KITH_OK;
}

static enum kith_status add_mbr(struct kith_partitions *all, const struct kith_blob *blob,
				const struct mbr_entry entries[4], bool has_gpt,
				struct kith_err *err)
{
	const char *what = has_gpt ? "mbr partition" : "partition";
	unsigned i, logical = 5;
	enum kith_status st = KITH_OK;

	for (i = 0; i < 4 && st >= 0; i++) {
		if (entries[i].type == TYPE_GPT || entries[i].count == 0)
			continue;
		if (is_extended(entries[i].type))
			st = add_logical(all, blob, what, entries[i].first, &logical, err);
		else
			st = add(all, blob, what, i + 1, entries[i].first, entries[i].count,
				 MBR_BYTES, err);
	}
	return st;
}

/* -------------------------------------------------------------------- GPT */

struct gpt {
	bool found;  /* the signature is there, and the table lies in the image */
	bool intact; /* and both CRCs are right */
	uint64_t sector;
	uint32_t n, entry;
	uint8_t *table; /* owned; n * entry bytes */
};

/* A header at `at`. Not found is not an error. */
static enum kith_status gpt_at(const struct kith_blob *blob, uint64_t at, uint64_t sector,
			       struct gpt *ret, struct kith_err *err)
{
	uint8_t h[512];
	uint32_t header, crc;
	uint64_t table, bytes;
	enum kith_status st;

	memset(ret, 0, sizeof *ret);
	if (blob->size < sizeof h || at > blob->size - sizeof h)
		return KITH_OK;
	st = kith_blob_read(blob, at, h, sizeof h, err);
	if (st < 0)
		return st;
	if (memcmp(h, "EFI PART", 8) != 0)
		return KITH_OK;
	header = kith_get_le32(h + 12);
	ret->sector = sector;
	ret->n = kith_get_le32(h + 80);
	ret->entry = kith_get_le32(h + 84);
	if (ret->entry < GPT_ENTRY_MIN || ret->n == 0 ||
	    __builtin_mul_overflow((uint64_t)ret->n, ret->entry, &bytes) || bytes > GPT_TABLE_MAX ||
	    __builtin_mul_overflow(kith_get_le64(h + 72), sector, &table) || table > blob->size ||
	    bytes > blob->size - table)
		return KITH_OK;
	ret->table = malloc((size_t)bytes);
	if (ret->table == NULL)
		return kith_fail_nomem(err);
	st = kith_blob_read(blob, table, ret->table, (size_t)bytes, err);
	if (st < 0)
		return st;
	ret->found = true;
	if (header < GPT_HEADER_MIN || header > sizeof h)
		return KITH_OK;
	crc = kith_get_le32(h + 16);
	memset(h + 16, 0, 4);
	ret->intact = crc == kith_crc32(0, h, header) &&
		      kith_get_le32(h + 88) == kith_crc32(0, ret->table, (size_t)bytes);
	return KITH_OK;
}

/* The best of the headers. */
static enum kith_status gpt_find(struct kith_partitions *all, const struct kith_blob *blob,
				 struct gpt *ret, struct kith_err *err)
{
	static const uint64_t sectors[] = {512, 4096, 2048};
	bool any = false;
	size_t i;

	memset(ret, 0, sizeof *ret);
	for (i = 0; i < 2 * sizeof sectors / sizeof *sectors; i++) {
		uint64_t sector = sectors[i / 2];
		uint64_t at = i % 2 == 0 ? sector : blob->size / sector * sector - sector;
		struct gpt g;
		enum kith_status st;

		if (blob->size < 3 * sector)
			continue;
		st = gpt_at(blob, at, sector, &g, err);
		if (st < 0) {
			free(g.table);
			return st;
		}
		any |= g.found;
		if (g.found && (!ret->found || (g.intact && !ret->intact))) {
			free(ret->table);
			*ret = g;
		} else {
			free(g.table);
		}
		if (ret->intact) {
			if (i % 2 != 0)
				fault(all, "damaged partition table: its copy was used");
			return KITH_OK;
		}
	}
	if (any)
		fault(all, "damaged partition table: its checksum is wrong");
	return KITH_OK;
}

static enum kith_status add_gpt(struct kith_partitions *all, const struct kith_blob *blob,
				const struct gpt *gpt, struct kith_err *err)
{
	static const uint8_t unused[16];
	enum kith_status st = KITH_OK;
	uint32_t i;

	for (i = 0; i < gpt->n && st >= 0; i++) {
		const uint8_t *e = gpt->table + (size_t)i * gpt->entry;
		uint64_t first = kith_get_le64(e + 32), last = kith_get_le64(e + 40);

		if (memcmp(e, unused, sizeof unused) == 0)
			continue;
		if (last < first || last - first == UINT64_MAX)
			fault(all, "damaged: a partition lies outside of the image");
		else
			st = add(all, blob, "partition", i + 1, first, last - first + 1,
				 gpt->sector, err);
	}
	return st;
}

enum kith_status kith_partitions_read(const struct kith_blob *blob, struct kith_partitions *ret,
				      struct kith_err *err)
{
	struct kith_partitions all = {0};
	struct mbr_entry entries[4];
	uint8_t sector[MBR_BYTES];
	struct gpt gpt = {0};
	enum kith_status st = KITH_OK;

	if (blob->size >= 2 * MBR_BYTES) {
		st = kith_blob_read(blob, 0, sector, sizeof sector, err);
		if (st >= 0)
			st = gpt_find(&all, blob, &gpt, err);
		if (st >= 0 && gpt.found)
			st = add_gpt(&all, blob, &gpt, err);
		if (st >= 0 && mbr_entries(sector, entries))
			st = add_mbr(&all, blob, entries, gpt.found, err);
	}
	free(gpt.table);
	if (st < 0)
		kith_partitions_done(&all);
	else
		*ret = all;
	return st < 0 ? st : KITH_OK;
}
