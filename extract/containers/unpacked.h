/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpacked.h: what a blob is when it is decompressed, as a stream. For `compressed`, and for
 * containers with a compressed part (packages).
 */
#ifndef KITH_EXTRACT_UNPACKED_H
#define KITH_EXTRACT_UNPACKED_H

#include "libarchive.h"

struct kith_unpacked;

/* format: GZIP, XZ, ZSTD, BZIP2, LZ4, LZIP, COMPRESS or LZMA. The blob is used until it is closed.
 */
enum kith_status kith_unpacked_open(const struct kith_blob *blob, enum kith_format format,
				    struct kith_unpacked **ret, struct kith_err *err);
void kith_unpacked_close(struct kith_unpacked *unpacked);
/* The first KITH_PEEK_HEAD bytes, or all; before anything is read. Valid until it is closed. A
 * fault behind them is left to the reads. */
enum kith_status kith_unpacked_peek(struct kith_unpacked *unpacked, const uint8_t **ret,
				    size_t *ret_n, struct kith_err *err);
/* A kith_read_fn; unpacked: struct kith_unpacked. */
enum kith_status kith_unpacked_read(void *unpacked, void *buf, size_t n, size_t *ret_n,
				    struct kith_err *err);
/* What a read failed with; KITH_OK when none did. */
enum kith_status kith_unpacked_fault(const struct kith_unpacked *unpacked, struct kith_err *err);
/* The offset in the blob behind what was used; at the end: behind the compressed stream. */
uint64_t kith_unpacked_used(const struct kith_unpacked *unpacked);

/*
 * The bytes of the file `name` in the tar that `blob` is, compressed or not: a package's control
 * file. "./" before names does not count. KITH_NOT_FOUND: no such file, or it is larger than `max`.
 */
enum kith_status kith_unpacked_tar_member(const struct kith_blob *blob, const char *name,
					  size_t max, struct kith_buf *out, struct kith_err *err);

#endif
