/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames_end.c: walks frames and blocks by their headers (zstd: RFC 8878, section 3.1; lz4: "LZ4
 * Frame Format Description" 1.6.1, its legacy frames too). libarchive fails on what follows the
 * last frame, or takes a part of it: so it is shown the frames alone.
 */
#include "frames_end.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define ZSTD             UINT32_C(0xfd2fb528)
#define LZ4              UINT32_C(0x184d2204)
#define LZ4_LEGACY       UINT32_C(0x184c2102)
#define LZ4_LEGACY_BLOCK UINT32_C(8421520)    /* 8 MiB that does not compress */
#define SKIPPABLE        UINT32_C(0x184d2a50) /* to ...5f */
#define HEADER_MAX       ((size_t)14) /* magic included: descriptor, window, dictionary, size */
#define BLOCK_HEADER     ((size_t)3)
#define BLOCK_RLE        1u
#define WINDOW_LOG_MIN   10u

/* Behind magic and frame header: its length, 0 when it is cut off. */
static size_t frame_header(const uint8_t *p, size_t n, bool *ret_checksum, uint64_t *ret_window)
{
	static const size_t id_bytes[4] = {0, 1, 2, 4}, size_bytes[4] = {0, 2, 4, 8};
	unsigned descriptor, size_flag;
	bool single;
	size_t at = 5, size_n, i;
	uint64_t size = 0;

	if (n < 6)
		return 0;
	descriptor = p[4];
	size_flag = descriptor >> 6;
	single = (descriptor & 0x20) != 0;
	*ret_checksum = (descriptor & 4) != 0;
	if (!single) {
		unsigned log = WINDOW_LOG_MIN + (p[at] >> 3);

		*ret_window = (UINT64_C(1) << log) + ((UINT64_C(1) << log) >> 3) * (p[at] & 7u);
		at++;
	}
	at += id_bytes[descriptor & 3];
	size_n = size_flag == 0 && single ? 1 : size_bytes[size_flag];
	if (at + size_n > n)
		return 0;
	for (i = 0; i < size_n; i++)
		size |= (uint64_t)p[at + i] << 8 * i;
	if (single)
		*ret_window = size;
	return at + size_n;
}

/* Behind the last block and the checksum of the frame whose blocks begin at `at`; the blob's size
 * when it is cut off. */
static enum kith_status frame_end(const struct kith_blob *blob, uint64_t at, bool checksum,
				  uint64_t *ret, struct kith_err *err)
{
	bool last = false;

	*ret = blob->size;
	while (!last) {
		uint8_t h[BLOCK_HEADER];
		uint32_t v;
		enum kith_status st;

		if (at > blob->size || blob->size - at < sizeof h)
			return KITH_OK;
		st = kith_blob_read(blob, at, h, sizeof h, err);
		if (st < 0)
			return st;
		v = (uint32_t)h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16;
		last = (v & 1) != 0;
		at += sizeof h + ((v >> 1 & 3) == BLOCK_RLE ? 1 : v >> 3);
	}
	at += checksum ? 4 : 0;
	if (at <= blob->size)
		*ret = at;
	return KITH_OK;
}

enum kith_status kith_zstd_end(const struct kith_blob *blob, uint64_t *ret_end,
			       uint64_t *ret_window, struct kith_err *err)
{
	uint64_t at = 0;

	*ret_window = 0;
	*ret_end = 0;
	while (at < blob->size) {
		uint8_t h[HEADER_MAX + 4];
		uint64_t window = 0;
		bool checksum = false;
		size_t n, header;
		enum kith_status st = kith_blob_read_some(blob, at, h, sizeof h, &n, err);

		if (st < 0)
			return st;
		if (n >= 8 && (kith_get_le32(h) & ~UINT32_C(15)) == SKIPPABLE) {
			at += 8 + (uint64_t)kith_get_le32(h + 4);
		} else if (n >= 4 && kith_get_le32(h) == ZSTD) {
			header = frame_header(h, n, &checksum, &window);
			if (window > *ret_window)
				*ret_window = window;
			if (header == 0)
				at = blob->size;
			else
				st = frame_end(blob, at + header, checksum, &at, err);
			if (st < 0)
				return st;
		} else {
			break;
		}
	}
	*ret_end = at < blob->size ? at : blob->size;
	return KITH_OK;
}

/* The block at `at`: where the next one is; *ret_last: it is the end mark. */
static enum kith_status lz4_block(const struct kith_blob *blob, uint64_t *at, bool legacy,
				  bool checksum, bool *ret_last, struct kith_err *err)
{
	uint8_t h[4];
	uint32_t v;
	size_t n;
	enum kith_status st = kith_blob_read_some(blob, *at, h, sizeof h, &n, err);

	if (st < 0)
		return st;
	if (n < sizeof h) {
		*ret_last = true;
		*at = legacy && n == 0 ? *at : blob->size;
		return KITH_OK;
	}
	v = kith_get_le32(h);
	if (legacy) {
		*ret_last = v == 0 || v > LZ4_LEGACY_BLOCK;
		*at += *ret_last ? 0 : 4 + (uint64_t)v;
	} else {
		*ret_last = v == 0;
		*at += 4 + (*ret_last ? 0 : (uint64_t)(v & INT32_MAX) + (checksum ? 4 : 0));
	}
	if (*at > blob->size) {
		*ret_last = true;
		*at = blob->size;
	}
	return KITH_OK;
}

enum kith_status kith_lz4_end(const struct kith_blob *blob, uint64_t *ret_end, struct kith_err *err)
{
	uint64_t at = 0;

	while (at < blob->size) {
		uint8_t h[8];
		size_t n;
		bool legacy, last = false;
		unsigned flags;
		enum kith_status st = kith_blob_read_some(blob, at, h, sizeof h, &n, err);

		if (st < 0)
			return st;
		if (n >= 8 && (kith_get_le32(h) & ~UINT32_C(15)) == SKIPPABLE) {
			at += 8 + (uint64_t)kith_get_le32(h + 4);
			continue;
		}
		legacy = n >= 4 && kith_get_le32(h) == LZ4_LEGACY;
		if (!legacy && (n < 6 || kith_get_le32(h) != LZ4))
			break;
		/* flags: 16 block checksums, 8 content size, 4 content checksum, 1 dictionary */
		flags = legacy ? 0 : h[4];
		at += legacy ? 4 : 7u + ((flags & 8) != 0 ? 8u : 0u) + ((flags & 1) != 0 ? 4u : 0u);
		while (!last) {
			st = lz4_block(blob, &at, legacy, (flags & 16) != 0, &last, err);
			if (st < 0)
				return st;
		}
		at += (flags & 4) != 0 ? 4 : 0;
	}
	*ret_end = at < blob->size ? at : blob->size;
	return KITH_OK;
}
