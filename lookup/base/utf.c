/* SPDX-License-Identifier: Apache-2.0 */
#include "utf.h"

#include "bytes.h"

/* RFC 3629, 3. */
bool kith_utf8_add(struct kith_buf *out, uint32_t c)
{
	uint8_t u[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n == 1) {
		u[0] = (uint8_t)c;
	} else if (n == 2) {
		u[0] = (uint8_t)(0xc0 | c >> 6);
		u[1] = (uint8_t)(0x80 | (c & 0x3f));
	} else if (n == 3) {
		u[0] = (uint8_t)(0xe0 | c >> 12);
		u[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		u[2] = (uint8_t)(0x80 | (c & 0x3f));
	} else {
		u[0] = (uint8_t)(0xf0 | (c >> 18 & 7));
		u[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		u[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		u[3] = (uint8_t)(0x80 | (c & 0x3f));
	}
	return kith_buf_add(out, u, n);
}

bool kith_utf16_add(struct kith_buf *out, const void *utf16le, size_t n)
{
	const uint8_t *p = utf16le;
	size_t i;

	for (i = 0; i + 1 < n; i += 2) {
		uint32_t c = kith_get_le16(p + i);

		if (c >= 0xd800 && c < 0xdc00 && i + 3 < n) {
			uint32_t low = kith_get_le16(p + i + 2);

			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		if (!kith_utf8_add(out, c))
			return false;
	}
	return true;
}
