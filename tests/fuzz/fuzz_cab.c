/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_cab.c: a cabinet. Its parser is libmspack; the order of files and their overlaps are ours.
 */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_cab, KITH_FORMAT_CAB, "a.cab", data, n);
	return 0;
}
