/* SPDX-License-Identifier: Apache-2.0 */
/* names.c: names as all containers report them (the rules are in container.h). */
#include "containers/container.h"

bool kith_utf16_name(struct kith_buf *out, const void *utf16le, size_t n)
{
	const uint8_t *p = utf16le;
	size_t i;

	for (i = 0; i + 1 < n; i += 2) {
		uint32_t c = (uint32_t)p[i] | (uint32_t)p[i + 1] << 8;
		uint8_t u[4];
		size_t un;

		if (c >= 0xd800 && c < 0xdc00 && i + 3 < n) {
			uint32_t low = (uint32_t)p[i + 2] | (uint32_t)p[i + 3] << 8;

			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		if (c < 0x80) {
			u[0] = (uint8_t)c;
			un = 1;
		} else if (c < 0x800) {
			u[0] = (uint8_t)(0xc0 | c >> 6);
			u[1] = (uint8_t)(0x80 | (c & 0x3f));
			un = 2;
		} else if (c < 0x10000) {
			u[0] = (uint8_t)(0xe0 | c >> 12);
			u[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
			u[2] = (uint8_t)(0x80 | (c & 0x3f));
			un = 3;
		} else {
			u[0] = (uint8_t)(0xf0 | c >> 18);
			u[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
			u[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
			u[3] = (uint8_t)(0x80 | (c & 0x3f));
			un = 4;
		}
		if (!kith_buf_add(out, u, un))
			return false;
	}
	return true;
}

void kith_entry_path(const uint8_t **name, size_t *n)
{
	if (*n >= 2 && (*name)[0] == '.' && (*name)[1] == '/') {
		(*name)++;
		(*n)--;
	}
}
