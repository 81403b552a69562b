/* SPDX-License-Identifier: Apache-2.0 */
/* gzip.h: answers in the form of gzip; the only part that knows zlib. */
#ifndef KITH_SERVE_GZIP_H
#define KITH_SERVE_GZIP_H

#include <stdbool.h>

#include "base/buf.h"

struct kith_gzip;

struct kith_gzip *kith_gzip_new(void); /* some 64 KiB; NULL: no memory */
void kith_gzip_free(struct kith_gzip *gzip);
/*
 * Appends the compressed bytes, and all of them: whoever reads them has everything that was added.
 * last: the end, and the next call begins another answer. False: no memory.
 */
bool kith_gzip_add(struct kith_gzip *gzip, const uint8_t *data, size_t n, bool last,
		   struct kith_buf *out);

#endif
