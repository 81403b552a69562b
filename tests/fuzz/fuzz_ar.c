/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_ar.c: an ar archive: members, long names, symbol tables. */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_ar, KITH_FORMAT_AR, "a.a", data, n);
	return 0;
}
