/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inflate.h: deflate and gzip streams that lie in a part of a blob, and CRC-32. The only part of
 * extract/ that knows zlib.
 */
#ifndef KITH_EXTRACT_INFLATE_H
#define KITH_EXTRACT_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "blob/blob.h"

enum kith_inflate_kind {
	KITH_INFLATE_RAW,  /* one deflate stream; the caller checks its CRC */
	KITH_INFLATE_GZIP, /* gzip members in a row, CRC and length of each checked */
};

struct kith_inflate;

/* The bytes from offset to end, both inside the blob. */
enum kith_status kith_inflate_open(const struct kith_blob *blob, uint64_t offset, uint64_t end,
				   enum kith_inflate_kind kind, struct kith_inflate **ret,
				   struct kith_err *err);
/* Another stream of the same kind in the same blob. */
enum kith_status kith_inflate_restart(struct kith_inflate *inflate, uint64_t offset, uint64_t end,
				      struct kith_err *err);
void kith_inflate_close(struct kith_inflate *inflate);
/* inflate: struct kith_inflate. As kith_io_read: *ret_n is 0 at the end. KITH_E_CORRUPT with the
 * offset when the stream is damaged or cut off. */
enum kith_status kith_inflate_read(void *inflate, void *buf, size_t n, size_t *ret_n,
				   struct kith_err *err);
/* The offset behind the last byte that was used; at the end of the stream: behind the stream. */
uint64_t kith_inflate_used(const struct kith_inflate *inflate);

uint32_t kith_crc32(uint32_t crc, const void *data, size_t n); /* begin with 0 */

#endif
