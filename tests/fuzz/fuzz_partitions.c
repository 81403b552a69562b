/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_partitions.c: partition tables: what they name lies in the image. */
#include <stdlib.h>

#include "containers/partition.h"
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct kith_partitions all;
	size_t i;

	if (kith_partitions_read(quiet_blob(data, n), &all, NULL) < 0)
		abort();
	for (i = 0; i < all.n; i++)
		if (all.items[i].offset >= n || all.items[i].bytes > n - all.items[i].offset ||
		    all.items[i].bytes == 0)
			abort();
	kith_partitions_done(&all);
	return 0;
}
