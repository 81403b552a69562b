/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_squashfs.c: squashfs images. */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_squashfs, KITH_FORMAT_SQUASHFS, "a.squashfs", data, n);
	return 0;
}
