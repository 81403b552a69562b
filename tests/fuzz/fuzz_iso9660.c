/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_iso9660.c: a disc with all that is on it, behind its system area: 16 sectors that are zeros.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/quiet_emit.h"

#define SYSTEM_AREA ((size_t)32768)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *disc = calloc(1, SYSTEM_AREA + n);

	if (disc == NULL)
		abort();
	if (n > 0)
		memcpy(disc + SYSTEM_AREA, data, n);
	(void)quiet_walk(&kith_container_iso9660, KITH_FORMAT_ISO9660, "a.iso", disc,
			 SYSTEM_AREA + n);
	free(disc);
	return 0;
}
