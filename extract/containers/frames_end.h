/* SPDX-License-Identifier: Apache-2.0 */
/* frames_end.h: where the zstd or lz4 frames that a blob begins with end. For `unpacked`. */
#ifndef KITH_EXTRACT_FRAMES_END_H
#define KITH_EXTRACT_FRAMES_END_H

#include <stdint.h>

#include "blob/blob.h"

/* *ret_end: behind the last whole frame, or the blob's end when one is cut off. */
enum kith_status kith_lz4_end(const struct kith_blob *blob, uint64_t *ret_end,
			      struct kith_err *err);
/* *ret_window: the largest window that a frame asks for, in bytes. */
enum kith_status kith_zstd_end(const struct kith_blob *blob, uint64_t *ret_end,
			       uint64_t *ret_window, struct kith_err *err);

#endif
