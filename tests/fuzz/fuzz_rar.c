/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_rar.c: a part of a split archive, and the headers of two that are the same; its bytes as a
 * name too: what comes before the name behind it is that name. */
#include <stdlib.h>
#include <string.h>

#include "containers/rar5_headers.h"
#include "containers/rar_volume.h"
#include "fuzz/quiet_emit.h"

#define NAME_SIZE 300u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_names(const uint8_t *data, size_t n, bool part_names)
{
	char next[NAME_SIZE], back[NAME_SIZE];
	size_t base = n;

	while (base > 0 && data[base - 1] != '/')
		base--;
	if (!kith_rar_next_name(data, n, part_names, next, sizeof next) || !part_names)
		return;
	if ((!kith_rar_previous_name(next, strlen(next), true, false, back, sizeof back) ||
	     strlen(back) != n - base || memcmp(back, data + base, n - base) != 0) &&
	    (!kith_rar_previous_name(next, strlen(next), true, true, back, sizeof back) ||
	     strlen(back) != n - base || memcmp(back, data + base, n - base) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct kith_blob *blob = quiet_blob(data, n), *const parts[2] = {blob, blob};
	struct rar5_headers headers;
	struct rar_volume volume;
	struct rar5_file file;
	size_t files = 0;

	if (kith_rar_volume(blob, &volume, NULL) < 0)
		abort();
	rar5_headers_start(&headers, parts, 2);
	while (rar5_headers_next(&headers, &file, NULL) == KITH_OK && files++ <= 2 * n) {
		if (file.name_n > n || (file.copy_of != NULL && file.copy_of_n > n))
			abort();
		free(memcpy(malloc(file.name_n + 1), file.name, file.name_n)); /* it is there */
	}
	if (files > 2 * n)
		abort();
	rar5_headers_done(&headers);
	try_names(data, n, true);
	try_names(data, n, false);
	return 0;
}
