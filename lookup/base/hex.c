/* SPDX-License-Identifier: Apache-2.0 */
#include "hex.h"

/* 0x00..0x0f for a digit, 0xff for anything else. */
#define X 0xff
static const uint8_t digit_value[256] = {
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    X, X, X, X, X, X, X, 10, 11, 12, 13, 14, 15, X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X, X, X, X, X, X,
    X, X, X, X, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X, X, X, X, X, X, X, X,
};
#undef X

bool kith_hex_decode(const char *text, uint8_t *out, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	uint8_t bad = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		uint8_t high = digit_value[p[2 * i]], low = digit_value[p[2 * i + 1]];

		bad |= (uint8_t)(high | low);
		out[i] = (uint8_t)(high << 4 | (low & 0x0f));
	}
	return bad < 0x10;
}

static char *encode(const uint8_t *in, size_t n, char *out, const char *digits)
{
	size_t i;

	for (i = 0; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 0x0f];
	}
	return out;
}

char *kith_hex_encode(const uint8_t *in, size_t n, char *out)
{
	return encode(in, n, out, "0123456789abcdef");
}

char *kith_hex_encode_upper(const uint8_t *in, size_t n, char *out)
{
	return encode(in, n, out, "0123456789ABCDEF");
}

size_t kith_hex_span(const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t i = 0;

	while (i < n && digit_value[p[i]] != 0xff)
		i++;
	return i;
}
