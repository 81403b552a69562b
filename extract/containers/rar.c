/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rar.c: both formats by the name rar. Their signatures differ in the seventh byte ("Rar!\x1a\x07",
 * then 0 for the older one, 1 for RAR 5; RAR 5.0 archive format, "RAR 5.0 signature").
 */
#include "libarchive.h"

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	uint8_t head[7];
	size_t n;
	enum kith_status st = kith_blob_read_some(in->blob, 0, head, sizeof head, &n, err);

	if (st < 0)
		return st;
	return kith_la_walk(in, n == sizeof head && head[6] == 1 ? KITH_LA_RAR5 : KITH_LA_RAR, err);
}

const struct kith_container_ops kith_container_rar = {
    .id = "rar", .prepare = kith_la_prepare, .walk = walk};
