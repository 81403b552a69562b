/* SPDX-License-Identifier: Apache-2.0 */
#include "utf.h"

#include <string.h>

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

static bool hex4(struct kith_bytes raw, size_t at, uint32_t *ret)
{
	size_t i;

	*ret = 0;
	if (raw.n < at + 4)
		return false;
	for (i = at; i < at + 4; i++) {
		uint8_t c = raw.data[i];
		uint32_t v = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
			     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
			     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
						    : 16;

		if (v == 16)
			return false;
		*ret = *ret << 4 | v;
	}
	return true;
}

bool kith_json_unescape(struct kith_bytes raw, struct kith_buf *to)
{
	static const char from[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
	uint32_t c, low;
	const char *at;
	size_t i = 0;

	to->n = 0;
	while (i < raw.n) {
		if (raw.data[i] != '\\') {
			if (!kith_buf_add_byte(to, raw.data[i++]))
				return false;
			continue;
		}
		if (i + 1 >= raw.n)
			return false;
		at = raw.data[i + 1] == 0 ? NULL : strchr(from, raw.data[i + 1]);
		if (at != NULL) {
			c = (uint8_t)is[at - from];
			i += 2;
		} else {
			if (raw.data[i + 1] != 'u' || !hex4(raw, i + 2, &c))
				return false;
			i += 6;
			if (c >= 0xd800 && c < 0xdc00 && i + 1 < raw.n && raw.data[i] == '\\' &&
			    raw.data[i + 1] == 'u' && hex4(raw, i + 2, &low) && low >= 0xdc00 &&
			    low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i += 6;
			}
		}
		if (!kith_utf8_add(to, c))
			return false;
	}
	return true;
}
