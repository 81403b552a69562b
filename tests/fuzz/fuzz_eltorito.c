/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_eltorito.c: a disc from its boot record on (sector 17): what the catalog names lies in it.
 */
#include <stdlib.h>
#include <string.h>

#include "containers/eltorito.h"
#include "fuzz/quiet_emit.h"

#define BEFORE ((size_t)17 * 2048)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kith_boot_images images;
	uint8_t *disc = calloc(1, BEFORE + n);
	size_t i;

	if (disc == NULL)
		abort();
	memcpy(disc + BEFORE - 2048, "\001CD001", 6); /* the primary descriptor */
	if (n > 0)
		memcpy(disc + BEFORE, data, n);
	if (kith_boot_images_read(quiet_blob(disc, BEFORE + n), &images, NULL) < 0)
		abort();
	for (i = 0; i < images.n; i++)
		if (images.items[i].offset >= BEFORE + n ||
		    images.items[i].bytes > BEFORE + n - images.items[i].offset)
			abort();
	free(disc);
	return 0;
}
