/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_zip.c: a zip: its directory, local headers, and the data of entries. */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_zip, KITH_FORMAT_ZIP, "a.zip", data, n);
	return 0;
}
