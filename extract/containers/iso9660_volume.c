/* SPDX-License-Identifier: Apache-2.0 */
/* iso9660_volume.c: volume descriptors (ECMA-119 8) and directory records (9.1). */
#include "containers/iso9660.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"

#define FIRST_DESCRIPTOR 16u /* ECMA-119 6.2.1: the system area has 16 sectors */
#define DESCRIPTORS_MAX  64u /* real discs have about five */

#define TYPE_PRIMARY       1u
#define TYPE_SUPPLEMENTARY 2u
#define TYPE_TERMINATOR    255u

#define RECORD_FIXED 33u /* bytes before the identifier */

static uint32_t le16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t be16(const uint8_t *p)
{
	return (uint32_t)p[1] | (uint32_t)p[0] << 8;
}

bool iso_record_parse(const struct iso_tree *tree, const uint8_t *p, size_t n,
		      struct iso_record *ret)
{
	size_t length, use;
	uint32_t block;

	if (n < RECORD_FIXED + 1)
		return false;
	length = p[0];
	if (length > n || length < RECORD_FIXED + 1)
		return false;
	memset(ret, 0, sizeof *ret);
	ret->id = p + RECORD_FIXED;
	ret->id_n = p[32];
	if (ret->id_n > length - RECORD_FIXED)
		return false;
	/* 9.1.2: the extended attribute record comes first, its length is in blocks. 7.3.3: numbers
	 * stand twice, the low byte first and the high byte first; the first is what readers take.
	 */
	block = kith_get_le32(p + 2);
	ret->offset = ((uint64_t)block + p[1]) * tree->block;
	ret->bytes = kith_get_le32(p + 10);
	ret->disagrees = block != kith_get_be32(p + 6) || ret->bytes != kith_get_be32(p + 14);
	ret->flags = p[25];
	ret->interleaved = p[26] != 0 || p[27] != 0;
	ret->volume = le16(p + 28);
	/* 9.1.12: a padding byte when the identifier's length is even */
	use = RECORD_FIXED + ret->id_n + (ret->id_n % 2 == 0 ? 1 : 0);
	if (use < length) {
		ret->system_use = p + use;
		ret->system_use_n = length - use;
	}
	return true;
}

/* Takes the tree of a descriptor; false: it cannot be one. */
static bool take_tree(struct iso_tree *tree, const uint8_t *d)
{
	struct iso_record root;

	memcpy(tree->descriptor, d, ISO_SECTOR);
	tree->block = le16(d + 128);
	if (tree->block != 512 && tree->block != 1024 && tree->block != 2048)
		tree->block = be16(d + 130);
	/* 6.2.2: a power of two, not more than a sector */
	if (tree->block != 512 && tree->block != 1024 && tree->block != 2048)
		return false;
	tree->set_size = le16(d + 120);
	tree->volume = le16(d + 124);
	if (!iso_record_parse(tree, d + 156, 34, &root))
		return false;
	tree->root = root.offset;
	tree->root_bytes = root.bytes;
	return true;
}

/* Joliet specification: the escape sequences of UCS-2 levels 1 to 3 (ECMA-119 8.5.6). */
static bool is_joliet(const uint8_t *d)
{
	return d[88] == '%' && d[89] == '/' && (d[90] == '@' || d[90] == 'C' || d[90] == 'E');
}

/* Finds Rock Ridge: SUSP 5.3 wants SP in the root directory's first record. */
static enum kith_status find_rock_ridge(struct iso *iso, struct kith_err *err)
{
	uint8_t sector[ISO_SECTOR];
	struct iso_record self;
	struct iso_rr rr = {0};
	enum kith_status st;
	size_t n;

	if (iso->primary.root >= iso->in->blob->size) /* whoever walks the tree says so */
		return KITH_OK;
	st = kith_blob_read_some(iso->in->blob, iso->primary.root, sector, sizeof sector, &n, err);
	if (st < 0)
		return st;
	if (!iso_record_parse(&iso->primary, sector, n, &self))
		return KITH_OK;
	st = iso_rr_parse(iso, &iso->primary, self.system_use, self.system_use_n, &rr, err);
	if (st >= 0 && rr.susp && rr.fields) {
		iso->rock_ridge = true;
		iso->susp_skip = rr.skip;
	}
	iso_rr_done(&rr);
	return st;
}

enum kith_status iso_volume_read(struct iso *iso, struct kith_err *err)
{
	uint8_t d[ISO_SECTOR];
	enum kith_status st;
	unsigned i;

	for (i = 0; i < DESCRIPTORS_MAX; i++) {
		uint64_t at = (uint64_t)(FIRST_DESCRIPTOR + i) * ISO_SECTOR;
		bool bad = false;

		if (at + ISO_SECTOR > iso->in->blob->size)
			break;
		st = kith_blob_read(iso->in->blob, at, d, sizeof d, err);
		if (st < 0)
			return st;
		if (memcmp(d + 1, "CD001", 5) != 0 || d[0] == TYPE_TERMINATOR)
			break;
		if (d[0] == TYPE_PRIMARY && !iso->has_primary) {
			iso->has_primary = take_tree(&iso->primary, d);
			bad = !iso->has_primary;
		} else if (d[0] == TYPE_SUPPLEMENTARY && is_joliet(d) && !iso->has_joliet) {
			iso->has_joliet = take_tree(&iso->joliet, d);
			bad = !iso->has_joliet;
		} else if (d[0] == TYPE_SUPPLEMENTARY && !is_joliet(d) && !iso->has_enhanced) {
			/* 8.5: version 2 is the enhanced descriptor of ISO 9660:1999 */
			iso->has_enhanced = take_tree(&iso->enhanced, d);
			bad = !iso->has_enhanced;
		}
		if (bad) {
			st = kith_emit_note(iso->in->emit, KITH_LEDGER_FAILED,
					    "damaged volume descriptor", NULL, 0, err);
			if (st < 0)
				return st;
		}
	}
	if (!iso->has_primary && !iso->has_joliet && !iso->has_enhanced)
		return kith_fail(err, KITH_E_CORRUPT, "no volume descriptor that has a directory");
	return iso->has_primary ? find_rock_ridge(iso, err) : KITH_OK;
}
