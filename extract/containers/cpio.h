/* SPDX-License-Identifier: Apache-2.0 */
/* cpio.h: the entries of a cpio, in place or out of a stream. For `cpio` and `compressed`. */
#ifndef KITH_EXTRACT_CPIO_H
#define KITH_EXTRACT_CPIO_H

#include "libarchive.h"

/* read NULL: the cpio is in->blob itself, and its entries are reported in place. */
enum kith_status kith_cpio_walk(const struct kith_container_in *in, kith_read_fn read, void *user,
				struct kith_err *err);

#endif
