/* SPDX-License-Identifier: Apache-2.0 */
/* names.c: names as all containers report them (the rules are in container.h). */
#include "base/utf.h"
#include "containers/container.h"

bool kith_utf16_name(struct kith_buf *out, const void *utf16le, size_t n)
{
	return kith_utf16_add(out, utf16le, n);
}

void kith_entry_path(const uint8_t **name, size_t *n)
{
	if (*n >= 2 && (*name)[0] == '.' && (*name)[1] == '/') {
		(*name)++;
		(*n)--;
	}
}
