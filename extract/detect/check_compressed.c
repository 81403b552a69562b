/* SPDX-License-Identifier: Apache-2.0 */
/* check_compressed.c: single compressed streams. */
#include "detect/checks.h"

#define SKIPPABLES_MAX 64

/* RFC 1952, 2.3.1: the three high flags are reserved, and must be zero. */
bool check_gzip(const struct kith_peek *peek)
{
	return peek->head_n >= 4 && (peek->head[3] & 0xe0) == 0;
}

/* The .xz File Format, 2.1.1.2: of the two bytes of stream flags only a nibble is in use. */
bool check_xz(const struct kith_peek *peek)
{
	return peek->head_n >= 8 && peek->head[6] == 0 && peek->head[7] <= 0x0f;
}

/* RFC 8878, 3.1.1.1.1: bit 3 of the frame header descriptor is reserved. */
bool check_zstd(const struct kith_peek *peek)
{
	return peek->head_n >= 5 && (peek->head[4] & 0x08) == 0;
}

/* LZ4 Frame Format: version 01 in the two high bits of FLG, bit 1 of it reserved; BD has only its
 * block size, 4 to 7. */
static bool is_lz4_at(const struct kith_peek *peek, uint64_t at)
{
	const uint8_t *h = peek_at(peek, at, 6);

	return h != NULL && kith_get_le32(h) == 0x184d2204u && (h[4] & 0xc2) == 0x40 &&
	       (h[5] & 0x8f) == 0 && h[5] >> 4 >= 4;
}

bool check_lz4(const struct kith_peek *peek)
{
	return is_lz4_at(peek, 0);
}

/* LZ4 Frame Format, "Legacy frame": a block's compressed size, which 8 MiB of input bound. */
bool check_lz4_legacy(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 4, 5);
	uint32_t bytes = h == NULL ? 0 : kith_get_le32(h);

	return bytes > 0 && bytes <= (8u << 20) + (8u << 20) / 255 + 16;
}

/*
 * RFC 8878, 3.1.2: frames of user data may precede a zstd or an lz4 frame: 0x184D2A50 to 5F, a
 * size, so many bytes. Moves *at behind them; false when it is not known what follows.
 */
static bool skip_skippables(const struct kith_peek *peek, uint64_t *at)
{
	unsigned i;

	for (i = 0; i < SKIPPABLES_MAX; i++) {
		const uint8_t *h = peek_at(peek, *at, 8);

		if (h == NULL || (kith_get_le32(h) & 0xfffffff0u) != 0x184d2a50u)
			return i > 0 && peek_at(peek, *at, 4) != NULL;
		*at += 8 + (uint64_t)kith_get_le32(h + 4);
	}
	return false;
}

/* Where it is not known what follows a large one it is zstd: lz4's own tools write none. */
bool check_skippable(const struct kith_peek *peek)
{
	uint64_t at = 0;

	if (skip_skippables(peek, &at))
		return kith_get_le32(peek->head + at) == 0xfd2fb528u;
	return at > 0 && (!peek->has_size || at <= peek->size);
}

bool check_skippable_lz4(const struct kith_peek *peek)
{
	uint64_t at = 0;

	return skip_skippables(peek, &at) && is_lz4_at(peek, at);
}

/* bzip2 has no specification of its own; RFC-like description "BZIP2: Format Specification" by
 * J. Tsai: level 1 to 9, then the magic of a block (pi) or of the end (its square root). */
bool check_bzip2(const struct kith_peek *peek)
{
	return peek->head_n >= 10 && peek->head[3] >= '1' && peek->head[3] <= '9' &&
	       (peek_is(peek, 4, "\x31\x41\x59\x26\x53\x59", 6) ||
		peek_is(peek, 4, "\x17\x72\x45\x38\x50\x90", 6));
}

/* draft-diaz-lzip, 2: version 1 (0 before 2008), then the dictionary: a power of 2 from 12 to 29.
 */
bool check_lzip(const struct kith_peek *peek)
{
	return peek->head_n >= 6 && peek->head[4] <= 1 && (peek->head[5] & 0x1f) >= 12 &&
	       (peek->head[5] & 0x1f) <= 29;
}

/*
 * compress(1): the third byte has the greatest code width, 9 to 16, and in bit 7 whether code 256
 * clears the table. Codes begin with 9 bits, low bits first: the first is a byte, the second a
 * byte, 256 (clear) or 257 (the first string).
 */
bool check_compress(const struct kith_peek *peek)
{
	uint8_t b[3] = {0};
	unsigned second;

	if (peek->head_n < 3 || (peek->head[2] & 0x60) != 0 || (peek->head[2] & 0x1f) < 9 ||
	    (peek->head[2] & 0x1f) > 16)
		return false;
	memcpy(b, peek->head + 3, peek->head_n - 3 < 3 ? peek->head_n - 3 : 3);
	second = (unsigned)b[1] >> 1 | (b[2] & 3u) << 7;
	return (b[1] & 1) == 0 && second <= 257;
}

/*
 * XZ Utils, lzma-file-format.txt: properties (lc + 9 * (lp + 5 * pb)), dictionary, unpacked size or
 * all ones; "xz" accepts dictionaries of 2^n and 2^n + 2^(n-1) and sizes below 256 GiB alone. The
 * range coder's first byte is always 0.
 */
bool check_lzma(const struct kith_peek *peek)
{
	const uint8_t *h = peek_at(peek, 0, 18);
	uint32_t dictionary, low;
	uint64_t size;
	unsigned lc, lp;

	if (h == NULL || h[0] >= 9 * 5 * 5 || h[13] != 0)
		return false;
	lc = h[0] % 9;
	lp = h[0] / 9 % 5;
	dictionary = kith_get_le32(h + 1);
	low = dictionary & (0u - dictionary);
	size = kith_get_le64(h + 5);
	if (lc + lp > 4 || dictionary < 4096 ||
	    (dictionary != UINT32_MAX && dictionary != low && dictionary != (low | low << 1)))
		return false;
	return size == UINT64_MAX || (size > 0 && size < UINT64_C(1) << 38);
}
