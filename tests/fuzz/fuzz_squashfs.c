/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_squashfs.c: squashfs images. */
#include "fuzz/quiet_emit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* libsquashfs asks for as much memory as an inode claims to need, and copes when there is none.
 * Visible, because gcc's sanitizer is a library that looks for it. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	(void)quiet_walk(&kith_container_squashfs, KITH_FORMAT_SQUASHFS, "a.squashfs", data, n);
	return 0;
}
