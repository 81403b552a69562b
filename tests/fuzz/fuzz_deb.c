/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_deb.c: Debian packages: their members, control file and md5sums. */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_deb, KITH_FORMAT_DEB, "a.deb", data, n);
	return 0;
}
