/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_cpio.c: a cpio, and what follows it: headers of all kinds, hard links. */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_cpio, KITH_FORMAT_CPIO, "a.cpio", data, n);
	return 0;
}
