/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.h: numbers as bytes. Everything on disk is little-endian, except LMDB keys, which are
 * big-endian so that they sort as numbers; varints are LEB128 (7 bits a byte, low first, at most
 * 10 bytes). Reading never goes past `end`.
 */
#ifndef KITH_BASE_BYTES_H
#define KITH_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KITH_VARINT_MAX 10 /* bytes of the longest varint */

static inline uint32_t kith_get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void kith_put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline uint64_t kith_get_be64(const uint8_t *p)
{
	return (uint64_t)kith_get_be32(p) << 32 | kith_get_be32(p + 4);
}

static inline void kith_put_be64(uint8_t *p, uint64_t v)
{
	kith_put_be32(p, (uint32_t)(v >> 32));
	kith_put_be32(p + 4, (uint32_t)v);
}

static inline uint16_t kith_get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t kith_get_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline void kith_put_le32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

static inline uint64_t kith_get_le64(const uint8_t *p)
{
	return (uint64_t)kith_get_le32(p + 4) << 32 | kith_get_le32(p);
}

static inline void kith_put_le64(uint8_t *p, uint64_t v)
{
	kith_put_le32(p, (uint32_t)v);
	kith_put_le32(p + 4, (uint32_t)(v >> 32));
}

/* Writes v at p (room for KITH_VARINT_MAX), returns the byte after it. */
static inline uint8_t *kith_put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

static inline size_t kith_varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >= 0x80) {
		v >>= 7;
		n++;
	}
	return n;
}

/*
 * Reads a varint at *pos and moves *pos behind it. False, with *pos untouched, when it would go
 * past end, is longer than 64 bits, or is not in its shortest form (so that a value has one
 * encoding, and a set one byte sequence).
 */
static inline bool kith_get_varint(const uint8_t **pos, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *p = *pos;
	uint64_t v;
	unsigned shift;

	if (p >= end)
		return false;
	v = *p++;
	if (v < 0x80) {
		*ret = v;
		*pos = p;
		return true;
	}
	v &= 0x7f;
	for (shift = 7; shift < 64; shift += 7) {
		uint64_t b;

		if (p >= end)
			return false;
		b = *p++;
		if (shift == 63 && b > 1)
			return false;
		v |= (b & 0x7f) << shift;
		if (b < 0x80) {
			if (b == 0)
				return false;
			*ret = v;
			*pos = p;
			return true;
		}
	}
	return false;
}

/* memcmp of byte strings of different lengths: a prefix sorts first. */
static inline int kith_bytes_cmp(const void *a, size_t an, const void *b, size_t bn)
{
	size_t n = an < bn ? an : bn;
	int c = n == 0 ? 0 : memcmp(a, b, n);

	if (c != 0)
		return c;
	return an < bn ? -1 : an > bn;
}

static inline bool kith_add_size(size_t a, size_t b, size_t *ret)
{
	return !__builtin_add_overflow(a, b, ret);
}

static inline bool kith_mul_size(size_t a, size_t b, size_t *ret)
{
	return !__builtin_mul_overflow(a, b, ret);
}

#endif
