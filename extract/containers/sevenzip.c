/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sevenzip.c: 7z by libarchive, which refuses what it cannot decode (filters for ARM64 and RISC-V,
 * zstd inside, encryption) with a sentence: it becomes the ledger's row.
 */
#include "libarchive.h"

static enum kith_status walk(const struct kith_container_in *in, struct kith_err *err)
{
	return kith_la_walk(in, KITH_LA_7Z, err);
}

const struct kith_container_ops kith_container_sevenzip = {
    .id = "sevenzip", .prepare = kith_la_prepare, .walk = walk};
