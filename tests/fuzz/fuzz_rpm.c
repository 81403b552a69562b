/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_rpm.c: RPM packages: headers, lists of files, payloads of both forms. */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_rpm, KITH_FORMAT_RPM, "a.rpm", data, n);
	return 0;
}
