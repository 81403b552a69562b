/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xz.h: large xz files, whose blocks are decompressed on several threads where their headers say
 * how large they are (those that xz -T and dpkg-deb write do). The only part of extract/ that knows
 * liblzma.
 */
#ifndef KITH_EXTRACT_XZ_H
#define KITH_EXTRACT_XZ_H

#include <stddef.h>
#include <stdint.h>

#include "blob/blob.h"

/* Below, threads cost more than they save. */
#define KITH_XZ_LARGE (UINT64_C(1) << 20)

struct kith_xz;

enum kith_status kith_xz_open(const struct kith_blob *blob, struct kith_xz **ret,
			      struct kith_err *err);
void kith_xz_close(struct kith_xz *xz);
/* xz: struct kith_xz. As kith_io_read: *ret_n is 0 at the end. KITH_E_CORRUPT when a
 * stream is damaged or cut off; what lies before the fault was given out. */
enum kith_status kith_xz_read(void *xz, void *buf, size_t n, size_t *ret_n, struct kith_err *err);
/* The offset behind the last byte that was used; at the end: behind the last stream. */
uint64_t kith_xz_used(const struct kith_xz *xz);

#endif
