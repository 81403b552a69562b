/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_pe.c: a Windows program's headers, and the data behind it. */
#include "facts/pe.h"
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static enum kith_status read_blob(void *user, uint64_t offset, void *buf, size_t n,
				  struct kith_err *err)
{
	return kith_blob_read(user, offset, buf, n, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct kith_blob *blob = quiet_blob(data, n);
	struct kith_pe pe;
	unsigned i;

	if (kith_pe_read(&pe, n, read_blob, (void *)(uintptr_t)blob, NULL) >= 0) {
		if (pe.end > n || pe.n_sections > KITH_PE_SECTIONS)
			__builtin_trap();
		for (i = 0; i < pe.n_sections; i++) {
			uint64_t at = 0, left = 0;

			if (kith_pe_find(&pe, pe.sections[i].rva, &at, &left) &&
			    (at > n || left > n - at))
				__builtin_trap();
		}
	}
	(void)quiet_walk(&kith_container_pe_overlay, KITH_FORMAT_PE_OVERLAY, "a.exe", data, n);
	return 0;
}
