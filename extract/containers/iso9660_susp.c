/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso9660_susp.c: the system use areas of directory records: System Use Sharing Protocol (SUSP
 * 1.12) and Rock Ridge Interchange Protocol (RRIP 1.12). An area may go on elsewhere (CE), and that
 * area again: both the number of them and their bytes are bounded, so that loops end.
 */
#include "containers/iso9660.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

#define AREA_BYTES_MAX    ISO_SECTOR /* SUSP 5.1: an area lies in one sector */
#define CONTINUATIONS_MAX 64u        /* a name of 255 bytes and a long link need two */
#define NAME_MAX_BYTES    4096u      /* RRIP's own bound is that of the system, 255 at most */

void iso_rr_done(struct iso_rr *rr)
{
	kith_buf_done(&rr->name);
}

static bool is(const uint8_t *field, const char *signature)
{
	return field[0] == (uint8_t)signature[0] && field[1] == (uint8_t)signature[1];
}

/* NM, RRIP 4.1.4. */
static enum kith_status take_name(const uint8_t *field, size_t n, struct iso_rr *rr,
				  struct kith_err *err)
{
	if (n < 5)
		return KITH_OK;
	if ((field[4] & 0x06u) != 0) /* it stands for "." or ".." */
		return KITH_OK;
	if (rr->name.n + (n - 5) > NAME_MAX_BYTES) {
		rr->fault = "name too long";
		return KITH_OK;
	}
	rr->has_name = true;
	return kith_buf_add(&rr->name, field + 5, n - 5) ? KITH_OK : kith_fail_nomem(err);
}

/* One field of n bytes, n >= 4. */
static enum kith_status take_field(const uint8_t *field, size_t n, struct iso_rr *rr,
				   struct kith_err *err)
{
	if (is(field, "NM")) {
		rr->fields = true;
		return take_name(field, n, rr, err);
	}
	if (is(field, "PX") && n >= 12) { /* RRIP 4.1.1 */
		rr->fields = true;
		rr->has_mode = true;
		rr->mode = kith_get_le32(field + 4);
	} else if (is(field, "SL")) { /* 4.1.3 */
		rr->symlink = true;
	} else if (is(field, "CL") && n >= 12) { /* 4.1.5.1 */
		rr->has_child = true;
		rr->child = kith_get_le32(field + 4);
	} else if (is(field, "RE")) { /* 4.1.5.3 */
		rr->relocated = true;
	} else if (is(field, "SF")) { /* 4.1.7 */
		rr->sparse = true;
	} else if (is(field, "ZF") && n >= 16) { /* zisofs: algorithm, header, block, plain size */
		rr->compressed = true;
		memcpy(rr->algorithm, field + 4, 2);
		rr->header_words = field[6];
		rr->block_log = field[7];
		rr->plain_bytes = kith_get_le32(field + 8);
	} else if (is(field, "SP") && n >= 7 && field[4] == 0xbe && field[5] == 0xef) {
		rr->susp = true; /* SUSP 5.3 */
		rr->skip = field[6];
	} else if (is(field, "RR") || is(field, "ER")) {
		rr->fields = true;
	}
	return KITH_OK;
}

/* The fields of one area. ce: the last CE field's numbers, when *ret_ce becomes true. */
static enum kith_status take_area(const uint8_t *area, size_t n, struct iso_rr *rr, uint32_t ce[3],
				  bool *ret_ce, struct kith_err *err)
{
	size_t at = 0;
	enum kith_status st;

	*ret_ce = false;
	while (n - at >= 4) {
		const uint8_t *field = area + at;
		size_t length = field[2];

		if (field[0] == 0) /* padding */
			break;
		if (length < 4 || length > n - at) {
			/* Without SP it need not be SUSP at all. */
			rr->fault = "damaged system use area";
			break;
		}
		if (is(field, "ST")) /* SUSP 5.4 */
			break;
		if (is(field, "CE") && length >= 28) { /* SUSP 5.1 */
			ce[0] = kith_get_le32(field + 4);
			ce[1] = kith_get_le32(field + 12);
			ce[2] = kith_get_le32(field + 20);
			*ret_ce = true;
		} else {
			st = take_field(field, length, rr, err);
			if (st < 0)
				return st;
		}
		at += length;
	}
	return KITH_OK;
}

enum kith_status iso_rr_parse(const struct iso *iso, const struct iso_tree *tree,
			      const uint8_t *area, size_t n, struct iso_rr *rr,
			      struct kith_err *err)
{
	uint8_t more[AREA_BYTES_MAX];
	struct kith_buf name = rr->name;
	uint32_t ce[3];
	unsigned hops;
	bool goes_on;
	enum kith_status st;

	name.n = 0;
	*rr = (struct iso_rr){.name = name};
	if (n <= iso->susp_skip)
		return KITH_OK;
	st = take_area(area + iso->susp_skip, n - iso->susp_skip, rr, ce, &goes_on, err);
	for (hops = 0; st >= 0 && goes_on; hops++) {
		uint64_t at = (uint64_t)ce[0] * tree->block + ce[1];

		if (hops == CONTINUATIONS_MAX || ce[2] > sizeof more || at > iso->in->blob->size ||
		    ce[2] > iso->in->blob->size - at) {
			rr->fault = hops == CONTINUATIONS_MAX ? "system use areas without end"
							      : "damaged system use area";
			break;
		}
		st = kith_blob_read(iso->in->blob, at, more, ce[2], err);
		if (st >= 0)
			st = take_area(more, ce[2], rr, ce, &goes_on, err);
	}
	return st;
}
