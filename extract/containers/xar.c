/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xar.c: xar and macOS packages by libarchive. It compares the SHA-1 or MD5 that the table of
 * contents has for each file itself, packed and unpacked: a mismatch is a damaged entry.
 */
#include "libarchive.h"

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	return kith_la_walk(in, KITH_LA_XAR, err);
}

const struct kith_container_ops kith_container_xar = {
    .id = "xar", .prepare = kith_la_prepare, .walk = walk};
