/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kernel.c: Linux kernels; each input is tried as all three kinds. */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_kernel, KITH_FORMAT_BZIMAGE, "vmlinuz", data, n);
	(void)quiet_walk(&kith_container_kernel, KITH_FORMAT_ZBOOT, "vmlinuz", data, n);
	(void)quiet_walk(&kith_container_kernel, KITH_FORMAT_UKI, "linux.efi", data, n);
	return 0;
}
