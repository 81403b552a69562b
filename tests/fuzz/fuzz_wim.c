/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_wim.c: a Windows image: header, tables, trees, contents, XML. */
#include <stdlib.h>

#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static bool prepared;

	if (!prepared && kith_container_wim.prepare(NULL) < 0)
		abort();
	prepared = true;
	(void)quiet_walk(&kith_container_wim, KITH_FORMAT_WIM, "a.wim", data, n);
	return 0;
}
