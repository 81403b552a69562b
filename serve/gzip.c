/* SPDX-License-Identifier: Apache-2.0 */
#define ZLIB_CONST
#include "gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define LEVEL  3 /* answers are text that repeats: what more effort saves is little */
#define WINDOW 13
#define MEMORY 6
#define GZIP   16 /* added to the window: the header of gzip, not of zlib */

struct kith_gzip {
	z_stream z;
};

struct kith_gzip *kith_gzip_new(void)
{
	struct kith_gzip *gzip = calloc(1, sizeof *gzip);

	if (gzip != NULL && deflateInit2(&gzip->z, LEVEL, Z_DEFLATED, WINDOW + GZIP, MEMORY,
					 Z_DEFAULT_STRATEGY) != Z_OK) {
		free(gzip);
		gzip = NULL;
	}
	return gzip;
}

void kith_gzip_free(struct kith_gzip *gzip)
{
	if (gzip != NULL)
		(void)deflateEnd(&gzip->z);
	free(gzip);
}

bool kith_gzip_add(struct kith_gzip *gzip, const uint8_t *data, size_t n, bool last,
		   struct kith_buf *out)
{
	static const uint8_t none = 0;
	z_stream *z = &gzip->z;

	if (n > UINT_MAX)
		return false;
	z->next_in = data == NULL ? &none : data;
	z->avail_in = (unsigned)n;
	do {
		uint8_t piece[8192];

		z->next_out = piece;
		z->avail_out = sizeof piece;
		if (deflate(z, last ? Z_FINISH : Z_SYNC_FLUSH) == Z_STREAM_ERROR)
			return false;
		if (!kith_buf_add(out, piece, sizeof piece - z->avail_out))
			return false;
	} while (z->avail_out == 0);
	return !last || deflateReset(z) == Z_OK;
}
