/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode.h: kith_record_decode() for the common record, without branches that depend on its bytes.
 *
 * Why: in a random lookup the record is a cache miss. A branch that waits for it and is predicted
 * wrongly throws away all work that the core had begun for the lookups behind this one. Sizes have
 * varints of one to five bytes, and which attributes a file has varies, so kith_record_decode()
 * costs such a branch in most lookups. Rare forms are left to it; tests/unit/test_record.c checks
 * that both agree.
 */
#ifndef KITH_LIB_DECODE_H
#define KITH_LIB_DECODE_H

#include <string.h>

#include "base/bytes.h"
#include "base/record.h"

/* Loads 8 bytes as a little-endian number, from any address. */
static inline uint64_t kith_load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/*
 * A varint of at most 8 bytes at the low end of `bytes`; *ret_n is its length. False when it is
 * longer or not in its shortest form.
 */
static inline bool kith_varint_of(uint64_t bytes, uint64_t *ret, unsigned *ret_n)
{
	uint64_t stops = ~bytes & UINT64_C(0x8080808080808080), stop = stops & (0 - stops);
	uint64_t v = bytes & (stop - 1); /* the lowest stop bit ends it; 0 - 1 where none is */
	unsigned n;

	if (stop == 0)
		return false;
	n = (unsigned)__builtin_ctzll(stop) / 8 + 1;
	/* v is at least stop >> 7 unless the last byte is zero, which it may be if it is the only
	 */
	if (v < (stop >> 7 & ~UINT64_C(1)))
		return false;
	v &= UINT64_C(0x7f7f7f7f7f7f7f7f);
	/* close the gaps of the high bits: 7 bits of 8, then 14 of 16, then 28 of 32 */
	v = (v & UINT64_C(0x007f007f007f007f)) | (v & UINT64_C(0x7f007f007f007f00)) >> 1;
	v = (v & UINT64_C(0x00003fff00003fff)) | (v & UINT64_C(0x3fff00003fff0000)) >> 2;
	v = (v & UINT64_C(0x000000000fffffff)) | (v & UINT64_C(0x0fffffff00000000)) >> 4;
	*ret = v;
	*ret_n = n;
	return true;
}

/* Bytes that the fast path may load: bits, SHA-1, MD5 and two varints of 8. */
#define KITH_DECODE_FAST (1 + KITH_SHA1_SIZE + KITH_MD5_SIZE + 8 + 8)

/* The marks of a record are those of a file, three bits higher; so is "has a size", two lower. */
_Static_assert(KITH_REC_TRIVIAL >> 3 == KITH_FILE_TRIVIAL &&
		   KITH_REC_FRAGMENT >> 3 == KITH_FILE_FRAGMENT &&
		   KITH_REC_HAS_SIZE << 2 == KITH_FILE_HAS_SIZE && KITH_REC_HAS_SHA1 == 1,
	       "kith_decode() moves these bits");

/* p where bit 0 of `has` is set, else NULL. */
static inline const uint8_t *kith_pointer_if(const uint8_t *p, unsigned has)
{
	return (const uint8_t *)((uintptr_t)p & (0 - (uintptr_t)(has & 1)));
}

/* For code that is to be straight, without a call. */
#if defined(__GNUC__)
#define KITH_ALWAYS_INLINE static inline __attribute__((always_inline))
#else
#define KITH_ALWAYS_INLINE static inline
#endif

/* The common record. False: one for kith_record_decode(); *ret_file is untouched then. */
KITH_ALWAYS_INLINE bool kith_decode_common(const uint8_t *record, const uint8_t *end,
					   const uint8_t *key, bool sha1_only,
					   struct kith_file *ret_file)
{
	uint64_t size, n_occs, mask;
	const uint8_t *md5, *body;
	unsigned bits, n;

	if (end - record < KITH_DECODE_FAST)
		return false;
	bits = record[0];
	if (bits >= KITH_REC_CONFLICT || (sha1_only && (bits & KITH_REC_HAS_SHA1) != 0))
		return false;
	md5 = record + 1 + (size_t)(bits & KITH_REC_HAS_SHA1) * KITH_SHA1_SIZE;
	body = md5 + (size_t)(bits & KITH_REC_HAS_MD5) * (KITH_MD5_SIZE / KITH_REC_HAS_MD5);
	/* without a size the bytes are those of the count: masked, and not stepped over */
	if (!kith_varint_of(kith_load_le64(body), &size, &n))
		return false;
	mask = 0 - (uint64_t)(bits / KITH_REC_HAS_SIZE & 1);
	body += n & mask;
	/* nearly all files have fewer than 128 occurrences, so this branch is well predicted */
	n_occs = body[0];
	n = 1;
	if ((n_occs >= 0x80 && !kith_varint_of(kith_load_le64(body), &n_occs, &n)) ||
	    n_occs > (uint64_t)(end - body - n))
		return false;
	ret_file->sha256 = sha1_only ? NULL : key;
	ret_file->sha1 = sha1_only ? key : kith_pointer_if(record + 1, bits);
	ret_file->md5 = kith_pointer_if(md5, bits / KITH_REC_HAS_MD5);
	ret_file->size_bytes = size & mask;
	ret_file->n_occurrences = n_occs;
	ret_file->flags =
	    (bits >> 3) | (bits & KITH_REC_HAS_SIZE) << 2 | (sha1_only ? KITH_FILE_SHA1_ONLY : 0);
	ret_file->body = body;
	ret_file->end = end;
	return true;
}

/* As kith_record_decode(), with the same results. */
static inline enum kith_status kith_decode(const uint8_t *record, const uint8_t *end,
					   const uint8_t *key, bool sha1_only,
					   struct kith_file *ret_file)
{
	return kith_decode_common(record, end, key, sha1_only, ret_file)
		   ? KITH_OK
		   : kith_record_decode(record, end, key, sha1_only, ret_file);
}

#endif
