/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_compressed.c: gzip members and the ends of zstd frames, which are read here, not by a
 * library; with what is in them and behind them. The first byte says which of the two.
 */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum kith_format format = n > 0 && data[0] == 0x1f ? KITH_FORMAT_GZIP : KITH_FORMAT_ZSTD;

	(void)quiet_walk(&kith_container_compressed, format, "a.gz", data, n);
	return 0;
}
