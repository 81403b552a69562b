/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checks.h: the parts of the detector: one function for each format whose magic number alone is
 * weak, or that has none. Each looks at the peek and at nothing else, and never past its ends.
 */
#ifndef KITH_EXTRACT_DETECT_CHECKS_H
#define KITH_EXTRACT_DETECT_CHECKS_H

#include <string.h>

#include "base/bytes.h"
#include "detect/detect.h"

/* Are these the bytes at that offset of the head? */
static inline bool peek_is(const struct kith_peek *peek, size_t offset, const void *bytes, size_t n)
{
	return offset <= peek->head_n && n <= peek->head_n - offset &&
	       memcmp(peek->head + offset, bytes, n) == 0;
}

/* The n bytes at that offset of the head, or NULL. */
static inline const uint8_t *peek_at(const struct kith_peek *peek, uint64_t offset, size_t n)
{
	return offset <= peek->head_n && n <= peek->head_n - offset ? peek->head + offset : NULL;
}

/* The last bytes, where they are known: of a short file they are in the head. */
static inline bool peek_tail(const struct kith_peek *peek, const uint8_t **ret, size_t *ret_n)
{
	bool all = peek->has_size && peek->size == peek->head_n;

	if (peek->tail == NULL && !all)
		return false;
	*ret = all ? peek->head : peek->tail;
	*ret_n = all ? peek->head_n : peek->tail_n;
	return true;
}

/* The n bytes at that offset, from head or tail, or NULL. */
static inline const uint8_t *peek_anywhere(const struct kith_peek *peek, uint64_t offset, size_t n)
{
	const uint8_t *found = peek_at(peek, offset, n);
	uint64_t from;

	if (found != NULL || peek->tail == NULL || !peek->has_size || peek->size < peek->tail_n)
		return found;
	from = peek->size - peek->tail_n;
	if (offset < from || offset - from > peek->tail_n || n > peek->tail_n - (offset - from))
		return NULL;
	return peek->tail + (offset - from);
}

static inline uint16_t peek_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint16_t peek_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline bool is_power_of_2(uint64_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

/* check_archive.c */
bool check_cab(const struct kith_peek *peek);
bool check_rpm(const struct kith_peek *peek);
bool check_xar(const struct kith_peek *peek);
bool check_zip(const struct kith_peek *peek);
bool check_zip_empty(const struct kith_peek *peek);
bool check_zip_spanned(const struct kith_peek *peek);
bool check_zip_at_end(const struct kith_peek *peek);
bool check_cpio_text(const struct kith_peek *peek);
bool check_cpio_binary(const struct kith_peek *peek);
bool check_tar(const struct kith_peek *peek);
bool check_lha(const struct kith_peek *peek);
bool check_arj(const struct kith_peek *peek);
bool check_asar(const struct kith_peek *peek);

/* check_compressed.c */
bool check_gzip(const struct kith_peek *peek);
bool check_xz(const struct kith_peek *peek);
bool check_zstd(const struct kith_peek *peek);
bool check_bzip2(const struct kith_peek *peek);
bool check_lz4(const struct kith_peek *peek);
bool check_lz4_legacy(const struct kith_peek *peek);
bool check_skippable(const struct kith_peek *peek);
bool check_skippable_lz4(const struct kith_peek *peek);
bool check_lzip(const struct kith_peek *peek);
bool check_compress(const struct kith_peek *peek);
bool check_lzma(const struct kith_peek *peek);

/* check_disk.c */
bool check_udf(const struct kith_peek *peek);
bool check_squashfs(const struct kith_peek *peek);
bool check_squashfs_be(const struct kith_peek *peek);
bool check_dmg(const struct kith_peek *peek);
bool check_uefi_volume(const struct kith_peek *peek);
bool check_fat(const struct kith_peek *peek);
bool check_mbr(const struct kith_peek *peek);
bool check_ext(const struct kith_peek *peek);
bool check_hfsplus(const struct kith_peek *peek);
bool check_vhd(const struct kith_peek *peek);

/* check_program.c */
bool check_appimage(const struct kith_peek *peek);
bool check_uki(const struct kith_peek *peek);
bool check_pe_overlay(const struct kith_peek *peek);
bool check_msi(const struct kith_peek *peek);

#endif
